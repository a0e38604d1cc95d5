package app

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tidemark/producers"
	"tidemark/producers/load"
	"tidemark/producers/synthetic"
	"tidemark/schemas"
)

// The simulated pipeline has a record in the raw table, in the ledger and in the rollups so long after the log has it.
const (
	rawAfter    = 100 * time.Millisecond
	storedAfter = 200 * time.Millisecond
	rolledAfter = 400 * time.Millisecond
)

// shiftedDB is a simulated log with a pipeline and a database behind it, whose clock is off by a time. All records of a topic
// lie in one partition. A statement that asks for the time of the database gets it as one more column.
type shiftedDB struct {
	shift    time.Duration
	recorder *load.Recorder

	mu    sync.Mutex
	since map[string][]time.Time // When the log got each record, by topic without namespace.
	rows  map[string]int         // Up to where rows of the ledger were given.
}

func (d *shiftedDB) Partitions(context.Context, string) (int, error) { return 1, nil }

func (d *shiftedDB) Append(_ context.Context, records []producers.Record) error {
	indexes, base := map[string][]int32{}, map[string]int{}
	d.mu.Lock()
	for i, r := range records {
		topic := strings.TrimPrefix(r.Topic, "lab.")
		if indexes[topic] == nil {
			base[topic] = len(d.since[topic])
		}
		indexes[topic] = append(indexes[topic], int32(i))
		d.since[topic] = append(d.since[topic], time.Now())
	}
	d.mu.Unlock()
	for topic, of := range indexes {
		d.recorder.Acknowledged("lab."+topic, 0, int64(base[topic]), of)
	}
	return nil
}

// end is how many records of a topic the log has had for a time.
func (d *shiftedDB) end(topic string, age time.Duration) int {
	n := 0
	for _, at := range d.since[topic] {
		if time.Since(at) >= age {
			n++
		}
	}
	return n
}

// answer returns the rows of a statement.
func (d *shiftedDB) answer(sql string) [][]any {
	if strings.Contains(sql, "FROM rollup_cursors") {
		topic := schemas.SpecOf(schemas.TokenCallType).Topic
		return [][]any{{topic, uint32(1), uint32(0), uint64(d.end(topic, rolledAfter))}}
	}
	for _, spec := range schemas.Specs() {
		of := strings.Contains(sql, "'"+spec.Topic+"'")
		switch from := d.rows[spec.Topic]; {
		case of && strings.Contains(sql, "FROM topics"):
			return [][]any{{uint32(1)}}
		case of && strings.Contains(sql, "FROM ledger"):
			if d.rows[spec.Topic] = d.end(spec.Topic, storedAfter); d.rows[spec.Topic] > from {
				return [][]any{{uint32(1), uint32(0), uint64(from), uint64(d.rows[spec.Topic]), int64(1)}}
			}
		case strings.Contains(sql, "FROM "+spec.RawTable+" "):
			return [][]any{{uint32(0), uint64(d.end(spec.Topic, rawAfter))}}
		}
	}
	return nil
}

func (d *shiftedDB) Query(_ context.Context, sql string, row func(scan func(dest ...any) error) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, values := range d.answer(sql) {
		if strings.Contains(sql, "now") {
			values = append(values, time.Now().Add(d.shift).UnixMicro())
		}
		err := row(func(dest ...any) error {
			for i, to := range dest {
				reflect.ValueOf(to).Elem().Set(reflect.ValueOf(values[i]))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// followed is what a load test measures of a pipeline whose database's clock is off by shift.
func followed(t *testing.T, shift time.Duration) (summary load.Summary) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		recorder := NewRecorder("lab", load.RecorderConfig{Warmup: time.Second, Duration: 12 * time.Second, SLO: time.Second, SLORollup: 2 * time.Second})
		db := &shiftedDB{shift: shift, recorder: recorder, since: map[string][]time.Time{}, rows: map[string]int{}}
		p := &loadPoller{db: db, recorder: recorder, every: 50 * time.Millisecond, topics: map[string]*polledTopic{}, failed: func(err error) { t.Error(err) }}
		for _, spec := range schemas.Specs() {
			topic := &polledTopic{name: schemas.TopicName("lab", spec.Topic), spec: spec, raw: map[int32]int64{}, rolled: map[string]map[int32]int64{}}
			for _, table := range rollupsOf(spec.Type) {
				topic.rolled[table] = map[int32]int64{}
			}
			p.topics[topic.name] = topic
		}
		polling, stop := context.WithCancel(t.Context())
		var asking sync.WaitGroup
		asking.Go(func() { p.run(polling) })
		options := load.Options{Rate: 200, Run: "load-1", Workload: synthetic.Options{Seed: 1, Profile: synthetic.TokenCalls}}
		ending := load.Ending{Namespace: "lab", Started: time.Now(), Audited: true, AuditOK: true}
		ending.Result, ending.Err = load.Run(t.Context(), &producers.Sender{Log: db, Namespace: "lab"}, options, recorder)
		time.Sleep(2 * time.Second)
		stop()
		asking.Wait()
		ending.Drained = recorder.Waiting(load.Stored) == 0
		summary = load.Summarize(recorder, options, ending)
	})
	return summary
}

// TestClockOfTheDatabase: no latency mixes two clocks. A database whose clock is 1 ms or an hour off changes no figure of a run.
func TestClockOfTheDatabase(t *testing.T) {
	right := followed(t, 0)
	if e := right.Events; e.Offered != 2400 || e.Stored != 2400 || e.Raw != 2400 || e.Rollup != 2400 || right.Verdict.Outcome != "pass" {
		t.Errorf("%+v: %+v", e, right.Verdict)
	}
	const poll = 50
	for stage, after := range map[load.Stage]time.Duration{load.Raw: rawAfter, load.Stored: storedAfter, load.Rollup: rolledAfter} {
		least, most := float64(after.Milliseconds()), float64((after+producers.DefaultInterval).Milliseconds())+poll
		if l := right.Latency[stage.String()]; l.MinMS < least || l.MaxMS > most || l.Negative > 0 {
			t.Errorf("%s takes %+v, want from %v to %v ms", stage, l, least, most)
		}
	}
	want := latencies(t, right)
	for _, shift := range []time.Duration{time.Millisecond, -time.Millisecond, time.Hour, -time.Hour} {
		if got := latencies(t, followed(t, shift)); got != want {
			t.Errorf("with a database %s off:\n%s\nwant\n%s", shift, got, want)
		}
	}
}

// latencies are all the latencies of a run.
func latencies(t *testing.T, s load.Summary) string {
	t.Helper()
	text, err := json.Marshal([]any{s.Latency, s.Windows, s.Histograms})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
