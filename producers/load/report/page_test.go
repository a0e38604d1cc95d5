package report

import (
	"bytes"
	"encoding/json"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"tidemark/producers"
	"tidemark/producers/load"
	"tidemark/producers/load/verdict"
)

func written(t *testing.T, files ...File) string {
	t.Helper()
	var out, again bytes.Buffer
	if err := WritePage(&out, files, nil); err != nil {
		t.Fatal(err)
	}
	if err := WritePage(&again, files, nil); err != nil || again.String() != out.String() {
		t.Errorf("written again, the page is another (%v)", err)
	}
	return out.String()
}

// dataOf returns the JSON of a page.
func dataOf(t *testing.T, page string) (p plots) {
	t.Helper()
	found := regexp.MustCompile(`<script type="application/json" id="data">(.*?)</script>`).FindAllStringSubmatch(page, -1)
	if len(found) != 1 {
		t.Fatalf("the data is in the page %d times", len(found))
	}
	if err := json.Unmarshal([]byte(found[0][1]), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestPage: the first screen says the verdict, the limit and each check, no text of a run gets out of its place, and nothing
// is loaded from elsewhere.
func TestPage(t *testing.T) {
	t.Parallel()
	s := made(1, 12, 1)
	s.Run, s.Verdict = `</script><img src=x onerror=alert(1)>`, verdict.Verdict{
		Outcome: verdict.Fail, Limit: verdict.Rollup, Reason: "freshness_rollup: late",
		Checks: []verdict.Check{{Name: "offered", State: verdict.OK, Detail: "sent"}, {Name: "freshness_rollup", State: verdict.Failed, Detail: "late"}, {Name: "audit", State: verdict.Unsure, Detail: "none"}},
	}
	page := written(t, run(s))
	first, _, _ := strings.Cut(page, `</section>`)
	for _, want := range []string{"<h2>fail</h2>", "the limit is rollup", "1,000 events/s asked, 1,000 sent", "✓</span>", "✗</span>", "–</span>", "freshness_rollup"} {
		if !strings.Contains(first, want) {
			t.Errorf("the first screen does not say %s", want)
		}
	}
	body, _, _ := strings.Cut(page, `<script type="application/json"`)
	if strings.Contains(page, "<img") || strings.Contains(body, "</script") || strings.Count(page, "</script>") != 3 {
		t.Error("the label of a run is not text")
	}
	if found := regexp.MustCompile(`(?i)(src|href)\s*=\s*["']?(https?:|//)|@import|url\(`).FindString(body); found != "" {
		t.Errorf("the page loads %s", found)
	}
	for _, chart := range []string{"curves", "rates", "lag", "fresh", "heat"} {
		if !strings.Contains(page, `data-chart="`+chart+`"`) {
			t.Errorf("there is no chart %s", chart)
		}
	}
	if !strings.Contains(page, "Not measured: CPU and memory, active parts and merges, bytes per event.") || strings.Contains(page, `data-chart="cores"`) {
		t.Error("the page does not say what was not measured")
	}
	if strings.Contains(body, "<td>NaN") || strings.Contains(body, "Inf") || len(page) > 1<<20 {
		t.Errorf("a page of %d bytes has numbers that are none", len(page))
	}
}

// TestPlots: what the charts show is what was measured.
func TestPlots(t *testing.T) {
	t.Parallel()
	s := made(1, 4, 1)
	for i := range s.Series {
		s.Series[i].Due, s.Series[i].Parts, s.Series[i].Merges = uint64(i+1)*2000, uint64(i), 1
		s.Series[i].Processes = []load.ProcessSample{{Role: "ingest", CPUS: float64(i) * 0.7, Resident: 9e6}}
		s.Series[i].Lag = 100 + 10*s.Series[i].AtS
	}
	s.Lag.Slope = 10
	p := plotsOf(s, "a")
	if len(p.Time) != 25 || p.Rates["offered"][12] != 2000 || math.Abs(p.Rates["stored"][12]-1000) > 10 || math.Abs(*p.Cores["ingest"][12]-0.7) > 1e-9 ||
		*p.Memory["ingest"][3] != 9e6 || p.Parts[20] != 20 || p.Merges[4] != 1 {
		t.Errorf("%+v", p)
	}
	if want := []band{{"warm-up", 0, 5}, {"measure", 5, 25}, {"drain", 25.3, 26.8}}; len(p.Bands) != 3 || math.Abs(p.Bands[2].From-want[2].From) > 1e-9 || p.Bands[1] != want[1] || math.Abs(p.Bands[2].To-want[2].To) > 1e-9 {
		t.Errorf("phases %v, want %v", p.Bands, want)
	}
	if line := p.Trend; len(line) != 2 || line[0] != [2]float64{5, 150} || line[1] != [2]float64{25, 350} {
		t.Errorf("the trend of a lag of 100 that grows by 10 per second is %v", line)
	}
	raw := load.Raw.String()
	if rows := p.Freshness[raw]; len(rows) != 4 || rows[1][0] != 10 || rows[1][3] != *s.Windows[raw][1].P99MS || rows[1][5] != 1 {
		t.Errorf("%v", rows)
	}
	shares := map[float64]float64{}
	for _, c := range p.Heat[raw] {
		if c[2] >= c[3] || c[3] > c[2]*1.3 {
			t.Errorf("a field of the heat map is from %v to %v ms", c[2], c[3])
		}
		shares[c[0]] += c[4]
	}
	for from, share := range shares {
		if math.Abs(share-1) > 1e-5 {
			t.Errorf("the fields of second %v add up to %v", from, share)
		}
	}
	curve := p.Curves[raw]
	if last := curve[len(curve)-1]; len(shares) != 4 || last[2] != s.Latency[raw].MaxMS || last[0] < 100 {
		t.Errorf("the curve ends at %v, the longest is %v ms", last, s.Latency[raw].MaxMS)
	}
}

// TestGaps: where nothing was read of a role, its lines have a gap: not 0, which would be a process that uses nothing.
func TestGaps(t *testing.T) {
	t.Parallel()
	s := made(1, 4, 1)
	ingest := func(i int) load.ProcessSample {
		return load.ProcessSample{Role: "ingest", CPUS: 0.5 * float64(i), Resident: 9e6}
	}
	for i := range s.Series {
		s.Series[i].Processes = []load.ProcessSample{{Role: "load", CPUS: 0.1 * float64(i), Resident: 5e6}}
		if i >= 3 && i < len(s.Series)-5 && i != 10 { // Read from the fourth second on, once not, and last 5 s before the end.
			s.Series[i].Processes = append(s.Series[i].Processes, ingest(i))
		}
	}
	s.Series[0].Processes = append(s.Series[0].Processes, load.ProcessSample{Role: "rollup", CPUS: 7, Resident: 1e6}) // One reading tells no cores.
	p := dataOf(t, written(t, run(s))).Runs[0]
	if len(p.Time) != 25 || len(p.Cores) != 3 || len(p.Memory) != 3 {
		t.Fatalf("%d points, roles %v", len(p.Time), p.Cores)
	}
	for i := range p.Time {
		known := i >= 3 && i < 20 && i != 10
		cores, memory := p.Cores["ingest"][i], p.Memory["ingest"][i]
		if (cores != nil) != known || (memory != nil) != known || known && (math.Abs(*cores-0.5) > 1e-9 || *memory != 9e6) {
			t.Errorf("second %d: known %t, cores %v, memory %v", i+1, known, optional(cores), optional(memory))
		}
		if cores, memory := p.Cores["load"][i], p.Memory["load"][i]; cores == nil || memory == nil || math.Abs(*cores-0.1) > 1e-9 || *memory != 5e6 {
			t.Errorf("second %d of what was always read: cores %v, memory %v", i+1, optional(cores), optional(memory))
		}
		if p.Cores["rollup"][i] != nil || (p.Memory["rollup"][i] != nil) != (i == 0) {
			t.Errorf("second %d of what was read once: cores %v, memory %v", i+1, optional(p.Cores["rollup"][i]), optional(p.Memory["rollup"][i]))
		}
	}
}

// optional is a value for messages.
func optional(x *float64) any {
	if x == nil {
		return "unknown"
	}
	return *x
}

// TestLongRun: the page of six hours is not larger than its charts are wide.
func TestLongRun(t *testing.T) {
	t.Parallel()
	s := made(1, 1, 1)
	window := s.Windows["sent"][0]
	for name := range s.Windows {
		s.Windows[name] = nil
		for i := range 6 * 3600 / 5 {
			window.FromS, window.ToS = float64(5+5*i), float64(10+5*i)
			s.Windows[name] = append(s.Windows[name], window)
		}
	}
	s.Series = nil
	for i := range 6 * 3600 {
		s.Series = append(s.Series, load.Sample{AtS: float64(i + 1), Sent: uint64(i+1) * 1000, Stored: uint64(i+1) * 1000})
	}
	s.Config.DurationS = 6 * 3600
	page := written(t, run(s))
	p := dataOf(t, page).Runs[0]
	if len(p.Time) > mostPoints || len(p.Time) < mostPoints/2 || p.Rates["stored"][700] != 1000 || p.EndS < 6*3600-60 {
		t.Errorf("%d points up to %v s", len(p.Time), p.EndS)
	}
	if rows := p.Freshness["queryable_raw"]; len(rows) > mostPoints || rows[0][1]-rows[0][0] != 15 || rows[len(rows)-1][1] != 6*3600+5 || rows[7][4] != brief(*window.MaxMS) {
		t.Errorf("%d parts of the time", len(rows))
	}
	if rows := strings.Count(page, "<tr><td>"); rows > mostRows+5 || rows < mostRows/2 || !strings.Contains(page, "Parts of 180 s") {
		t.Errorf("%d rows", rows)
	}
	if len(page) > 3<<19 {
		t.Errorf("the page has %d bytes", len(page))
	}
}

// TestPageOfNothing: a run in which nothing was measured, and a search without a trial, have pages that say so.
func TestPageOfNothing(t *testing.T) {
	t.Parallel()
	recorder := load.NewRecorder(load.RecorderConfig{Duration: time.Second, SLO: time.Second, SLORollup: time.Second})
	s := load.Summarize(recorder, load.Options{Rate: 5, Run: "load-1"}, load.Ending{Err: errNothing, Result: load.Result{Truth: &producers.Truth{}}})
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatalf("the summary is no JSON: %v", err)
	}
	f, err := Read("a.json", text)
	if err != nil {
		t.Fatal(err)
	}
	page := written(t, f, run(made(1, 12, 1)))
	if p := dataOf(t, page); len(p.Runs) != 2 || len(p.Runs[0].Time) != 0 {
		t.Errorf("%+v", p)
	}
	if !strings.Contains(page, "Not measured: rates and lag over time, the trend of the lag, freshness in raw over time, freshness in rollups over time, latency by percentile,") {
		t.Error("the page does not say that nothing was measured")
	}
	lost := madeSearch(1000, 1200)
	lost.Audit = "1 difference; first: raw holds"
	if page := written(t, File{Name: "s", Search: lost}); !strings.Contains(page, "audit of all trials: 1 difference") || !strings.Contains(page, `card failed`) {
		t.Error("the page does not say that the trials lost an event")
	}
	if page := written(t, File{Name: "s", Search: &Search{SchemaVersion: 1}}); !strings.Contains(page, "no limit is known") {
		t.Error("the page of a search without trials does not say that no limit is known")
	}
	if err := WritePage(&bytes.Buffer{}, nil, nil); err == nil {
		t.Error("a page of no file is made")
	}
}

// TestSearchPage: the first screen says the bounds, the limit and the checks of the trial that failed.
func TestSearchPage(t *testing.T) {
	t.Parallel()
	s := madeSearch(1000, 1200)
	page := written(t, File{Name: "s.json", Search: s})
	first, rest, _ := strings.Cut(page, `</section>`)
	for _, want := range []string{"sustained 1,000 events/s, not sustained 1,200", "the limit is ingest", "found after 2 trials", "plan with 700 events/s", "Checks: fail at 1,200 events/s"} {
		if !strings.Contains(first, want) {
			t.Errorf("the first screen does not say %s", want)
		}
	}
	p := dataOf(t, page)
	if len(p.Searches) != 1 || len(p.Searches[0].Trials) != 2 || p.Searches[0].Trials[1].Limit != "ingest" || *p.Searches[0].Trials[0].Slope != 1 || len(p.Runs) != 2 {
		t.Errorf("%+v", p.Searches)
	}
	if !strings.Contains(rest, "load-1-02 (not sustained, 1,200 events/s)") {
		t.Error("the trial at the upper bound is not shown")
	}
	two := written(t, File{Name: "s.json", Search: s}, File{Name: "t.json", Search: madeSearch(1500, 1600)})
	if !strings.Contains(two, "t.json compared with s.json") || !strings.Contains(two, ">higher<") {
		t.Error("two searches are not compared")
	}
}

// TestOverlaps: the page of two runs compares them, and names what makes that meaningless.
func TestOverlaps(t *testing.T) {
	t.Parallel()
	other := made(2, 12, 1.5)
	other.Config.Mix = "mixed"
	page := written(t, File{Name: "a.json", Run: made(1, 12, 1)}, File{Name: "b.json", Run: made(2, 12, 1.5)}, File{Name: "c.json", Run: other})
	for _, want := range []string{"b.json compared with a.json", "higher (p &lt; 0.001)", "c.json compared with a.json", "not comparable, since settings differ. mix:", `data-chart="overlay"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %s", want)
		}
	}
}
