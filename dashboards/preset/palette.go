package preset

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"tidemark/schemas"
)

// The colors, each a name of Grafana's: another shade on a light background than on a dark one. More of them cannot be told
// apart by everybody.
const (
	Blue   = "semi-dark-blue"
	Green  = "green"
	Orange = "semi-dark-orange"
	Red    = "semi-dark-red"
	Purple = "light-purple"
	Ink    = "text"
	Rest   = "#808080" // What is not told apart: the others together, and what has no name.
)

// Colors by their meaning.
const (
	Good    = Green
	Warning = Orange
	Bad     = Red
	Neutral = Blue
	Unknown = Purple
)

// Swatch is a color and the things that have it: one thing in the words of several panels.
type Swatch struct {
	Color string
	Names []string
}

// Palette has the colors of things of one kind, which charts show side by side. A test checks that people with any kind of
// color vision can tell them apart.
type Palette []Swatch

// The palettes. What is in none of them has a color by its place among the series of its chart, so that neighbors differ.
var (
	Others   = Palette{{Rest, []string{"other", "unknown", "not given"}}}
	Products = Palette{
		{Blue, []string{"chat"}}, {Orange, []string{"search"}}, {Purple, []string{"code"}}, {Green, []string{"api"}}, {Red, []string{"assistant"}},
		{Rest, []string{"other"}},
	}
	Segments = Palette{
		{Blue, []string{"consumer"}}, {Orange, []string{"developer"}}, {Purple, []string{"enterprise"}}, {Green, []string{"government"}},
		{Rest, []string{"unknown"}},
	}
	Weights      = Palette{{Green, []string{"open"}}, {Purple, []string{"closed", "closed or unknown"}}, {Rest, []string{"unknown"}}}
	TokenClasses = Palette{
		{Blue, []string{"input", "input, uncached"}}, {Green, []string{"cache read", "cache hits"}}, {Orange, []string{"cache write"}},
		{Purple, []string{"output", "output, visible"}}, {Red, []string{"reasoning"}}, {Ink, []string{"per call", "streamed"}},
	}
	Quantiles = Palette{
		{Blue, []string{"p50", "median"}}, {Green, []string{"p90"}}, {Orange, []string{"p95"}}, {Red, []string{"p99", "longest", "largest"}},
		{Purple, []string{"mean"}},
	}
	Topics = Palette{
		{Blue, []string{"token_calls.v1"}}, {Green, []string{"queries.v1"}}, {Orange, []string{"signups.v1"}}, {Purple, []string{"model_events.v1"}},
		{Red, []string{"reference_points.v1"}}, {Ink, []string{"runs.v1"}},
	}
	Countries = Palette{ // Of those who make models.
		{Blue, []string{"US"}}, {Red, []string{"CN"}}, {Green, []string{"FR"}}, {Orange, []string{"GB"}}, {Purple, []string{"CA"}}, {Ink, []string{"KR"}},
		{Rest, []string{"other or unknown", "unknown"}},
	}
	// What became of records of the log, of items that a collector received, and of requests that it refused.
	Fates = Palette{
		{Neutral, []string{"duplicates"}}, {Warning, []string{"altered duplicates"}}, {Bad, []string{"dead letters"}}, {Ink, []string{"lost unread"}},
	}
	Intake = Palette{
		{Good, []string{"on the log"}}, {Unknown, []string{"in a spool", "waiting"}}, {Neutral, []string{"joined"}}, {Rest, []string{"skipped"}},
		{Warning, []string{"rejected"}}, {Bad, []string{"unexplained"}},
	}
	Refusals = Palette{{Warning, []string{"comes again"}}, {Bad, []string{"lost"}}}
	Doubts   = Palette{{Neutral, []string{"joined"}}, {Warning, []string{"may be double"}}, {Unknown, []string{"without usage"}}}
	// Adoption: products and figures that are compared, and who says so.
	Adopters = Palette{{Blue, []string{"ChatGPT"}}, {Orange, []string{"Google", "Internet"}}, {Ink, []string{"365 billion", "90 %"}}}
	Claims   = Palette{
		{Blue, []string{"measured", "accounts", "tokens", "models"}}, {Orange, []string{"reported", "company's statements"}},
		{Green, []string{"report"}}, {Rest, []string{"the day before", "fitted line"}},
	}
	Family = Palette{{Blue, []string{"models", "models, reported"}}, {Orange, []string{"derivatives", "derivatives, reported"}}}
	// Words in cells.
	Verdicts = Palette{
		{Good, []string{schemas.VerdictOK}}, {Neutral, []string{schemas.VerdictPending}}, {Bad, []string{schemas.VerdictDifference}},
		{Warning, []string{schemas.VerdictError}},
	}
	WorkerStates = Palette{{Good, []string{"works"}}, {Bad, []string{"no report"}}, {Neutral, []string{"stopped"}}}
	Standings    = Palette{{Good, []string{"checked"}}, {Neutral, []string{"illustrative"}}, {Warning, []string{"unconfirmed"}}, {Rest, []string{"not replayed"}}}
)

// Palettes returns all palettes by name.
func Palettes() map[string]Palette {
	return map[string]Palette{
		"others": Others, "products": Products, "segments": Segments, "weights": Weights, "token classes": TokenClasses, "quantiles": Quantiles,
		"topics": Topics, "countries": Countries, "fates": Fates, "intake": Intake, "refusals": Refusals, "doubts": Doubts, "adopters": Adopters,
		"claims": Claims, "family": Family, "verdicts": Verdicts, "worker states": WorkerStates, "standings": Standings,
	}
}

// Painted is a builder of a panel whose series, slices or fields can be overridden by name.
type Painted[B any] interface {
	OverrideByName(name string, properties []dashboard.DynamicConfigValue) B
}

// Paint gives the things of the palettes their colors: series, and slices of a pie.
func Paint[B Painted[B]](builder B, palettes ...Palette) B {
	for _, p := range palettes {
		for _, swatch := range p {
			for _, name := range swatch.Names {
				builder = builder.OverrideByName(name, SeriesColor(swatch.Color))
			}
		}
	}
	return builder
}

// Mappings give the names of the palette their colors where they are values.
func (p Palette) Mappings() []dashboard.ValueMapping {
	options := map[string]dashboard.ValueMappingResult{}
	for _, swatch := range p {
		for _, name := range swatch.Names {
			options[name] = dashboard.ValueMappingResult{Color: cog.ToPtr(swatch.Color), Index: cog.ToPtr(int32(len(options)))}
		}
	}
	return []dashboard.ValueMapping{{ValueMap: &dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: options}}}
}

// Cells color the names of the palette in a column of a table.
func (p Palette) Cells() Overrides {
	return Overrides{Property("mappings", p.Mappings()), Property("custom.cellOptions", map[string]any{"type": "color-text"})}
}
