package collector

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// addsUp reports whether each item of the request became something.
func (r Report) addsUp() bool {
	became := r.Accepted.Total() + r.Spooled.Total() + len(r.Rejected) + r.Joined
	for _, n := range r.Skipped {
		became += int(n)
	}
	return r.Received == became
}

// rows are the counts of an Intake's rows, one text each.
func rows(t *testing.T, runs []*usagev1.Run) []string {
	t.Helper()
	var out []string
	ids := map[string]bool{}
	for _, r := range runs {
		if err := schemas.Validate(r); err != nil {
			t.Errorf("%v: %v", r, err)
		}
		if ids[r.GetId()] {
			t.Errorf("the id %s is there twice", r.GetId())
		}
		ids[r.GetId()] = true
		at := time.UnixMicro(r.GetTimeUs()).UTC().Format("15:04:05")
		out = append(out, fmt.Sprintf("%s %s %s %q %s %s %s %q recv=%d prod=%d rej=%d join=%d skip=%d spool=%d drain=%d ref=%d lost=%d unack=%d", at, r.GetRun(), r.GetTenant(), r.GetKey(),
			r.GetEndpoint(), r.GetSender(), r.GetType(), r.GetReason(), r.GetReceived(), r.GetProduced(), r.GetRejected(), r.GetJoined(), r.GetSkipped(), r.GetSpooled(), r.GetDrained(),
			r.GetRefused(), r.GetNotResent(), r.GetUnacknowledged()))
	}
	return out
}

