package synthetic_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"tidemark/producers"
	"tidemark/producers/synthetic"
	usagev1 "tidemark/schemas/usage/v1"
)

// runsLog counts the records, and keeps those of the topic of the runs.
type runsLog struct {
	records int
	runs    []*usagev1.Run
	at      func(records int) error // Called before each batch.
}

func (l *runsLog) Partitions(context.Context, string) (int, error) { return 8, nil }

func (l *runsLog) Append(_ context.Context, records []producers.Record) error {
	if l.at != nil {
		if err := l.at(l.records); err != nil {
			return err
		}
	}
	for _, r := range records {
		if r.Topic != "lab.runs.v1" {
			l.records++
			continue
		}
		run := &usagev1.Run{}
		if err := proto.Unmarshal(slices.Clone(r.Value), run); err != nil {
			return err
		}
		l.runs = append(l.runs, run)
	}
	return nil
}

func TestRunReports(t *testing.T) {
	o := troubled(1)
	var reports [2][]*usagev1.Run
	for i := range reports {
		log := &runsLog{}
		progress := uint64(0)
		summary, err := synthetic.Run(t.Context(), &producers.Sender{Log: log, Namespace: "lab"}, o, 0, 0,
			func(p synthetic.Progress) { progress = p.Sent })
		if err != nil {
			t.Fatal(err)
		}
		if log.records != int(o.Events) || progress != uint64(o.Events) || summary.Interrupted {
			t.Errorf("%d records on the log, progress %d, summary %+v, want %d records", log.records, progress, summary, o.Events)
		}
		produced := uint64(0)
		for _, run := range log.runs {
			produced += run.GetProduced()
			if run.GetRun() != "run-1" || run.GetKind() != "generate" || run.GetDetail() == "" {
				t.Errorf("got %v", run)
			}
		}
		if produced != uint64(o.Events) || len(log.runs) != 5 {
			t.Errorf("%d reports of %d records, want 5 of %d", len(log.runs), produced, o.Events)
		}
		reports[i] = log.runs
	}
	for i, first := range reports[0] {
		if !proto.Equal(first, reports[1][i]) {
			t.Errorf("the second run reports\n%v, the first\n%v", reports[1][i], first)
		}
	}
}

func TestRunPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &runsLog{}
		begin := time.Now()
		summary, err := synthetic.Run(t.Context(), &producers.Sender{Log: log, Namespace: "lab"},
			synthetic.Options{Seed: 1, Live: true, Run: "live"}, 1000, 30*time.Second, nil)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took < 30*time.Second || took > 31*time.Second {
			t.Errorf("took %s, want 30s", took)
		}
		if log.records < 29_900 || log.records > 30_000 {
			t.Errorf("%d records, want 30000", log.records)
		}
		total := summary.Truth.Total()
		first, last := time.UnixMicro(total.FirstTime), time.UnixMicro(total.LastTime)
		if first.Before(begin) || first.After(begin.Add(time.Second)) || last.After(time.Now()) || last.Before(time.Now().Add(-time.Second)) {
			t.Errorf("events from %s to %s, in a run from %s to %s", first, last, begin, time.Now())
		}
	})
}

func TestRunInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	log := &runsLog{at: func(records int) error {
		if records > 100_000 {
			cancel()
		}
		return nil
	}}
	o := troubled(1)
	o.Events = 0
	summary, err := synthetic.Run(ctx, &producers.Sender{Log: log, Namespace: "lab"}, o, 0, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !summary.Interrupted || summary.Truth.Total().Produced != uint64(log.records) || len(log.runs) != 5 {
		t.Errorf("summary %+v with %d records, %d on the log, %d reports", summary, summary.Truth.Total().Produced, log.records, len(log.runs))
	}
}

func TestRunFails(t *testing.T) {
	broken := errors.New("broken")
	log := &runsLog{at: func(records int) error {
		if records > 0 {
			return broken
		}
		return nil
	}}
	summary, err := synthetic.Run(t.Context(), &producers.Sender{Log: log, Namespace: "lab"}, troubled(1), 0, 0, nil)
	if !errors.Is(err, broken) || len(log.runs) != 0 || summary.Truth.Total().Produced != uint64(log.records) {
		t.Errorf("got %v, %d reports, truth of %d for %d records", err, len(log.runs), summary.Truth.Total().Produced, log.records)
	}
	if _, err := synthetic.Run(t.Context(), &producers.Sender{Log: log}, synthetic.Options{}, -1, 0, nil); err == nil {
		t.Error("a negative rate is accepted")
	}
}
