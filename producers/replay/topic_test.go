package replay

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tidemark/producers"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// topicLog is a TopicLog of values, nil ones being holes, that gives a few records at a time.
type topicLog struct {
	starts     []int64 // By partition; 0 where there is none.
	partitions [][][]byte
	step       int
	fail       error
	fetched    func()
}

func (l *topicLog) Offsets(_ context.Context, topic string) ([]schemas.Offsets, error) {
	if topic != "lab.token_calls.v1" {
		return nil, errors.New("unknown topic " + topic)
	}
	out := make([]schemas.Offsets, len(l.partitions))
	for i, values := range l.partitions {
		if i < len(l.starts) {
			out[i].Start = l.starts[i]
		}
		out[i].End = int64(len(values))
	}
	return out, nil
}

func (l *topicLog) Partition(_ string, id int32) TopicPartition { return &topicPart{l, id} }

type topicPart struct {
	log *topicLog
	id  int32
}

func (p *topicPart) Fetch(ctx context.Context, from int64) ([]TopicRecord, int64, error) {
	if p.log.fetched != nil {
		p.log.fetched()
	}
	if ctx.Err() != nil {
		return nil, from, ctx.Err()
	}
	if int(p.id) < len(p.log.starts) && from < p.log.starts[p.id] {
		return nil, p.log.starts[p.id], fmt.Errorf("offset %d: %w", from, ErrRemoved)
	}
	values := p.log.partitions[p.id]
	to := min(from+int64(p.log.step), int64(len(values)))
	var out []TopicRecord
	for at := from; at < to; at++ {
		if values[at] != nil {
			out = append(out, TopicRecord{Offset: at, Value: values[at]})
		}
	}
	return out, to, p.log.fail
}

// recorded is the value of a call with that id, tenant and second.
func recorded(t *testing.T, id, tenant string, second int64) []byte {
	t.Helper()
	value, err := schemas.AppendEvent(nil, &usagev1.TokenCall{
		Source: "s", Id: id, TimeUs: new(second * 1e6), Tenant: tenant, Product: "p", Model: "m", Status: usagev1.Status_STATUS_OK, Run: "before",
	})
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func ids(m *memory) string {
	out := make([]string, len(m.calls))
	for i, c := range m.calls {
		out[i] = c.Id
	}
	return strings.Join(out, " ")
}

func TestTopic(t *testing.T) {
	part := func(calls ...any) [][]byte {
		var out [][]byte
		for i := 0; i < len(calls); i += 2 {
			id, second := calls[i].(string), calls[i+1].(int) //nolint:errcheck // Given so below.
			tenant := "t"
			if strings.HasPrefix(id, "u") {
				tenant = "u"
			}
			out = append(out, recorded(t, id, tenant, int64(second)))
		}
		return out
	}
	log := func() *topicLog {
		l := &topicLog{step: 2, partitions: [][][]byte{
			part("a", 1, "b", 4, "c", 2, "d", 9),
			part("e", 3, "u1", 5, "f", 6),
			{},
			part("g", 2, "h", 3),
		}}
		return l
	}
	topic := func(change func(*Topic, *topicLog)) Options {
		from := log()
		o := Options{Run: "again", Topic: &Topic{Log: from, Name: "lab.token_calls.v1", Type: schemas.TokenCallType}}
		change(o.Topic, from)
		return o
	}
	for _, tt := range []struct {
		name   string
		change func(*Topic, *topicLog)
		want   string
	}{
		{"all, by time", func(*Topic, *topicLog) {}, "a g e h b c u1 f d"},
		{"offsets", func(t *Topic, _ *topicLog) { t.FromOffset, t.ToOffset = 1, 3 }, "h b c u1 f"},
		{"from an offset", func(t *Topic, _ *topicLog) { t.FromOffset = 3 }, "d"},
		{"tenant", func(t *Topic, _ *topicLog) { t.Tenant = "u" }, "u1"},
		{"start of the log", func(_ *Topic, l *topicLog) { l.starts = []int64{2} }, "c g e h u1 f d"},
		{"offsets in one fetch", func(t *Topic, l *topicLog) { t.FromOffset, t.ToOffset, l.step = 1, 3, 9 }, "h b c u1 f"},
		{"one at a time", func(_ *Topic, l *topicLog) { l.step = 1 }, "a g e h b c u1 f d"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, result := replayed(t, topic(tt.change))
			if ids(got) != tt.want || result.Interrupted || result.Skipped > 0 {
				t.Errorf("got %s, %+v, want %s", ids(got), result, tt.want)
			}
			for _, c := range got.calls {
				if c.Run != "again" || c.Source != "s" || c.Product != "p" {
					t.Errorf("got %v", c)
				}
			}
			if len(got.runs) != 1 || got.runs[0].Detail != "topic:lab.token_calls.v1" {
				t.Errorf("the runs are %v", got.runs)
			}
		})
	}
	o := topic(func(*Topic, *topicLog) {})
	o.From, o.To, o.Limit = time.Unix(3, 0), time.Unix(6, 0), 3
	if got, result := replayed(t, o); ids(got) != "e h b" || result.Outside != 2 {
		t.Errorf("a range: got %s, %+v", ids(got), result)
	}
	if _, err := Run(t.Context(), &producers.Sender{Log: &memory{}}, topic(func(t *Topic, _ *topicLog) { t.Name = "x" })); err == nil || err.Error() != "find the topic: unknown topic x" {
		t.Errorf("got %v", err)
	}
	if _, err := Run(t.Context(), &producers.Sender{Log: &memory{}}, topic(func(_ *Topic, l *topicLog) { l.fail = errors.New("lost") })); err == nil || err.Error() != "replay topic:lab.token_calls.v1: lost" {
		t.Errorf("got %v", err)
	}
}

