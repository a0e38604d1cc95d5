package producers_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"tidemark/producers"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

func call(id string, input uint64) *usagev1.TokenCall {
	return &usagev1.TokenCall{Source: "s", Id: id, TimeUs: new(int64(1_700_000_000_000_000)), Tenant: "t", Product: "chat", Model: "m",
		Status: usagev1.Status_STATUS_OK, InputUncached: &input}
}

func query(id string) *usagev1.Query {
	return &usagev1.Query{Source: "s", Id: id, TimeUs: new(int64(1_700_000_000_000_001)), Tenant: "t", Product: "chat", Weight: 5}
}

func TestSend(t *testing.T) {
	log := &memoryLog{partitions: 7}
	s := producers.Sender{Log: log, Namespace: "lab", Run: "r"}
	events := []schemas.Event{call("1", 10), query("1"), call("2", 20)}
	for range 2 { // The second time with used memory.
		log.records = nil
		if err := s.Send(t.Context(), events); err != nil {
			t.Fatal(err)
		}
		if len(log.records) != len(events) {
			t.Fatalf("%d records, want %d", len(log.records), len(events))
		}
		for i, e := range events {
			r, kind := log.records[i], map[bool]string{true: "queries", false: "token_calls"}[i == 1]
			if want := "lab." + kind + ".v1"; r.Topic != want {
				t.Errorf("record %d went to %s, want %s", i, r.Topic, want)
			}
			if want := schemas.IdentityOf(e.GetTenant(), e.GetSource(), e.GetId()).Partition(7); r.Partition != want {
				t.Errorf("record %d went to partition %d, want %d", i, r.Partition, want)
			}
			got := e.ProtoReflect().New().Interface()
			if err := proto.Unmarshal(r.Value, got); err != nil || !proto.Equal(got, e) {
				t.Errorf("record %d holds %v (%v), want %v", i, got, err, e)
			}
			if len(r.Headers) != 0 {
				t.Errorf("record %d has headers %v", i, r.Headers)
			}
		}
	}
}

func TestSendInvalid(t *testing.T) {
	log := &memoryLog{partitions: 1}
	s := producers.Sender{Log: log}
	bad, worse := call("3", 1), query("4")
	bad.Model, worse.Tenant, worse.Product = "", "", ""
	err := s.Send(t.Context(), []schemas.Event{call("1", 1), bad, query("2"), worse})
	var invalid *producers.InvalidEventsError
	if !errors.As(err, &invalid) {
		t.Fatalf("got %v, want an InvalidError", err)
	}
	if invalid.Total != 4 || len(invalid.Events) != 2 || invalid.Events[0].Index != 1 || invalid.Events[1].Index != 3 {
		t.Errorf("got %+v, want events 1 and 3 of 4", invalid)
	}
	want := "2 of 4 events are invalid; event 1: model is missing; event 3: tenant is missing, product is missing"
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
	var field *schemas.FieldError
	if !errors.As(err, &field) || field.Field != "model" {
		t.Errorf("the error leads to field %+v, want model", field)
	}
	if log.calls != 0 {
		t.Error("part of an invalid batch was sent")
	}
}

func TestSendErrors(t *testing.T) {
	refusal := errors.New("refused")
	log := &memoryLog{partitions: 1, before: func(context.Context, int) error { return refusal }}
	s := producers.Sender{Log: log}
	if err := s.Send(t.Context(), []schemas.Event{call("1", 1)}); !errors.Is(err, refusal) || !strings.Contains(err.Error(), "send 1 records") {
		t.Errorf("got %v, want it to wrap %v", err, refusal)
	}
	s.Log = &memoryLog{}
	if err := s.Send(t.Context(), []schemas.Event{call("1", 1)}); err == nil || !strings.Contains(err.Error(), "tidemark.token_calls.v1 is not there") {
		t.Errorf("got %v, want it to name the topic", err)
	}
	if err := s.Send(t.Context(), nil); err != nil {
		t.Errorf("nothing to send: %v", err)
	}
}

func TestPoisonHeader(t *testing.T) {
	log := &memoryLog{partitions: 3}
	s := producers.Sender{Log: log, Run: "run-9"}
	var b producers.Batch
	item := b.AddBytes([]byte{0xff})
	item.Kind, item.Type = producers.Poison, schemas.SignupType
	if err := s.SendItems(t.Context(), b.Items); err != nil {
		t.Fatal(err)
	}
	r := log.records[0]
	if r.Topic != "tidemark.signups.v1" || len(r.Headers) != 1 || r.Headers[0].Key != schemas.RunHeader || string(r.Headers[0].Value) != "run-9" {
		t.Errorf("got %+v", r)
	}
}

