package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"tidemark/producers/scenario"
	scenariofile "tidemark/schemas/scenario"
)

type scenariosShowCmd struct {
	outputFlags
	Name string `arg:"" help:"A name from 'tidemark scenarios list', or the path of a scenario file."`
}

// Help implements kong.HelpProvider.
func (scenariosShowCmd) Help() string {
	return `A path that ends in .yaml is a scenario file of your own. Tidemark validates it and shows all mistakes at once, with line,
column and remedy.`
}

// Example implements exampler.
func (scenariosShowCmd) Example() string { return "tidemark scenarios show search-race" }

// Run shows one.
func (c *scenariosShowCmd) Run(ctx context.Context, s Streams) error {
	one, err := scenario.Load(c.Name)
	if err != nil {
		return wrongUse(err)
	}
	truth, err := scenario.Truth(ctx, one)
	if err != nil {
		return err
	}
	if c.json() {
		return printJSON(s.Out, scenarioShownOutput(one, truth))
	}
	out := s.Out
	total := truth.Total()
	fmt.Fprintf(out, "%s: %s\n\n%s\n%s, events from %s to %s, grain %s, seed %d\n", one.ID, one.Title, one.Description,
		count(total.Produced, "record"), date(total.FirstTime), date(total.LastTime), one.Grain, one.Seed)
	if err := printTruth(s, truth, 0); err != nil {
		return err
	}
	if len(one.Streams) > 0 {
		fmt.Fprint(out, "\nstreams\n")
	}
	for i := range one.Streams {
		showStream(out, &one.Streams[i])
	}
	fmt.Fprint(out, "\nexpectations\n")
	for _, e := range one.Expectations {
		fmt.Fprintf(out, "  %s: %s, %s (%s)\n", e.ID, e.What, e.Unit, e.Class)
		for line := range strings.Lines(strings.TrimRight(e.SQL, "\n")) {
			fmt.Fprint(out, "      "+line)
		}
		fmt.Fprintln(out)
	}
	fmt.Fprint(out, "\nsources\n")
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, name := range slices.Sorted(maps.Keys(one.Sources)) {
		source := one.Sources[name]
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\n", name, source.Confidence, source.License, source.Name, source.Where())
	}
	return table.Flush()
}

// showStream writes the curve of a stream, one point per line.
func showStream(out io.Writer, st *scenariofile.Stream) {
	fmt.Fprintf(out, "  %s: %s, %s\n", st.ID, st.Type, st.Curve.Unit)
	for _, p := range st.Curve.Points {
		value := strconv.FormatFloat(p.Value, 'g', -1, 64)
		if p.Value == math.Trunc(p.Value) { // At most 1e15.
			value = number(uint64(p.Value))
		}
		fmt.Fprintf(out, "      %-16s  %20s  %s\n", p.At.Text, value, p.Source)
	}
}

func date(us int64) string { return time.UnixMicro(us).UTC().Format("2006-01-02") }
