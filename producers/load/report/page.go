package report

import (
	"bytes"
	"compress/gzip"
	_ "embed" // The page, its style and its script.
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"

	"tidemark/producers/load"
)

// The script is built from dashboards/preview/web/src/report by scripts/web.
var (
	//go:embed page.html
	pageHTML string
	//go:embed style.css
	style string
	//go:embed dist/report.js.gz
	script []byte
	//go:embed dist/licenses.txt
	licenses string
)

var page = template.Must(template.New("page").Parse(pageHTML))

// view is what the page shows.
type view struct {
	Title       string
	Cards       []card
	Comparisons []comparisonView
	Overlaid    bool
	Searches    []searchSection
	Runs        []runSection
	Data        template.JS
	Script      template.JS
	Style       template.CSS
	Licenses    string
}

// WritePage writes one HTML file that needs nothing else: verdicts, checks, comparisons of the first file with each other
// one, charts, and the same figures as tables. more are comparisons beside those.
func WritePage(w io.Writer, files []File, more []Comparison) error {
	if len(files) == 0 {
		return errNothing
	}
	v := view{Style: template.CSS(style), Licenses: licenses}
	for _, c := range more {
		v.Comparisons = append(v.Comparisons, comparisonOf(c))
	}
	for _, f := range files[1:] {
		c, err := Compare(files[0], f)
		if err != nil {
			return err
		}
		v.Comparisons = append(v.Comparisons, comparisonOf(c))
	}
	data := plots{Runs: []runPlots{}, Searches: []searchPlots{}}
	for _, f := range files {
		label := ""
		if len(files) > 1 {
			label = f.Name + ": "
		}
		v.add(&data, f, label)
	}
	v.Overlaid = len(data.Runs) > 1
	v.Title = "Load test: " + v.Cards[0].Headline
	text, err := json.Marshal(data) // It escapes <, > and &, so that no text ends the script.
	if err != nil {
		return fmt.Errorf("make the report: %w", err)
	}
	code, err := unpacked(script)
	if err != nil {
		return fmt.Errorf("make the report: %w", err)
	}
	v.Data, v.Script = template.JS(text), template.JS(code)
	var out bytes.Buffer
	if err := page.Execute(&out, v); err != nil {
		return fmt.Errorf("make the report: %w", err)
	}
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// add adds a file to the page. Of a search, it shows the last trials at the bounds as runs.
func (v *view) add(data *plots, f File, label string) {
	if f.Run != nil {
		v.Cards = append(v.Cards, runCard(f.Run, label+"run "+f.Run.Run))
		v.addRun(data, f.Run, label+f.Run.Run)
		return
	}
	s := f.Search
	v.Cards = append(v.Cards, searchCard(s, label+"search"))
	v.Searches = append(v.Searches, searchSection{Index: len(data.Searches), Label: label, Trials: trialRows(s)})
	data.Searches = append(data.Searches, searchPlotsOf(s, label))
	shown := map[*load.Summary]bool{}
	for _, bound := range []struct {
		rate   float64
		passed bool
		name   string
	}{{s.Search.Lower, true, "sustained"}, {s.Search.Upper, false, "not sustained"}} {
		if t := s.lastAt(bound.rate, bound.passed); t != nil && !shown[t] {
			shown[t] = true
			v.addRun(data, t, fmt.Sprintf("%s%s (%s, %s events/s)", label, t.Run, bound.name, count(t.Config.Rate)))
		}
	}
	if len(shown) == 0 && len(s.Trials) > 0 {
		t := &s.Trials[len(s.Trials)-1]
		v.addRun(data, t, label+t.Run)
	}
}

func (v *view) addRun(data *plots, s *load.Summary, label string) {
	p := plotsOf(s, label)
	v.Runs = append(v.Runs, sectionOf(s, p, label, len(data.Runs)))
	data.Runs = append(data.Runs, p)
}

func unpacked(packed []byte) (string, error) {
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(reader)
	if err == nil && strings.Contains(strings.ToLower(string(text)), "</script") {
		err = fmt.Errorf("the script of the page would end it")
	}
	return string(text), err
}