// TestBatchGrowth checks that values stay whole while the batch's memory moves.
func TestBatchGrowth(t *testing.T) {
	var b producers.Batch
	for round := range 3 {
		b.Reset()
		size := 0
		for i := range 3000 {
			item, err := b.AddEvent(call(fmt.Sprintf("%d-%d", round, i), uint64(i)))
			if err != nil {
				t.Fatal(err)
			}
			size += len(item.Value)
			if i%3 == 0 {
				size += len(b.AddBytes([]byte("raw")).Value)
			}
		}
		if b.Size() != size {
			t.Errorf("size %d, want %d", b.Size(), size)
		}
		k := 0
		for i := range 3000 {
			var got usagev1.TokenCall
			if err := proto.Unmarshal(b.Items[k].Value, &got); err != nil || got.GetId() != fmt.Sprintf("%d-%d", round, i) {
				t.Fatalf("round %d, item %d holds %v (%v)", round, i, &got, err)
			}
			if k++; i%3 == 0 {
				if string(b.Items[k].Value) != "raw" {
					t.Fatalf("round %d: raw item %d holds %q", round, k, b.Items[k].Value)
				}
				k++
			}
		}
	}
}

// TestTruthCountsUsage expects reports about runs not to be counted by the runs that send them.
func TestTruthCountsUsage(t *testing.T) {
	var truth producers.Truth
	for _, spec := range schemas.Specs() {
		truth.Add([]producers.Item{{Type: spec.Type, Weight: 1}})
		if got := truth.Of(spec.Type).Produced == 1; got != (spec.Type != schemas.RunType) {
			t.Errorf("%s is counted: %t", spec.Name, got)
		}
	}
}

// TestTruthDoesNotWrap sums up more than 64 bits hold.
func TestTruthDoesNotWrap(t *testing.T) {
	var truth producers.Truth
	for range 3 {
		truth.Add([]producers.Item{{Type: schemas.TokenCallType, Kind: producers.Fresh, Weight: math.MaxUint64, InputTokens: math.MaxUint64, OutputTokens: 7}})
	}
	run := truth.Runs(producers.RunInfo{Run: "r"})[0]
	if run.WeightHigh != 2 || run.Weight != math.MaxUint64-2 || run.InputTokensHigh != 2 || run.OutputTokensHigh != 0 || run.OutputTokens != 21 {
		t.Errorf("got %v", run)
	}
	if got := truth.Total().InputTokens.String(); got != "55340232221128654845" {
		t.Errorf("total of %s input tokens", got)
	}
}

func TestTruthRuns(t *testing.T) {
	var b producers.Batch
	add := func(e schemas.Event, kind producers.Kind) {
		item, err := b.AddEvent(e)
		if err != nil {
			t.Fatal(err)
		}
		item.Kind = kind
	}
	sampled, earlier, output := call("2", 7), call("3", 1), uint64(9)
	sampled.Weight, sampled.OutputReasoning = 10, &output
	*earlier.TimeUs -= 5
	add(call("1", 5), producers.Fresh)
	add(sampled, producers.Fresh)
	add(earlier, producers.Fresh)
	add(call("1", 5), producers.Duplicate)
	add(call("1", 5), producers.FarDuplicate)
	add(call("4", 1000), producers.Conflict)
	add(call("5", 1000), producers.Poison)
	add(query("1"), producers.Fresh)
	var truth producers.Truth
	truth.Add(b.Items)
	started := time.UnixMicro(1_700_000_000_000_123)
	runs := truth.Runs(producers.RunInfo{Run: "r", Kind: "load", Start: started, Detail: "a\nb" + strings.Repeat("é", 400)})
	if len(runs) != 2 {
		t.Fatalf("%d messages, want one for each type that has records", len(runs))
	}
	got := runs[1]
	detail := got.GetDetail()
	if !strings.HasPrefix(detail, "a bé") || len(detail) > 512 || len(detail) < 510 {
		t.Errorf("detail of %d bytes: %q", len(detail), detail)
	}
	got.Detail = ""
	want := &usagev1.Run{Source: "tidemark/runs", Id: "r/token_calls", TimeUs: new(started.UnixMicro()), Tenant: "tidemark", Run: "r", Kind: "load",
		Type: "token_calls", Produced: 7, Events: 3, Duplicates: 2, Conflicts: 1, Poison: 1, InputTokens: 5 + 70 + 1, OutputTokens: 90,
		Weight: 12, FirstTimeUs: 1_700_000_000_000_000 - 5, LastTimeUs: 1_700_000_000_000_000}
	if !proto.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if runs[0].GetType() != "queries" || runs[0].GetWeight() != 5 {
		t.Errorf("got %v, want queries of weight 5", runs[0])
	}
	if total := truth.Total(); total.Produced != 8 || total.Events != 4 || total.Weight.Low != 17 || total.LastTime != 1_700_000_000_000_001 {
		t.Errorf("total %+v", total)
	}
	log := &memoryLog{partitions: 2}
	s := producers.Sender{Log: log}
	if err := s.Report(t.Context(), runs); err != nil {
		t.Fatal(err)
	}
	if len(log.records) != 2 || log.records[0].Topic != "tidemark.runs.v1" {
		t.Errorf("got %+v", log.records)
	}
}
