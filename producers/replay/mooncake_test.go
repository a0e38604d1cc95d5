package replay

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark/schemas"
)

// TestMooncakeTurns reads a trace with sessions: turns after the first are their delay after the turn before.
func TestMooncakeTurns(t *testing.T) {
	f := func(data string, want ...string) {
		t.Helper()
		for _, speed := range []float64{0, 1e6} {
			o := options("mooncake", Stdin)
			o.Stdin, o.Speed = strings.NewReader(data), speed
			log, result, err := attempt(t, o)
			var got []string
			if err != nil {
				got = append(got, err.Error())
			}
			for _, c := range log.calls {
				user := "-"
				for _, name := range []string{"a", "b", "7"} {
					if c.User == schemas.NewUserHasher([]byte("0123456789abcdef0123456789abcdef")).Hash("mooncake", name) {
						user = name
					}
				}
				got = append(got, fmt.Sprintf("%s %s %d %d", time.Duration(c.GetTimeUs()-start.UnixMicro())*time.Microsecond, user, c.GetInputUncached(), c.GetOutputVisible()))
			}
			for _, p := range result.Problems {
				got = append(got, fmt.Sprintf("%d:%d: %s", p.Line, p.Column, p.Text))
			}
			if speed > 0 {
				slices.Sort(got)
				want = slices.Sorted(slices.Values(want))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s\ngot  %q\nwant %q", data, got, want)
			}
		}
	}
	f(`{"session_id":"a","timestamp":0,"input_length":100,"output_length":10,"hash_ids":[1]}
{"session_id":"a","delay":5000,"input_length":50,"output_length":10}
{"session_id":"b","timestamp":1500.5,"input_length":70,"output_length":7}
{"session_id":"a","delay":2000,"input_length":30,"output_length":3}
`, "0s a 100 10", "5s a 50 10", "1.5005s b 70 7", "7s a 30 3")
	f(`{"session_id":7,"created_time":1000,"input_tokens":1,"output_tokens":2}
{"session_id":7,"delay_ms":0.5,"input_tokens":3,"output_tokens":4}
{"session_id":7,"timestamp":9000,"delay":1,"input_length":5,"output_length":6}
{"session_id":"7","timestamp":null,"delay":1,"input_length":7,"output_length":8}
`, "1s 7 1 2", "1.0005s 7 3 4", "9s 7 5 6", "9.001s 7 7 8")
	f(`{"session_id":"a","delay":5000,"input_length":50,"output_length":10}
{"delay":5000,"input_length":50,"output_length":10}
{"session_id":"a","timestamp":1000,"input_length":"x","output_length":10}
{"session_id":"a","delay":-1,"input_length":1,"output_length":1}
{"session_id":"a","delay":1e15,"input_length":1,"output_length":1}
{"session_id":{},"timestamp":1,"input_length":1,"output_length":1}
{"session_id":"a","delay":10,"input_length":1,"output_length":1}
{"input_length":1,"output_length":1}
`, "1.01s a 1 1",
		"1:19: delay is after a turn that is not there: the first of a session needs a timestamp",
		"2:2: delay has no session_id beside it, and no timestamp",
		`3:36: input_length "\"x\"" is not a number`,
		`4:19: delay "-1" is negative`,
		`5:19: delay "1e15" is too large`,
		"6:2: session_id is an object and not a text or a number",
		"8:1: timestamp is empty")
}

// TestMooncakeIdentity keeps the ids of rows that were read before there were sessions, and tells turns apart.
func TestMooncakeIdentity(t *testing.T) {
	id := func(row string) string {
		o := options("mooncake", Stdin)
		o.Stdin = strings.NewReader(`{"session_id":"a","timestamp":0,"input_length":1,"output_length":1}` + "\n" + row)
		log, _ := replayed(t, o)
		return log.calls[1].Id
	}
	want := "2-26062f1c227dc41f" // That of the golden file.
	for _, row := range []string{`{"hash_ids":[],"output_length":4,"input_length":36640,"timestamp":0}`, `{"session_id":"a","output_length":4,"input_length":36640,"timestamp":0}`,
		`{"session_id":"b","delay":9,"output_tokens":4,"input_tokens":36640,"created_time":0}`} {
		if got := id(row); got != want {
			t.Errorf("%s: got %s, want %s", row, got, want)
		}
	}
	one, two := id(`{"session_id":"a","delay":1,"input_length":1,"output_length":1}`), id(`{"session_id":"a","delay":2,"input_length":1,"output_length":1}`)
	if one == two {
		t.Errorf("two delays are one id, %s", one)
	}
}

