package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tidemark/producers/load"
	"tidemark/producers/load/report"
	"tidemark/producers/load/search"
)

// offline are the flags of a load test that reaches nobody.
const offline = " --namespace lab --brokers 127.0.0.1:1 --clickhouse http://127.0.0.1:1"

// generatorOnly is a calibration that takes two seconds.
const generatorOnly = "load --generator-only --rate 100 --slo 1h --warmup 0s --duration 1s" + offline

// stopper is an output that ends a context when a text is written to it.
type stopper struct {
	bytes.Buffer
	at   string
	stop context.CancelFunc
}

// Write implements io.Writer.
func (s *stopper) Write(p []byte) (int, error) {
	if strings.Contains(string(p), s.at) {
		s.stop()
	}
	return s.Buffer.Write(p)
}

// TestLoadInterrupted: what is ended before it has its connections, or while it measures the generator, says so by its exit code and in its file,
// in place of what an earlier run has left there. A namespace of which nobody knows what is in it stays.
func TestLoadInterrupted(t *testing.T) {
	t.Parallel()
	const interrupted, partial = `"outcome": "interrupted"`, `"partial": true`
	for _, test := range []struct{ line, at, want string }{
		{"load" + offline, "", interrupted},
		{"load --namespace lab --drop-namespace" + offline, "", interrupted},
		{"load --backlog 5" + offline, "", interrupted},
		{"load --find-max" + offline, "", `"state": "ended_early"`},
		{"load --discard" + offline, "", partial},
		{generatorOnly, "flat out", partial},
		{generatorOnly, "by the schedule", partial},
	} {
		t.Run(test.line+" "+test.at, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file := filepath.Join(dir, "summary.json")
			if err := os.WriteFile(file, []byte("of an earlier run"), 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			out, errOut := &bytes.Buffer{}, &stopper{at: test.at, stop: cancel}
			if test.at == "" {
				cancel()
			}
			code := run(ctx, append(strings.Fields(test.line), "--summary-export", file), Streams{Out: out, Err: errOut})
			if code != exitInterrupted || out.Len() == 0 || strings.Contains(errOut.String(), "--drop-namespace") {
				t.Errorf("exit code %d\n%s%s", code, out, errOut)
			}
			text, err := os.ReadFile(file)
			if err != nil || !json.Valid(text) || !strings.Contains(string(text), test.want) {
				t.Errorf("no %s in %s (%v)", test.want, text, err)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// TestInterruptedAudit: a search is not wrong because its audit was interrupted, before it was begun or later, and nothing is recommended. One that
// could not be made for another reason proves the search wrong.
func TestInterruptedAudit(t *testing.T) {
	t.Parallel()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	c := loadCmd{throughFlags: throughFlags{Through: throughKafka}}
	c.Namespace, c.Brokers = "lab", []string{"127.0.0.1:1"}
	audited := func(ctx context.Context) report.Search {
		done := report.Search{Search: search.Result{State: search.Found, Lower: 500, Upper: 520}, Trials: make([]load.Summary, 1)}
		c.auditTrials(ctx, Streams{Out: io.Discard, Err: io.Discard}, load.Options{}, &done)
		return done
	}
	if done := audited(gone); done.Search.State != search.Ended || done.Search.Recommended() != 0 || done.Audit != "" || done.Wrong() {
		t.Errorf("interrupted: %+v, audit %q, wrong: %t", done.Search, done.Audit, done.Wrong())
	}
	if done := audited(t.Context()); done.Search.State != search.Found || !strings.HasPrefix(done.Audit, "not made: ") || !done.Wrong() {
		t.Errorf("not made: %+v, audit %q, wrong: %t", done.Search, done.Audit, done.Wrong())
	}
}

// TestLoadFullDisk: a disk that is full at the end has an exit code, names the flag, and keeps neither the output nor the other files from being whole.
func TestLoadFullDisk(t *testing.T) {
	t.Parallel()
	full := fullDevice(t)
	device, err := os.OpenFile(full, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	code, out, errOut := command(t, strings.Fields(generatorOnly+" --summary-export "+full)...)
	if code != exitFailed || !strings.Contains(errOut, "--summary-export: ") || !strings.Contains(errOut, "no space left") || !strings.Contains(out, "this program makes and encodes") {
		t.Errorf("exit code %d\n%s%s", code, out, errOut)
	}

	file := filepath.Join(t.TempDir(), "summary.json")
	var said bytes.Buffer
	code = run(t.Context(), strings.Fields(generatorOnly+" --output json --summary-export "+file), Streams{Out: device, Err: &said})
	if text, err := os.ReadFile(file); code != exitFailed || !strings.Contains(said.String(), "no space left") || err != nil || !json.Valid(text) {
		t.Errorf("an output on a full disk: exit code %d, %s, %v\n%s", code, said.String(), err, text)
	}

	gone, cancel := context.WithCancel(t.Context())
	cancel()
	page := filepath.Join(t.TempDir(), "report.html")
	said.Reset()
	code = run(gone, strings.Fields("load --csv "+full+" --out "+page+offline), Streams{Out: io.Discard, Err: &said})
	if text, err := os.ReadFile(page); code != exitInterrupted || !strings.Contains(said.String(), "--csv: ") || err != nil || !strings.HasSuffix(string(text), "</html>\n") {
		t.Errorf("interrupted: exit code %d, %s, %v", code, said.String(), err)
	}
}
