package rollup

import (
	"context"
	"errors"
	"strings"
	"testing"

	"tidemark/consumers/spans"
)

// refusing is a database that does nothing.
type refusing struct{}

var errRefused = errors.New("refused")

func (refusing) Exec(context.Context, string) error { return errRefused }

func (refusing) Query(context.Context, string, func(func(...any) error) error) error {
	return errRefused
}

// TestBesideAJob starts a job for calls per hour: steps leave alone what it works on and what is made from that, and no version of
// theirs is one of its own.
func TestBesideAJob(t *testing.T) {
	limits, err := Limits{Long: 1}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	w := &Worker{DB: refusing{}}
	s := &step{w: w, limits: limits, beside: true, tables: Tables()}
	r := spans.Span{From: 0, To: 60}
	find := func(name string) *Table {
		for i := range s.tables {
			if s.tables[i].Name == name {
				return &s.tables[i]
			}
		}
		t.Fatal("no rollup " + name)
		return nil
	}
	if s.leave(t.Context(), find("token_calls_1h"), r) {
		t.Error("a range of no rows is long")
	}
	s.startJob(t.Context(), find("token_calls_1h"), r)
	for name, want := range map[string]bool{"token_calls_1h": true, "token_calls_1d": true, "token_calls_1m": false, "token_calls_all_1h": false, "audience_1h": false} {
		if got := s.leave(t.Context(), find(name), r); got != want {
			t.Errorf("%s is left to the job: %t, want %t", name, got, want)
		}
	}
	j := w.job
	<-j.done
	if step, job := s.limits.settings(), j.s.limits.settings(); !strings.Contains(step, "priority = 1,") || !strings.Contains(job, "priority = 2,") {
		t.Errorf("a job does not leave the cores to the steps: %s and %s", job, step)
	}
	if !errors.Is(j.err, errRefused) {
		t.Error(j.err)
	}
	newest := w.takeVersion()
	for range jobVersions - 1 {
		if version := j.s.w.takeVersion(); version >= newest {
			t.Fatalf("the job takes version %d, the step took %d", version, newest)
		}
	}
	s.tables = nil
	if err := s.recompute(t.Context()); err != nil || s.progress.Idle() {
		t.Errorf("idle beside a job, or %v", err)
	}
	w.endJob()
}