// TestRelativeTimes refuses times since 1970 where they should be relative, in any unit, and says where the unit may be wrong.
func TestRelativeTimes(t *testing.T) {
	row := map[string]string{
		"mooncake": `{"timestamp":%s,"input_length":1,"output_length":1}` + "\n",
		"burstgpt": "%s,m,1,1\n",
		"agentic":  "x,%s,m,1,1\n",
	}
	head := map[string]string{"burstgpt": "Timestamp,Model,Request tokens,Response tokens\n", "agentic": "trace_id,t_s,model,input_tokens,output_tokens\n"}
	f := func(format string, times []string, refused, note string) {
		t.Helper()
		o := options(format, Stdin)
		data := head[format]
		for _, at := range times {
			data += fmt.Sprintf(row[format], at)
		}
		o.Stdin = strings.NewReader(data)
		_, result, err := attempt(t, o)
		if refused == "" != (err == nil) || err != nil && (!strings.Contains(err.Error(), refused) || !strings.Contains(err.Error(), "with a mapping")) {
			t.Errorf("%s %v: got %v, want %q", format, times, err, refused)
		}
		if got := strings.Join(result.Notes, "; "); note == "" != (got == "") || !strings.Contains(got, note) {
			t.Errorf("%s %v: noted %q, want %q", format, times, got, note)
		}
	}
	for format := range row {
		f(format, []string{"1772323200", "1772323201"}, "is in seconds since 1970 (2026-03-01T00:00:00Z)", "")
		f(format, []string{"1772323200000.5"}, "is in milliseconds since 1970 (2026-03-01T00:00:00Z)", "")
		f(format, []string{"1772323200000000"}, "is in microseconds since 1970 (2026-03-01T00:00:00Z)", "")
		f(format, []string{"1772323200000000000"}, "is in nanoseconds since 1970 (2026-03-01T00:00:00Z)", "")
		f(format, []string{"0", "1772323200"}, "", map[string]string{"mooncake": "", "burstgpt": "", "agentic": ""}[format])
	}
	f("mooncake", []string{"0", "0.5", "1.25", "3"}, "", "timestamp of mooncake are milliseconds; if these are seconds, the events have wrong times")
	f("mooncake", []string{"0", "60000", "120000"}, "", "")
	f("mooncake", []string{"0", "0", "0"}, "", "")
	f("burstgpt", []string{"0", "5000", "10000"}, "", "Timestamp of burstgpt are seconds; if these are milliseconds, the events have wrong times")
	f("burstgpt", []string{"5", "45", "118"}, "", "")
	f("agentic", []string{"0", "500000", "1000000"}, "", "t_s of agentic are seconds; if these are milliseconds")
}

// TestFarFromTheStart refuses a single row that is far from all others.
func TestFarFromTheStart(t *testing.T) {
	o := options("mooncake", Stdin)
	o.Stdin = strings.NewReader(`{"timestamp":0,"input_length":1,"output_length":1}` + "\n" + `{"timestamp":1772359200000,"input_length":1,"output_length":1}` + "\n")
	log, result := replayed(t, o)
	if len(log.calls) != 1 || len(result.Problems) != 1 || !strings.HasSuffix(result.Problems[0].Text, `"1772359200000" is more than ten years from the start of the trace`) {
		t.Errorf("%d calls, %v", len(log.calls), result.Problems)
	}
}

// TestNewestFirst replays what is recorded newest first in order where there is a pace.
func TestNewestFirst(t *testing.T) {
	data := "id,at,model,in\n2,2026-03-01 10:00:02,m,12\n1,2026-03-01 10:00:01,m,11\n0,2026-03-01 10:00:00,m,10\n"
	for _, wrap := range []func() []byte{func() []byte { return []byte(data) }, func() []byte { return zstdOf(t, []byte(data)) }} {
		o := options("csv", write(t, "f", wrap()))
		o.Mapping, o.Speed = callsMapping(t), 1e3
		log, _ := replayed(t, o)
		if len(log.calls) != 3 || !slices.IsSortedFunc(log.calls, byTime) {
			t.Errorf("got %q", identities(log))
		}
	}
}
