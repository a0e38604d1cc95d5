package replay

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark/producers"
	"tidemark/producers/formats/mapping"
	"tidemark/schemas"
)

// revised is the mapping of the tests of revisions, with more lines.
func revised(t *testing.T, lines string) *mapping.Mapping {
	t.Helper()
	m, err := mapping.Parse("m.yaml", []byte("source: s\ntime: {column: at, format: unix_s}\nid: n\n"+lines+
		"fields: {tenant: {constant: t}, product: {constant: p}, model: {constant: m}, output_visible: out}\n"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// statements are the calls that came: id, second, revision and output.
func statements(m *memory) []string {
	out := make([]string, len(m.calls))
	for i, c := range m.calls {
		out[i] = fmt.Sprintf("%s@%d r%d %d", c.Id, c.GetTimeUs()/1e6, c.Revision, c.GetOutputVisible())
	}
	return out
}

// TestRowsOfOneID replays files in which an id is there several times.
func TestRowsOfOneID(t *testing.T) {
	f := func(lines, data, want string, replaced, repeated int64, counts producers.Counts) {
		t.Helper()
		for _, limit := range []int{1, 250, 0} {
			for _, speed := range []float64{0, 1e9} {
				o := Options{Format: "csv", Files: []string{write(t, "f", []byte("at,n,out,rev\n"+data))}, Mapping: revised(t, lines), Run: "test", memory: limit, Speed: speed}
				log, result := replayed(t, o)
				got := statements(log)
				if speed > 0 { // In the order of their time, and so is what is wanted, sorted.
					parts := strings.Split(want, ", ")
					slices.Sort(got)
					slices.Sort(parts)
					want = strings.Join(parts, ", ")
				}
				if text := strings.Join(got, ", "); text != want || result.Replaced != replaced || result.Repeated != repeated || result.Skipped > 0 {
					t.Errorf("limit %d: got %s, %d replaced, %d repeated, %v, want %s", limit, text, result.Replaced, result.Repeated, result.Problems, want)
				}
				c := result.Truth.Total()
				if c.Events != counts.Events || c.Conflicts != counts.Conflicts || c.Produced != counts.Events+counts.Conflicts || c.OutputTokens != counts.OutputTokens {
					t.Errorf("limit %d: the truth is %+v", limit, c)
				}
				if rows := int64(strings.Count(data, "\n")); result.Rows != rows || result.Rows != result.Sent+result.Replaced+result.Repeated {
					t.Errorf("limit %d: %+v", limit, result)
				}
			}
		}
	}
	growing := "1,a,3,\n2,b,5,\n3,a,40,\n4,c,7,\n5,a,159,\n"
	f("", growing, "a@1 r2 159, b@2 r0 5, c@4 r0 7", 2, 0, producers.Counts{Events: 3, OutputTokens: schemas.Wide{Low: 171}})
	f("revision: position\n", growing, "a@1 r5 159, b@2 r2 5, c@4 r4 7", 2, 0, producers.Counts{Events: 3, OutputTokens: schemas.Wide{Low: 171}})
	// What is said again, at whatever time, is no revision.
	f("", "1,a,3,\n1,a,3,\n2,a,3,\n3,a,4,\n4,a,4,\n", "a@1 r1 4", 1, 3, producers.Counts{Events: 1, OutputTokens: schemas.Wide{Low: 4}})
	f("revision: position\n", "1,a,3,\n2,a,3,\n", "a@1 r1 3", 0, 1, producers.Counts{Events: 1, OutputTokens: schemas.Wide{Low: 3}})
	// Back to what was said first.
	f("", "1,a,3,\n2,a,4,\n3,a,3,\n", "a@1 r2 3", 2, 0, producers.Counts{Events: 1, OutputTokens: schemas.Wide{Low: 3}})
	// Ids that are there once, with a time that goes back: as they are.
	f("", "3,a,1,\n2,b,1,\n9,c,1,\n8,d,1,\n", "a@3 r0 1, b@2 r0 1, c@9 r0 1, d@8 r0 1", 0, 0, producers.Counts{Events: 4, OutputTokens: schemas.Wide{Low: 4}})
	f("", "1,a,1,\n2,b,1,\n3,c,1,\n8,d,1,\n", "a@1 r0 1, b@2 r0 1, c@3 r0 1, d@8 r0 1", 0, 0, producers.Counts{Events: 4, OutputTokens: schemas.Wide{Low: 4}})
	// A column says it: the highest counts, wherever it is.
	from := "revision: {from: rev}\n"
	f(from, "1,a,3,7\n1,a,40,9\n2,b,1,0\n1,a,5,8\n", "a@1 r9 40, b@2 r0 1", 2, 0, producers.Counts{Events: 2, OutputTokens: schemas.Wide{Low: 41}})
	f(from, "1,a,3,2026-03-01 00:00:01\n1,a,40,2026-03-01T00:00:01.5Z\n", "a@1 r1772323201500000 40", 1, 0, producers.Counts{Events: 1, OutputTokens: schemas.Wide{Low: 40}})
	f("revision: {from: rev, format: unix_s}\n", "1,a,3,5\n1,a,3,5\n", "a@1 r5000000 3", 0, 1, producers.Counts{Events: 1, OutputTokens: schemas.Wide{Low: 3}})
	// Other content in one revision, and another time, are conflicts, which the pipeline has to see.
	f(from, "1,a,3,7\n1,a,4,7\n2,b,1,1\n", "a@1 r7 3, a@1 r7 4, b@2 r1 1", 0, 0, producers.Counts{Events: 2, Conflicts: 1, OutputTokens: schemas.Wide{Low: 4}})
	f(from, "1,a,3,7\n5,a,4,8\n", "a@1 r7 3, a@5 r8 4", 0, 0, producers.Counts{Events: 1, Conflicts: 1, OutputTokens: schemas.Wide{Low: 3}})
}

// TestGrownFile reads a file again that has grown: each statement of a message replaces the one before.
func TestGrownFile(t *testing.T) {
	for _, lines := range []string{"", "revision: position\n"} {
		name := write(t, "f", nil)
		rows := []string{"1,a,3", "2,a,40", "3,b,1", "3,a,40", "4,a,159"}
		newest := map[string]uint64{}
		for n := range rows {
			if err := os.WriteFile(name, []byte("at,n,out\n"+strings.Join(rows[:n+1], "\n")+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			log, _ := replayed(t, Options{Format: "csv", Files: []string{name}, Mapping: revised(t, lines), Run: "test"})
			if a := log.calls[0]; a.Id != "a" || a.GetTimeUs() != 1e6 {
				t.Fatalf("after %d rows: %v", n+1, a)
			}
			for _, c := range log.calls {
				key, output := c.Id, c.GetOutputVisible()
				before, seen := newest[key]
				changed := newest[key+" output"] != output
				if seen && (c.Revision < before || changed && c.Revision == before) {
					t.Errorf("%q: after %d rows %s has revision %d, which was %d", lines, n+1, key, c.Revision, before)
				}
				newest[key], newest[key+" output"] = c.Revision, output
			}
		}
		if newest["a output"] != 159 || newest["b output"] != 1 {
			t.Errorf("%q: got %v", lines, newest)
		}
	}
}

// TestRangeOfOneID selects by the time that the event has in the end.
func TestRangeOfOneID(t *testing.T) {
	o := Options{Format: "csv", Files: []string{write(t, "f", []byte("at,n,out\n1,a,1\n2,b,1\n3,a,2\n4,b,2\n5,c,1\n"))}, Mapping: revised(t, ""), Run: "test"}
	o.From, o.To = time.Unix(2, 0), time.Unix(5, 0)
	for _, limit := range []int{1, 0} {
		o.memory = limit
		if log, result := replayed(t, o); fmt.Sprint(statements(log)) != "[b@2 r1 2]" || result.Outside != 2 {
			t.Errorf("got %v, %+v", statements(log), result)
		}
	}
}

// TestManyIDs reads a file that is too long for the memory, with and without an id that is there twice, far apart.
func TestManyIDs(t *testing.T) {
	const count = 20000
	var b strings.Builder
	b.WriteString("at,n,out\n")
	for i := range count {
		fmt.Fprintf(&b, "%d,%d,1\n", i+1, i)
	}
	for _, last := range []string{"", "30000,5,7\n"} {
		for name, stdin := range map[string]bool{"file": false, "stdin": true} {
			o := Options{Format: "csv", Files: []string{write(t, "f", []byte(b.String()+last))}, Mapping: revised(t, ""), Run: "test", memory: 64 << 10}
			if stdin {
				o.Files, o.Stdin = []string{Stdin}, strings.NewReader(b.String()+last)
			}
			log, result := replayed(t, o)
			if len(log.calls) != count || result.Truth.Total().Events != count || int(result.Replaced) != len(last)/10 || result.Unreported {
				t.Fatalf("%s %q: %d calls, %+v", name, last, len(log.calls), result)
			}
			for i, c := range log.calls {
				output := uint64(1)
				if i == 5 && last != "" {
					output = 7
				}
				if c.GetTimeUs() != int64(i+1)*1e6 || c.GetOutputVisible() != output {
					t.Fatalf("%s: call %d is %v", name, i, c)
				}
			}
		}
	}
}

// TestGrowingMessage replays the log of an agent that writes a message again while it grows, with a mapping that says nothing
// of it.
func TestGrowingMessage(t *testing.T) {
	var session strings.Builder
	for _, line := range []struct{ second, message, written, cached, input, output int }{{0, 1, 100, 1000, 10, 3}, {1, 1, 100, 1000, 10, 40}, {2, 1, 100, 1000, 10, 159}, {5, 2, 0, 1100, 12, 20}} {
		fmt.Fprintf(&session, `{"timestamp":"2026-03-01T10:00:0%d.100Z","type":"assistant","requestId":"req_%d","message":{"id":"msg_%[2]d","model":"m1","usage":{"input_tokens":%[5]d,"cache_creation_input_tokens":%[3]d,"cache_read_input_tokens":%[4]d,"output_tokens":%[6]d}}}`+"\n",
			line.second, line.message, line.written, line.cached, line.input, line.output)
	}
	m, err := mapping.Parse("m.yaml", []byte(`source: sessions
time: timestamp
id: [message.id, requestId]
fields:
  tenant: {constant: acme}
  product: {constant: cli}
  model: message.model
  input_uncached: message.usage.input_tokens
  input_cache_write: message.usage.cache_creation_input_tokens
  input_cache_read: message.usage.cache_read_input_tokens
  output_visible: message.usage.output_tokens
`))
	if err != nil {
		t.Fatal(err)
	}
	log, result := replayed(t, Options{Format: "jsonl", Files: []string{write(t, "session.jsonl", []byte(session.String()))}, Mapping: m, Run: "test"})
	c := result.Truth.Total()
	if c.Events != 2 || c.Produced != 2 || c.InputTokens.Low != 2222 || c.OutputTokens.Low != 179 || len(log.calls) != 2 || result.Replaced != 2 {
		t.Errorf("got %+v, %+v", c, result)
	}
	first := time.Date(2026, 3, 1, 10, 0, 0, 1e8, time.UTC)
	if a := log.calls[0]; a.GetTimeUs() != first.UnixMicro() || a.Revision != 2 || log.calls[1].Revision != 0 {
		t.Errorf("got %v", log.calls)
	}
}

func TestBadRevisions(t *testing.T) {
	o := Options{Format: "csv", Files: []string{write(t, "f", []byte("at,n,out,rev\n1,a,1,\n1,b,1,soon\n1,c,1,-1\n1,d,1,1969-01-01 00:00:00\n1,e,1,99999999999999999999\n1,f,1,18446744073709551615\n"))},
		Mapping: revised(t, "revision: rev\n"), Run: "test"}
	log, result := replayed(t, o)
	want := []string{
		"rev, the revision, is empty, and the revision is made of it",
		`rev, the revision, "soon" is neither a time nor a whole number`,
		`rev, the revision, "-1" is neither a time nor a whole number`,
		`rev, the revision, "1969-01-01 00:00:00" is before 1970, and a revision is not negative`,
		`rev, the revision, "99999999999999999999" is more than 64 bits hold`,
	}
	for i, p := range result.Problems {
		if i >= len(want) || p.Text != want[i] || p.Line != i+2 {
			t.Errorf("got %v", p)
		}
	}
	if len(result.Problems) != len(want) || len(log.calls) != 1 || log.calls[0].Revision != 1<<64-1 {
		t.Errorf("%d problems, %v", len(result.Problems), log.calls)
	}
}

// TestRevisionsOfOthers keeps the revision that CloudEvents and records bring along, and counts them right.
func TestRevisionsOfOthers(t *testing.T) {
	event := func(revision, output int) string {
		return fmt.Sprintf(`{"specversion":"1.0","type":"token_call","source":"s","id":"1","time":"2024-05-10T00:00:00Z","tenant":"t","product":"p","data":{"model":"m","revision":%d,"output_visible":%d}}`+"\n", revision, output)
	}
	events := event(1, 10) + event(3, 30) + event(2, 20) + event(3, 30) + event(3, 31)
	cloud, result := replayed(t, options("cloudevents", write(t, "f", []byte(events))))
	check := func(kind string, c producers.Counts) {
		t.Helper()
		if c.Produced != 5 || c.Events != 1 || c.Revisions != 1 || c.Duplicates != 2 || c.Conflicts != 1 || c.OutputTokens.Low != 30 || c.Weight.Low != 1 {
			t.Errorf("%s: the truth is %+v", kind, c)
		}
	}
	check("cloudevents", result.Truth.Total())
	if got := fmt.Sprint(statements(cloud)); got != "[1@1715299200 r1 10 1@1715299200 r3 30 1@1715299200 r2 20 1@1715299200 r3 30 1@1715299200 r3 31]" {
		t.Errorf("got %s", got)
	}
	part := make([][]byte, 0, len(cloud.calls))
	for _, c := range cloud.calls {
		value, err := schemas.AppendEvent(nil, c)
		if err != nil {
			t.Fatal(err)
		}
		part = append(part, value)
	}
	for _, speed := range []float64{0, 10} {
		o := Options{Run: "again", Speed: speed, Topic: &Topic{Log: &topicLog{step: 2, partitions: [][][]byte{part}}, Name: "lab.token_calls.v1", Type: schemas.TokenCallType}}
		again, result := replayed(t, o)
		check("topic", result.Truth.Total())
		if !slices.Equal(statements(again), statements(cloud)) {
			t.Errorf("got %v", statements(again))
		}
	}
}

// TestRevisedTooLarge does not claim a truth that it cannot know.
func TestRevisedTooLarge(t *testing.T) {
	r := newRepeats(10)
	for revision, full := range []bool{false, true} {
		item := producers.Item{Revision: uint64(revision), Value: bytes.Repeat([]byte{1}, revision), InputTokens: 1 << 32}
		r.kind(&item)
		if r.full != full {
			t.Errorf("revision %d: full %t", revision, r.full)
		}
	}
}
