package app

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tidemark/consumers/audit"
	"tidemark/consumers/ledger"
	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/producers"
	"tidemark/producers/load"
	"tidemark/schemas"
)

// answers is a database that gives fixed rows for statements that contain a text.
type answers struct {
	rows map[string][][]any
	sent []string
	err  error
}

func (a *answers) Query(_ context.Context, sql string, row func(scan func(dest ...any) error) error) error {
	a.sent = append(a.sent, sql)
	if a.err != nil {
		return a.err
	}
	for text, rows := range a.rows {
		if !strings.Contains(sql, text) {
			continue
		}
		for _, values := range rows {
			err := row(func(dest ...any) error {
				for i, d := range dest {
					reflect.ValueOf(d).Elem().Set(reflect.ValueOf(values[i]))
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
	return nil
}

// TestLoadPoll: what the database says is how far the events are. A rollup with a bucket that is pending has published
// what it had published before, however far its cursor is.
func TestLoadPoll(t *testing.T) {
	const topic, since = "lab.token_calls.v1", 1000
	recorder := NewRecorder("lab", load.RecorderConfig{Duration: time.Minute, SLO: time.Second, SLORollup: time.Second})
	spec := schemas.SpecOf(schemas.TokenCallType)
	db := &answers{}
	p := &loadPoller{db: db, recorder: recorder, every: time.Second, since: since, topics: map[string]*polledTopic{topic: {
		name: topic, spec: spec, ends: ledgerdb.Bounds{}, raw: map[int32]int64{}, rolled: map[string]map[int32]int64{"token_calls_1m": {}},
	}}}
	recorder.Hooks().Sending(make([]producers.Item, 10), 0)
	recorder.Acknowledged(topic, 1, 40, []int32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	poll := func(name string, stored, raw, rollup uint64, rows map[string][][]any) {
		t.Helper()
		db.rows = rows
		if err := p.poll(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := [3]uint64{recorder.Waiting(load.Stored), recorder.Waiting(load.Raw), recorder.Waiting(load.Rollup)}
		if got != [3]uint64{stored, raw, rollup} {
			t.Errorf("%s: %d events wait to be stored, in raw and in the rollups; want %d %d %d", name, got, stored, raw, rollup)
		}
	}
	const topics, ledgerRows, rawRows, cursors, pending = "FROM topics", "FROM ledger", "FROM token_calls_raw", "FROM rollup_cursors", "FROM rollup_pending"
	row := func(values ...any) [][]any { return [][]any{values} }
	poll("not ingested yet", 10, 10, 10, nil)
	if len(db.sent) != 3 { // Epoch, cursors, what is pending.
		t.Errorf("%d statements: %q", len(db.sent), db.sent)
	}
	poll("raw is ahead of the ledger", 10, 5, 10, map[string][][]any{topics: row(uint32(3)), rawRows: row(uint32(1), uint64(45))})
	poll("the rest was not stored", 2, 2, 10, map[string][][]any{ledgerRows: row(uint32(3), uint32(1), uint64(0), uint64(48), int64(1))})
	poll("another epoch", 2, 2, 10, map[string][][]any{ledgerRows: row(uint32(2), uint32(1), uint64(0), uint64(99), int64(1))})
	cursor := row(spec.Topic, uint32(3), uint32(1), uint64(47))
	poll("a bucket of the run is pending", 2, 2, 10, map[string][][]any{cursors: cursor, pending: row("token_calls_1m", int32(since), int32(since+1))})
	poll("another bucket, or rollup, is pending", 2, 2, 3, map[string][][]any{
		cursors: cursor, pending: {{"token_calls_1m", int32(since - 9), int32(since)}, {"token_calls_1h", int32(0), int32(since + 60)}},
	})
	poll("all is there", 0, 0, 0, map[string][][]any{
		ledgerRows: row(uint32(3), uint32(1), uint64(48), uint64(60), int64(1)), cursors: row(spec.Topic, uint32(3), uint32(1), uint64(60)),
	})
	for _, sql := range db.sent { // The clock of the database has no part in what is measured.
		if strings.Contains(sql, "now") {
			t.Errorf("a poll asks for the time: %s", sql)
		}
	}
	before := len(db.sent)
	poll("nothing is asked for nothing", 0, 0, 0, nil)
	if len(db.sent) != before {
		t.Errorf("statements were sent: %q", db.sent[before:])
	}
	if got := p.topics[topic].ends[ledger.Partition{Topic: spec.Topic, Epoch: 3, ID: 1}]; got != 60 {
		t.Errorf("the ledger is at %d", got)
	}
	db.err = errors.New("the database is away")
	recorder.Acknowledged(topic, 1, 60, []int32{0})
	if err := p.poll(t.Context()); !errors.Is(err, db.err) {
		t.Errorf("%v", err)
	}
}

// TestJudgeAudit: a load test is right only if its own counts were judged.
func TestJudgeAudit(t *testing.T) {
	own := audit.Finding{Check: "run adds up", Scope: "load-1 token_calls", Verdict: audit.OK}
	other := audit.Finding{Check: "run adds up", Scope: "load-10 token_calls", Verdict: audit.OK}
	lost := audit.Finding{Check: "raw holds", Scope: "token_calls_raw", Verdict: audit.Difference, Detail: "offset 3 is missing"}
	waits := audit.Finding{Check: "run adds up", Scope: "load-1 token_calls", Verdict: audit.Pending}
	both := []audit.Finding{own, {Check: "run adds up", Scope: "load-2 token_calls", Verdict: audit.Pending}}
	if ok, text := judgeAudit(audit.Result{OK: true, Findings: both}, []string{"load-1", "load-2"}); ok || !strings.Contains(text, "load-2") {
		t.Errorf("one of two runs was judged: %t, %q", ok, text)
	}
	spaced := audit.Finding{Check: "run adds up", Scope: "my first load token_calls", Verdict: audit.OK}
	if ok, text := judgeAudit(audit.Result{OK: true, Findings: []audit.Finding{spaced}}, []string{"my first load"}); !ok {
		t.Errorf("a run whose name has blanks was judged: %q", text)
	}
	for _, test := range []struct {
		name     string
		result   audit.Result
		reported bool
		ok       bool
		text     string
	}{
		{"right", audit.Result{OK: true, Findings: []audit.Finding{other, own}}, true, true, "no difference in 2 checks"},
		{"lost", audit.Result{Findings: []audit.Finding{own, lost}}, true, false, "offset 3 is missing"},
		{"lost, and not to be known yet", audit.Result{Findings: []audit.Finding{lost}}, false, false, "offset 3 is missing"},
		{"not judged", audit.Result{OK: true, Findings: []audit.Finding{other}}, true, false, "has not judged"},
		{"pending", audit.Result{OK: true, Findings: []audit.Finding{waits}}, true, false, "has not judged"},
		{"not ingested", audit.Result{OK: true, Findings: []audit.Finding{waits}}, false, true, "no difference"},
		{"not whole", audit.Result{Findings: []audit.Finding{own}}, true, false, "could not be made"},
	} {
		var judged []string
		if test.reported {
			judged = []string{"load-1"}
		}
		if ok, text := judgeAudit(test.result, judged); ok != test.ok || !strings.Contains(text, test.text) {
			t.Errorf("%s: %t, %q", test.name, ok, text)
		}
	}
}

// A load test waits for a backlog for as long as it was told, and no longer: a pipeline that stands still may not hold it up.
func TestSettle(t *testing.T) {
	failed := errors.New("no answer")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx     context.Context
		limit   time.Duration
		answers []int64 // Of each question; the last one again and again.
		fail    error
		want    int64
		asked   int
		err     error
	}{
		"nothing waits":        {limit: time.Hour, answers: []int64{0}, asked: 1},
		"no time to wait":      {answers: []int64{7}, want: 7, asked: 1},
		"until nothing waits":  {limit: time.Hour, answers: []int64{9, 4, 0}, asked: 3},
		"until the time is up": {limit: 90 * time.Second, answers: []int64{5}, want: 5, asked: 2},
		"no answer":            {limit: time.Hour, answers: []int64{5}, fail: failed, want: 5, asked: 1, err: failed},
		"the run is ended":     {ctx: gone, limit: time.Hour, answers: []int64{5}, want: 5, asked: 1, err: context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if c.ctx != nil {
					ctx = c.ctx
				}
				asked := 0
				got, err := settle(ctx, c.limit, time.Minute, func() (int64, error) {
					asked++
					return c.answers[min(asked, len(c.answers))-1], c.fail
				})
				if got != c.want || asked != c.asked || !errors.Is(err, c.err) {
					t.Errorf("%d waiting after %d questions, %v; want %d after %d, %v", got, asked, err, c.want, c.asked, c.err)
				}
			})
		})
	}
}