// TestIntake: the rows of a minute say what became of each item, they are there when the minute is over, and stay until
// they are reported.
func TestIntake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := NewIntake("life")
		calls := Report{Run: "life/k", Tenant: "acme", Key: "k", Sender: "otel/1", Endpoint: "traces", Received: 7, Joined: 1, Skipped: map[string]uint64{"rule": 2},
			Rejected: []Rejected{{Field: "a\nb", Reason: "is\xff bad"}, {Field: "time", Reason: "in_future"}}}
		calls.Accepted[schemas.TokenCallType], calls.Accepted[schemas.QueryType] = 1, 1
		in.Answered(calls)
		in.Answered(Report{Endpoint: "traces", Refused: "401 unauthorized"})                                                                             // From nobody.
		in.Answered(Report{Endpoint: "gateways", Sender: "litellm/1", Refused: "503 down", Forgetful: "litellm"})                                        // From nobody yet.
		in.Answered(Report{Run: "life/k", Tenant: "acme", Key: "k", Endpoint: "events", Sender: "curl", Refused: "503 down", Unacknowledged: ByType{3}}) // Of queries.
		if due := in.Due(time.Now(), false); len(due) > 0 {
			t.Errorf("rows of a minute that is not over: %v", due)
		}
		time.Sleep(time.Minute)
		in.Drained(Report{Run: "earlier/k", Tenant: "acme", Key: "k", Endpoint: "gateways", Sender: "litellm/1"}, ByType{4})
		want := []string{
			`00:00:00 life tidemark "" gateways litellm/1 any "503 down" recv=0 prod=0 rej=0 join=0 skip=0 spool=0 drain=0 ref=1 lost=1 unack=0`,
			`00:00:00 life/k acme "k" events curl any "503 down" recv=0 prod=0 rej=0 join=0 skip=0 spool=0 drain=0 ref=1 lost=0 unack=0`,
			`00:00:00 life/k acme "k" events curl queries "" recv=0 prod=0 rej=0 join=0 skip=0 spool=0 drain=0 ref=0 lost=0 unack=3`,
			`00:00:00 life/k acme "k" traces otel/1 any "" recv=7 prod=0 rej=0 join=1 skip=0 spool=0 drain=0 ref=0 lost=0 unack=0`,
			`00:00:00 life/k acme "k" traces otel/1 any "a b is bad" recv=0 prod=0 rej=1 join=0 skip=0 spool=0 drain=0 ref=0 lost=0 unack=0`,
			`00:00:00 life/k acme "k" traces otel/1 any "rule" recv=0 prod=0 rej=0 join=0 skip=2 spool=0 drain=0 ref=0 lost=0 unack=0`,
			`00:00:00 life/k acme "k" traces otel/1 any "time in_future" recv=0 prod=0 rej=1 join=0 skip=0 spool=0 drain=0 ref=0 lost=0 unack=0`,
			`00:00:00 life/k acme "k" traces otel/1 queries "" recv=0 prod=1 rej=0 join=0 skip=0 spool=0 drain=0 ref=0 lost=0 unack=0`,
			`00:00:00 life/k acme "k" traces otel/1 token_calls "" recv=0 prod=1 rej=0 join=0 skip=0 spool=0 drain=0 ref=0 lost=0 unack=0`,
		}
		if got := rows(t, in.Due(time.Now(), false)); !slices.Equal(got, want) {
			t.Errorf("rows:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		in.Reported(len(want) - 1)
		want = append(want[len(want)-1:], `00:01:00 earlier/k acme "k" gateways litellm/1 queries "" recv=0 prod=0 rej=0 join=0 skip=0 spool=0 drain=4 ref=0 lost=0 unack=0`)
		if got := rows(t, in.Due(time.Now(), true)); !slices.Equal(got, want) {
			t.Errorf("at the end:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

// TestIntakeClock: after the clock was set back, minutes end as before.
func TestIntakeClock(t *testing.T) {
	in := NewIntake("life")
	now := time.Now()
	in.roll(now.AddDate(1, 0, 0))
	in.open[intakeKey{run: "life", tenant: "acme", endpoint: "events", typ: anyType}] = &intakeCounts{received: 1}
	if due := in.Due(now, false); len(due) != 1 || in.minute != now.Truncate(time.Minute) {
		t.Errorf("%v are due, and the minute is %v", due, in.minute)
	}
}

// TestIntakeIsBounded: senders and reasons without number share rows, and a minute whose rows cannot be reported goes on. No
// item is lost.
func TestIntakeIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := NewIntake("life")
		in.cells, in.rows = 10, 15
		for range 10 {
			for i := range 100 {
				in.Answered(Report{Run: "life", Tenant: "acme", Sender: fmt.Sprint("s", i), Endpoint: "events", Received: 1, Rejected: []Rejected{{Field: fmt.Sprint("f", i), Reason: "is bad"}}})
			}
			in.Answered(Report{Run: "life/other", Tenant: "globex", Sender: "curl", Endpoint: "events", Refused: "429 slow"})
			time.Sleep(time.Minute)
		}
		due := in.Due(time.Now(), true)
		for _, r := range due {
			if r.GetRun() == "life/other" && (r.GetSender() != "curl" || r.GetReason() != "429 slow") {
				t.Errorf("many rows of one key hide those of another: %v", r)
			}
		}
		if len(due) > 40 {
			t.Errorf("%d rows", len(due))
		}
		received, rejected := uint64(0), uint64(0)
		for _, r := range due {
			received += r.GetReceived()
			rejected += r.GetRejected()
		}
		if received != 1000 || rejected != 1000 {
			t.Errorf("%d received and %d rejected", received, rejected)
		}
	})
}

// TestIntakeMemory: a row keeps no more of a long text than it shows.
func TestIntakeMemory(t *testing.T) {
	in := NewIntake("life")
	const n, long = 50, 1 << 20
	for i := range n {
		text := fmt.Sprintf("%03d%s", i, strings.Repeat("a", long))
		in.Answered(Report{Run: "life", Tenant: "acme", Endpoint: "events", Sender: senderName(text), Received: 1, Skipped: map[string]uint64{text: 1}})
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if due := in.Due(time.Now(), true); len(due) != 2*n || m.HeapAlloc > n*long/2 {
		t.Errorf("%d rows take %d bytes", len(due), m.HeapAlloc)
	}
}

// memorySpool keeps events while err is nil.
type memorySpool struct {
	mu      sync.Mutex
	err     error
	waiting bool
	came    []Report
	kept    int
}

func (m *memorySpool) Waiting() bool { return m.waiting }

func (m *memorySpool) Keep(came Report, events []schemas.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err == nil {
		m.came, m.kept = append(m.came, came), m.kept+len(events)
	}
	return m.err
}

// TestSendsOnce: while the log is down, what comes from senders that do not send again goes to the spool, and from others
// it is refused. All of it is counted.
func TestSendsOnce(t *testing.T) {
	ring, texts := keyFile(t, `,"sends_once":true`, "")
	for _, tt := range []struct {
		name, key, agent    string
		down, waiting, full bool
		status              int
		stored, kept        int
		lost                string
	}{
		{"it is up", texts[1], "litellm/1.108", false, false, false, 200, 1, 0, ""},
		{"LiteLLM", texts[1], "litellm/1.108", true, false, false, 200, 0, 1, ""},
		{"Codex", texts[1], "OTel-OTLP-Exporter-Rust/0.31.0", true, false, false, 200, 0, 1, ""},
		{"a key that says so", texts[0], "curl/8", true, false, false, 200, 0, 1, ""},
		{"others come again", texts[1], "curl/8", true, false, false, 503, 0, 0, ""},
		{"it is up again, and events wait", texts[0], "curl/8", false, true, false, 200, 0, 1, ""},
		{"the spool is full", texts[0], "curl/8", true, true, true, 503, 0, 0, "key"},
		{"the spool is full and the log is up", texts[0], "curl/8", false, true, true, 200, 1, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			keep := &memorySpool{waiting: tt.waiting}
			if tt.full {
				keep.err = errors.New("full")
			}
			f := start(t, func(c *Config) { c.Keys, c.Tenant, c.Product, c.Spool, c.Run = ring, "", "", keep, "life" })
			if tt.down {
				f.sink.set(errDown)
			}
			w := f.postText("/v1/events", "application/json", `{"type":"query","source":"s","id":"1","product":"p","time":"`+time.Now().UTC().Format(time.RFC3339)+`"}`,
				"Authorization", "Bearer "+tt.key, "User-Agent", tt.agent)
			got := f.reports.last(t)
			if w.Code != tt.status || len(f.sink.stored()) != tt.stored || keep.kept != tt.kept || got.Spooled.Total() != tt.kept || got.Accepted.Total() != tt.stored || got.Forgetful != tt.lost {
				t.Errorf("status %d, %d kept: %s; %+v", w.Code, keep.kept, w.Body, got)
			}
			if !got.addsUp() || (got.Unacknowledged.Total() == 1) != (tt.status == 503) || got.Tenant != "acme" || got.Run != "life/"+got.Key {
				t.Errorf("counted %+v", got)
			}
			if tt.kept > 0 && (keep.came[0].Run != got.Run || keep.came[0].Sender == "") {
				t.Errorf("the spool was told %+v", keep.came)
			}
		})
	}
}

// TestRunsAreTheCollectors: the events say which collector received them, by which key, whatever run they name.
func TestRunsAreTheCollectors(t *testing.T) {
	f := start(t, func(c *Config) { c.Run = "life" })
	f.postText("/v1/cloudevents", "application/cloudevents+json", cloud("1", `,"run":"theirs"`))
	stored := f.sink.stored()
	if len(stored) != 1 || !strings.Contains(stored[0], "\x04life") || strings.Contains(stored[0], "theirs") {
		t.Errorf("stored %q", stored)
	}
}