// TestTopicTruth checks that repeats and other events of one identity are told from events, and bad records from both.
func TestTopicTruth(t *testing.T) {
	log := &topicLog{step: 100, partitions: [][][]byte{{
		recorded(t, "a", "t", 1), recorded(t, "a", "t", 1), recorded(t, "a", "t", 2), nil, []byte("poison"), recorded(t, "", "t", 3),
		recorded(t, "b", "t", 4), recorded(t, "a", "u", 1), {},
	}}}
	o := Options{Run: "again", Topic: &Topic{Log: log, Name: "lab.token_calls.v1", Type: schemas.TokenCallType}}
	got, result := replayed(t, o)
	c := result.Truth.Of(schemas.TokenCallType)
	if c.Produced != 5 || c.Events != 3 || c.Duplicates != 1 || c.Conflicts != 1 || result.Rows != 8 || len(got.calls) != 5 {
		t.Errorf("got %+v, %+v", result, c)
	}
	want := []string{
		"lab.token_calls.v1/0 offset 4: not an event of token_calls",
		"lab.token_calls.v1/0 offset 5: not an event that counts: id is missing",
		"lab.token_calls.v1/0 offset 8: not an event that counts: time_us is missing",
	}
	if text := fmt.Sprint(result.Problems); text != fmt.Sprint(want) {
		t.Errorf("got %s, want %s", text, want)
	}
	// Beyond what can be remembered the truth is not claimed.
	const most = 1000
	r := newRepeats(most)
	for i := range most + 1 {
		item := producers.Item{Identity: schemas.IdentityOf("t", "s", fmt.Sprint(i)), Time: 1}
		if r.kind(&item) != producers.Fresh || r.full != (i == most) {
			t.Fatalf("event %d: full %t", i, r.full)
		}
	}
}

