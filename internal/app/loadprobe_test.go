package app

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"tidemark/internal/procstat"
	"tidemark/producers/load"
)

// TestProbe: what the stack tells is taken before what ClickHouse tells of itself, and a report of a worker counts once.
func TestProbe(t *testing.T) {
	recorder := NewRecorder("lab", load.RecorderConfig{Duration: time.Minute, SLO: time.Second, SLORollup: time.Second})
	row := func(values ...any) [][]any { return [][]any{values} }
	db := &answers{rows: map[string][][]any{
		"system.parts":                row(uint64(17), uint64(3), uint64(5), uint64(9_000_000)),
		"system.asynchronous_metrics": row(float64(1 << 20)),
		"FROM heartbeats":             row("w", "ingest+rollup", uint64(4), uint64(2_000_000), uint64(1<<10), int64(3_000_000)),
	}}
	embedded := true
	p := &loadProbe{db: db, recorder: recorder, server: true, beats: map[string]uint64{}, stack: func(context.Context) (procstat.Usage, bool) {
		return procstat.Usage{CPU: time.Second, Resident: 1 << 30}, embedded
	}}
	once := func(beats bool, statements int) {
		t.Helper()
		before := len(db.sent)
		if err := p.once(t.Context(), beats); err != nil {
			t.Fatal(err)
		}
		if n := len(db.sent) - before; n != statements {
			t.Errorf("%d statements: %q", n, db.sent[before:])
		}
	}
	once(true, 2)
	once(false, 1)
	if e := recorder.EngineNow(); e != (load.Engine{Parts: 17, Merges: 3, Delayed: 5}) {
		t.Errorf("%+v", e)
	}
	if p.beats["w"] != 4 {
		t.Errorf("beats %v", p.beats)
	}
	embedded = false
	once(false, 2)
	db.err = errors.New("away")
	if err := p.once(t.Context(), true); !errors.Is(err, db.err) {
		t.Errorf("%v", err)
	}
}

// TestWaitCalm: a trial waits for the merges that the one before left, and no longer than it may.
func TestWaitCalm(t *testing.T) {
	away := errors.New("away")
	for name, c := range map[string]struct {
		level  uint64
		parts  []load.Engine // Of each question; the last one again and again.
		fail   error
		merged bool
		asked  int
	}{
		"few parts":                     {level: 5, parts: []load.Engine{{Parts: 16}}, merged: true, asked: 1},
		"until they are merged":         {level: 5, parts: []load.Engine{{Parts: 200, Merges: 4}, {Parts: 90, Merges: 4}, {Parts: 15, Merges: 1}, {Parts: 15}}, merged: true, asked: 4},
		"until nothing is left to do":   {level: 5, parts: []load.Engine{{Parts: 90, Merges: 4}, {Parts: 60}}, merged: true, asked: 2 + calmFor},
		"until the time is up":          {level: 5, parts: []load.Engine{{Parts: 90, Merges: 4}}, asked: 61},
		"many parts when it began":      {level: 100, parts: []load.Engine{{Parts: 130}}, merged: true, asked: 1},
		"a merge still runs":            {level: 100, parts: []load.Engine{{Parts: 90, Merges: 1}}, asked: 61},
		"many parts, and somewhat more": {level: 100, parts: []load.Engine{{Parts: 131, Merges: 1}}, asked: 61},
		"no answer":                     {level: 5, parts: []load.Engine{{}}, fail: away, asked: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				e, merged, err := waitCalm(t.Context(), c.level, time.Minute, time.Second, func() (load.Engine, error) {
					asked++
					return c.parts[min(asked, len(c.parts))-1], c.fail
				})
				if merged != c.merged || asked != c.asked || !errors.Is(err, c.fail) || e != c.parts[min(asked, len(c.parts))-1] {
					t.Errorf("%+v, %t, %v after %d questions; want %+v", e, merged, err, asked, c)
				}
			})
		})
	}
}
