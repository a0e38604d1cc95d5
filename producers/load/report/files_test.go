package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"tidemark/producers/load"
)

// TestCSV: a row per second with the units in the header; what was not measured is empty.
func TestCSV(t *testing.T) {
	t.Parallel()
	first := &load.Summary{Run: "load-1", Config: load.SummaryConfig{WarmupS: 1, DurationS: 1}, Series: []load.Sample{
		{AtS: 0.9996, Sent: 10, Acknowledged: 9, Stored: 8, Raw: 7, Rollup: 6, Lag: 1.25},
		{AtS: 2, Due: 25, Sent: 20, Acknowledged: 20, Stored: 20, Raw: 20, Rollup: 20, Parts: 12, Processes: []load.ProcessSample{
			{Role: "ingest", CPUS: 1.5, Resident: 1 << 20}, {Role: "database", CPUS: 2.25, Resident: 1 << 30},
		}},
	}}
	second := &load.Summary{Run: "load-2, \"b\"", Series: []load.Sample{{AtS: 1, Parts: 3, Merges: 2, Processes: []load.ProcessSample{{Role: "database", CPUS: 4}}}}}
	var out bytes.Buffer
	if err := WriteCSV(&out, []*load.Summary{first, second}); err != nil {
		t.Fatal(err)
	}
	const want = `run,phase,at_s,due_events,sent_events,acknowledged_events,stored_events,queryable_raw_events,queryable_rollup_events,lag_events,active_parts_max,merges_running,ingest_cpu_s,ingest_resident_bytes,database_cpu_s,database_resident_bytes
load-1,warm-up,1.000,,10,9,8,7,6,1.250,,,,,,
load-1,measure,2.000,25,20,20,20,20,20,0.000,12,0,1.500,1048576,2.250,1073741824
"load-2, ""b""",drain,1.000,,0,0,0,0,0,0.000,3,2,,,4.000,0
`
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestSpectrum: ten events of 1 to 10 ms. The lines are those that HdrHistogram's Go library writes for them with two
// significant digits, but for the maximum, which is exact here.
func TestSpectrum(t *testing.T) {
	t.Parallel()
	var h load.Histogram
	for i := range 10 {
		h.Add(time.Duration(i+1) * time.Millisecond)
	}
	s := &load.Summary{
		Histograms: map[string][]load.Bucket{"stored": h.Buckets(1)}, Latency: map[string]load.Latency{"stored": {Count: 10, MeanMS: ms(h.Mean()), MaxMS: ms(h.Max())}},
	}
	var out bytes.Buffer
	if err := WriteSpectrum(&out, s, load.Stored); err != nil {
		t.Fatal(err)
	}
	const want = `       Value     Percentile TotalCount 1/(1-Percentile)

       1.003 0.000000000000          1           1.00
       1.003 0.100000000000          1           1.11
       2.007 0.200000000000          2           1.25
       3.007 0.300000000000          3           1.43
       4.015 0.400000000000          4           1.67
       5.023 0.500000000000          5           2.00
       6.015 0.550000000000          6           2.22
       6.015 0.600000000000          6           2.50
       7.007 0.650000000000          7           2.86
       7.007 0.700000000000          7           3.33
       8.031 0.750000000000          8           4.00
       8.031 0.775000000000          8           4.44
       8.031 0.800000000000          8           5.00
       9.023 0.825000000000          9           5.71
       9.023 0.850000000000          9           6.67
       9.023 0.875000000000          9           8.00
       9.023 0.887500000000          9           8.89
       9.023 0.900000000000          9          10.00
      10.000 0.912500000000         10          11.43
      10.000 1.000000000000         10            inf
#[Mean    =        5.500, StdDeviation   =        2.873]
#[Max     =       10.000, Total count    =           10]
#[Buckets =           35, SubBuckets     =          256]
`
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	out.Reset()
	if err := WriteSpectrum(&out, &load.Summary{}, load.Stored); err != nil || !strings.Contains(out.String(), "Total count    =            0]") || strings.Contains(out.String(), "NaN") {
		t.Errorf("of nothing: %v\n%s", err, out.String())
	}
}

// TestRead: a file that is written is read as it was, and what is no such file is refused by name.
func TestRead(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(made(1, 2, 1))
	if err != nil {
		t.Fatal(err)
	}
	f, err := Read("a.json", text)
	if err != nil || f.Run == nil || f.Search != nil {
		t.Fatalf("%+v, %v", f, err)
	}
	if again, err := json.Marshal(f.Run); err != nil || !bytes.Equal(again, text) {
		t.Errorf("read and written again, a run is another: %v", err)
	}
	if text, err = json.Marshal(madeSearch(100, 110)); err != nil {
		t.Fatal(err)
	}
	if f, err = Read("s.json", text); err != nil || f.Search == nil || len(f.Runs()) != 2 {
		t.Errorf("%+v, %v", f, err)
	}
	for text, want := range map[string]string{
		"":                                  "x.json: it is not a file of tidemark load",
		"[]":                                "x.json: it is not a file of tidemark load",
		"{}":                                "it has no run and no search",
		`{"schema_version": 1}`:             "it has no run and no search",
		`{"schema_version": 2, "run": "a"}`: "its form has version 2",
		`{"schema_version": 1, "run": "a", "series": 5}`: "x.json: it is not a file of tidemark load",
	} {
		if _, err := Read("x.json", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
