package scenario

import (
	"context"
	"errors"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"tidemark/producers"
	usagev1 "tidemark/schemas/usage/v1"
)

// countingLog counts the records, and keeps those of the topic of the runs.
type countingLog struct {
	records int
	runs    []*usagev1.Run
	before  func(records int) error // Called before each batch.
}

func (l *countingLog) Partitions(context.Context, string) (int, error) { return 8, nil }

func (l *countingLog) Append(_ context.Context, records []producers.Record) error {
	if l.before != nil {
		if err := l.before(l.records); err != nil {
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

func TestRun(t *testing.T) {
	log := &countingLog{}
	sent := uint64(0)
	s := load(t, "launch-day")
	result, err := Run(t.Context(), &producers.Sender{Log: log, Namespace: "lab"}, s, Options{Run: "r"}, func(n uint64) { sent = n })
	if err != nil {
		t.Fatal(err)
	}
	truth, err := Truth(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	want := truth.Total()
	if got := result.Truth.Total(); got.Events != want.Events || got.Weight != want.Weight || uint64(log.records) != want.Produced || sent != want.Produced {
		t.Errorf("sent %+v, %d records, want %+v", got, log.records, want)
	}
	if len(log.runs) != 3 || log.runs[0].GetRun() != "r" || log.runs[0].GetKind() != "replay" || log.runs[0].GetDetail() != "scenario launch-day, seed 6000" {
		t.Errorf("runs %v", log.runs)
	}
}

func TestRunInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	log := &countingLog{before: func(records int) error {
		if records > 0 {
			cancel()
		}
		return nil
	}}
	result, err := Run(ctx, &producers.Sender{Log: log, Namespace: "lab"}, load(t, "launch-day"), Options{Run: "r"}, nil)
	if err != nil || !result.Interrupted || result.Truth.Total().Produced != uint64(log.records) || log.records > 90_000 {
		t.Errorf("got %v, %+v with %d records on the log", err, result, log.records)
	}
}

func TestRunFails(t *testing.T) {
	broken := errors.New("broken")
	log := &countingLog{before: func(int) error { return broken }}
	result, err := Run(t.Context(), &producers.Sender{Log: log, Namespace: "lab"}, load(t, "compute"), Options{}, nil)
	if !errors.Is(err, broken) || result.Truth == nil || len(log.runs) != 0 {
		t.Errorf("got %v, %+v", err, result)
	}
	if _, err := Run(t.Context(), &producers.Sender{Log: log}, load(t, "compute"), Options{Limit: -1}, nil); err == nil {
		t.Error("bad options are accepted")
	}
}
