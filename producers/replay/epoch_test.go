package replay

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"tidemark/producers"
	"tidemark/producers/formats/mapping"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// TestFirstInstant replays an event of 1970-01-01T00:00:00Z in every way to write it.
func TestFirstInstant(t *testing.T) {
	epoch := time.Unix(0, 0).UTC()
	f := func(format, timeRule string, begin time.Time, data string) {
		t.Helper()
		o := options(format, write(t, "f", []byte(data)))
		o.Start = begin
		if timeRule != "" {
			m, err := mapping.Parse("m.yaml", []byte("source: s\nfields: {tenant: {constant: t}, product: {constant: p}, model: m}\ntime: "+timeRule+"\n"))
			if err != nil {
				t.Fatal(err)
			}
			o.Mapping = m
		}
		log, result := replayed(t, o)
		if len(log.calls) != 1 || log.calls[0].TimeUs == nil || log.calls[0].GetTimeUs() != 0 || !result.First.Equal(epoch) || schemas.Validate(log.calls[0]) != nil {
			t.Errorf("%s %s: got %v from %v, %v", format, timeRule, log.calls, result.First, result.Problems)
		}
	}
	f("csv", "at", time.Time{}, "at,m\n1970-01-01T00:00:00Z,m\n")
	f("csv", "at", time.Time{}, "at,m\n1970-01-01 01:00:00+01:00,m\n")
	f("csv", "{column: at, format: unix_s}", time.Time{}, "at,m\n0,m\n")
	f("csv", "{column: at, format: unix_ns}", time.Time{}, "at,m\n-0,m\n")
	f("csv", "{column: at, format: relative_s}", epoch, "at,m\n0,m\n")
	f("csv", "{column: at, format: '2006-01-02'}", time.Time{}, "at,m\n1970-01-01,m\n")
	f("jsonl", "{column: at, format: unix_ms}", time.Time{}, `{"at":0,"m":"m"}`+"\n")
	f("azure-llm", "", time.Time{}, header+"1970-01-01 00:00:00.0000000,374,44\n")
	f("agentic", "", epoch, "trace_id,t_s,model,input_tokens,output_tokens\na,0,m,1,1\n")
	f("cloudevents", "", time.Time{}, `{"specversion":"1.0","type":"token_call","time":"1970-01-01T00:00:00Z","source":"s","id":"1","data":{"tenant":"t","product":"p"}}`)
	// And again from where it is stored.
	var b producers.Batch
	if err := addEvent(&b, &usagev1.Query{Source: "s", Id: "i", TimeUs: new(int64), Tenant: "t", Product: "p"}); err != nil {
		t.Fatal(err)
	}
	p := &partition{event: &usagev1.Query{}, reader: &topicReader{topic: &Topic{Type: schemas.QueryType}}}
	if problem := p.decode(b.Items[0].Value); problem != "" {
		t.Error(problem)
	}
	none, err := proto.Marshal(&usagev1.Query{Source: "s", Id: "i", Tenant: "t", Product: "p"})
	if err != nil {
		t.Fatal(err)
	}
	if problem := p.decode(none); problem != "not an event that counts: time_us is missing" {
		t.Errorf("got %q", problem)
	}
}
