package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tidemark/internal/test/env"
	"tidemark/producers/load"
	"tidemark/producers/load/report"
	"tidemark/producers/load/search"
	loadverdict "tidemark/producers/load/verdict"
)

// madeRun is a summary with something at each stage.
func madeRun() *load.Summary {
	s := &load.Summary{
		SchemaVersion: 1, Run: "load-1", Verdict: loadverdict.Verdict{Outcome: loadverdict.Pass}, Latency: map[string]load.Latency{}, Histograms: map[string][]load.Bucket{},
		Config: load.SummaryConfig{Rate: 100, Mix: "token_calls", DurationS: 10, SLOMS: 2000}, Series: []load.Sample{{AtS: 1, Sent: 100}},
	}
	for _, at := range report.Stages {
		var h load.Histogram
		h.Add(5 * time.Millisecond)
		s.Histograms[at.Stage.String()], s.Latency[at.Stage.String()] = h.Buckets(1), load.Latency{Count: 1, P50MS: 5, P99MS: 5, MaxMS: 5}
	}
	return s
}

// TestLoadChecksFiles: a file that cannot be written, or compared with, is refused by its flag before anything is measured.
func TestLoadChecksFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	found := filepath.Join(dir, "search.json")
	text, err := json.Marshal(report.Search{SchemaVersion: 1, Search: search.Result{State: search.Found}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{file: []byte("{}"), found: text} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	none := filepath.Join(dir, "none", "x")
	for line, want := range map[string]string{
		"--out " + none:            "--out: ",
		"--summary-export " + none: "--summary-export: ",
		"--csv " + dir:             "--csv: " + dir + " is a folder",
		"--hgrm " + file:           "--hgrm: ",
		"--out " + dir + "/a --csv " + dir + "/./a":               "is the file of --out too",
		"--compare " + none:                                       "--compare: ",
		"--compare " + file:                                       "--compare: " + file + ": it is not a file of tidemark load",
		"--compare " + found:                                      "is of a search: one run can be compared with one run only",
		"--out " + none + " --csv " + none + " --compare " + none: "--csv: ",
	} {
		code, out, errOut := command(t, append([]string{"load", "--namespace", "lab", "--brokers", "127.0.0.1:1"}, strings.Fields(line)...)...)
		if code != exitInvalid || out != "" || !strings.Contains(errOut, want) {
			t.Errorf("load %s: exit code %d, %s; want %q", line, code, errOut, want)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// fullDevice returns the path of a device that is full.
func fullDevice(t *testing.T) string {
	t.Helper()
	const path = "/dev/full"
	_, err := os.Stat(path)
	env.Require(t, path+", a device that is full", err == nil, "run the test on Linux")
	return path
}

// TestLoadWritesOthers: a full disk costs the file that is on it and no other.
func TestLoadWritesOthers(t *testing.T) {
	t.Parallel()
	full := fullDevice(t)
	dir := t.TempDir()
	o := loadOutputs{SummaryExport: filepath.Join(dir, "summary.json"), CSV: full, HGRM: filepath.Join(dir, "hgrm"), Out: filepath.Join(dir, "report.html")}
	if err := o.check(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(o.Out, []byte("what was here before, and is longer or shorter"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err := o.writeAll(&out, report.File{Run: madeRun()}, nil)
	if err == nil || !strings.Contains(err.Error(), "--csv: ") || !strings.Contains(err.Error(), "no space left") || strings.Contains(err.Error(), "--out") {
		t.Errorf("a full disk: %v", err)
	}
	want := "wrote " + o.SummaryExport + "\nwrote " + o.Out + "\nwrote " + o.HGRM + "/*.hgrm\n"
	if out.String() != want {
		t.Errorf("printed %s, want %s", out.String(), want)
	}
	if page, err := os.ReadFile(o.Out); err != nil || !strings.HasSuffix(string(page), "</html>\n") || !strings.HasPrefix(string(page), "<!DOCTYPE") {
		t.Errorf("the page is not whole: %v", err)
	}
	if names, err := filepath.Glob(o.HGRM + "/*"); err != nil || len(names) != len(report.Stages) {
		t.Errorf("%q", names)
	}
	if _, err := readReport(o.SummaryExport); err != nil {
		t.Error(err)
	}
}

// TestWriteFile: what fails leaves what was there, and nothing else.
func TestWriteFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, link := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	put := func(path, text string, err error) error {
		return writeFile(path, func(w io.Writer) error {
			_, _ = io.WriteString(w, strings.Repeat(text, 10_000))
			return err
		})
	}
	if err := errors.Join(put(path, "old", nil), os.Symlink(path, link)); err != nil {
		t.Fatal(err)
	}
	if err := put(path, "new", io.ErrShortWrite); !errors.Is(err, io.ErrShortWrite) || !strings.Contains(err.Error(), path) {
		t.Errorf("an error is %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || len(text) != 30_000 || !strings.HasPrefix(string(text), "old") {
		t.Errorf("an error leaves %d bytes, %v", len(text), err)
	}
	if err := put(link, "newer", nil); err != nil {
		t.Error(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode().IsRegular() {
		t.Errorf("a link is replaced: %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || len(text) != 50_000 {
		t.Errorf("what a link is to has %d bytes, %v", len(text), err)
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 2 {
		t.Errorf("left behind: %v", names)
	}
}

// TestLoadReport renders and compares files without running anything.
func TestLoadReport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b, page := filepath.Join(dir, "a.json"), filepath.Join(dir, "b.json"), filepath.Join(dir, "report.html")
	for _, path := range []string{a, b} {
		if err := (loadOutputs{SummaryExport: path}).writeAll(&bytes.Buffer{}, report.File{Run: madeRun()}, nil); err != nil {
			t.Fatal(err)
		}
	}
	code, out, errOut := command(t, "load", "report", a, b, "--out", page)
	if code != exitOK || !strings.HasPrefix(out, b+" compared with "+a) || !strings.HasSuffix(out, "wrote "+page+"\n") || !strings.Contains(out, "too few parts") {
		t.Errorf("exit code %d, %s, %s", code, out, errOut)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if code, out, _ := command(t, "load", "report", a, b); code != exitOK || out != string(text) {
		t.Errorf("exit code %d; what is printed is not what the file has", code)
	}
	for line, want := range map[string]string{
		dir + "/none":       "none: no such file",
		page:                "it is not a file of tidemark load",
		a + " --out " + dir: "--out: " + dir + " is a folder",
		"":                  "expected \"<file> ...\"",
	} {
		if code, _, errOut := command(t, append([]string{"load", "report"}, strings.Fields(line)...)...); code != exitInvalid || !strings.Contains(errOut, want) {
			t.Errorf("load report %s: exit code %d, %s; want %q", line, code, errOut, want)
		}
	}
}

// TestLiveLine: the line of a run says its phase, how long it goes on, what comes through, and the freshness.
func TestLiveLine(t *testing.T) {
	t.Parallel()
	l := load.Live{Elapsed: 5 * time.Second, Warmup: 10 * time.Second, Total: 70 * time.Second, Sent: 50_000, Acknowledged: 49_990, Stored: 48_120, Lag: 12_345, SLO: 2 * time.Second}
	for _, step := range []struct {
		elapsed time.Duration
		fresh   bool
		want    string
	}{
		{0, false, "offer | sent 50,000, acknowledged 49,990, stored 48,120 events/s | lag 12,345 | p99 raw not known yet"},
		{5 * time.Second, false, "warm-up 0:05 of 0:10 | sent 50,000, acknowledged 49,990, stored 48,120 events/s | lag 12,345 | p99 raw not known yet"},
		{45 * time.Second, true, "measure 0:35, 0:25 left | sent 50,000, acknowledged 49,990, stored 48,120 events/s | lag 12,345 | p99 raw 812ms of 2s"},
		{71 * time.Second, true, "offer | sent 50,000, acknowledged 49,990, stored 48,120 events/s | lag 12,345 | p99 raw 812ms of 2s"},
	} {
		l.Elapsed, l.RawOK, l.Raw = step.elapsed, step.fresh, 812*time.Millisecond
		if got := liveLine("offer", l); got != step.want {
			t.Errorf("%s: %q, want %q", step.elapsed, got, step.want)
		}
	}
	var plain bytes.Buffer
	view := newLoadView(Streams{Err: &plain}, func() load.Live { return l })
	view.enter("offer")
	view.progress.begin = time.Now().Add(-time.Minute)
	view.polled()
	view.polled() // Within 10 s: nothing.
	view.enter("audit")
	view.end()
	if want := "offer\n" + liveLine("offer", l) + "\naudit\n"; plain.String() != want {
		t.Errorf("printed %q, want %q", plain.String(), want)
	}
	plain.Reset()
	view.progress.terminal = true
	view.enter("drain")
	view.end()
	if want := "\r\x1b[Kdrain\r\x1b[K"; plain.String() != want {
		t.Errorf("printed %q, want %q", plain.String(), want)
	}
}