// TestTopicRemoved expects records that were asked for and that the log has removed to be told, whenever that was.
func TestTopicRemoved(t *testing.T) {
	for _, tt := range []struct {
		name         string
		starts       []int64 // When the replay begins.
		meanwhile    int64   // Where partition 0 begins once it has been looked at.
		from, to     int64
		want, events string
	}{
		{"all that is there", []int64{2, 1}, 0, 0, 0, "", "c d f"},
		{"up to an offset", []int64{2, 2}, 0, 0, 3, "", "c"},
		{"from an offset", []int64{3, 1}, 0, 1, 0, "x/0: offsets 1 to 2 were removed by retention", "d f"},
		{"from where it begins", []int64{1, 1}, 0, 1, 0, "", "b c d f"},
		{"before where it begins", []int64{3, 2}, 0, 1, 2, "x/0: offsets 1 to 1 were removed by retention, x/1: offsets 1 to 1 were removed by retention", ""},
		{"all of a partition", []int64{1, 2}, 0, 1, 0, "x/1: offsets 1 to 1 were removed by retention", "b c d"},
		{"beyond its end", []int64{1, 2}, 0, 3, 0, "", "d"},
		{"meanwhile", nil, 3, 0, 0, "x/0: offsets 1 to 2 were removed by retention", "a d e f"},
		{"meanwhile, up to an offset", nil, 3, 0, 2, "x/0: offsets 1 to 1 were removed by retention", "a e f"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			log := &topicLog{step: 1, starts: tt.starts, partitions: [][][]byte{
				{recorded(t, "a", "t", 1), recorded(t, "b", "t", 2), recorded(t, "c", "t", 3), recorded(t, "d", "t", 4)},
				{recorded(t, "e", "t", 5), recorded(t, "f", "t", 6)},
			}}
			calls := 0
			log.fetched = func() {
				if calls++; calls == 2 && tt.meanwhile > 0 {
					log.starts = []int64{tt.meanwhile}
				}
			}
			got, result := replayed(t, Options{Run: "again", Topic: &Topic{Log: log, Name: "lab.token_calls.v1", Type: schemas.TokenCallType, FromOffset: tt.from, ToOffset: tt.to}})
			var problems []string
			for _, p := range result.Problems {
				problems = append(problems, strings.Replace(p.String(), "lab.token_calls.v1", "x", 1))
			}
			if text := strings.Join(problems, ", "); text != tt.want || int(result.Skipped) != len(problems) || ids(got) != tt.events {
				t.Errorf("got %q and the events %s, want %q and %s", text, ids(got), tt.want, tt.events)
			}
			if result.Interrupted || result.Rows != int64(len(got.calls)) {
				t.Errorf("got %+v", result)
			}
		})
	}
}

// TestTopicStops interrupts a replay between two fetches.
func TestTopicStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	calls := 0
	log := &topicLog{step: 1, partitions: [][][]byte{{recorded(t, "a", "t", 1), recorded(t, "b", "t", 2), recorded(t, "c", "t", 3)}}}
	log.fetched = func() {
		if calls++; calls == 2 {
			cancel()
		}
	}
	sink := &memory{}
	result, err := Run(ctx, &producers.Sender{Log: sink}, Options{Run: "x", Topic: &Topic{Log: log, Name: "lab.token_calls.v1", Type: schemas.TokenCallType}})
	if err != nil || !result.Interrupted || result.Sent > 2 {
		t.Errorf("got %+v, %v", result, err)
	}
}

// FuzzTopic replays any bytes as a record.
func FuzzTopic(f *testing.F) {
	f.Add([]byte(nil), uint8(0))
	for _, spec := range schemas.Specs() {
		value, err := schemas.AppendEvent(nil, schemas.NewEvent(spec.Type))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(value, uint8(spec.Type))
	}
	value, err := schemas.AppendEvent(nil, &usagev1.Query{Source: "s", Id: "i", TimeUs: new(int64(1)), Tenant: "t", Product: "p", Run: "x"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(value, uint8(schemas.QueryType))
	f.Fuzz(func(t *testing.T, value []byte, typ uint8) {
		of := schemas.Type(typ % uint8(schemas.RunType))
		log := &topicLog{step: 1, partitions: [][][]byte{{append([]byte{}, value...)}}}
		src, err := newSource(t.Context(), Options{Run: "again", Topic: &Topic{Log: log, Name: "lab.token_calls.v1", Type: of}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		var b producers.Batch
		_ = src.Next(&b, 10) // io.EOF.
		if len(b.Items)+int(src.tally.skipped) != 1 {
			t.Fatalf("%d events and %d problems", len(b.Items), src.tally.skipped)
		}
		for _, item := range b.Items {
			columns := schemas.NewColumns(of)
			meta, err := columns.Append(item.Value, schemas.Coordinates{})
			if err != nil || meta.Run != "again" || meta.Identity != item.Identity || meta.Time != item.Time {
				t.Fatalf("%+v, %v", meta, err)
			}
		}
	})
}
