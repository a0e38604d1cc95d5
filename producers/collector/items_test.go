package collector

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"tidemark/producers/formats"
	usagev1 "tidemark/schemas/usage/v1"
)

// queryOf decodes the one query that is stored.
func queryOf(t *testing.T, f *fixture) *usagev1.Query {
	t.Helper()
	stored := f.sink.stored()
	if len(stored) != 1 {
		t.Fatalf("%d stored", len(stored))
	}
	var e usagev1.Query
	if err := proto.Unmarshal([]byte(stored[0]), &e); err != nil {
		t.Fatal(err)
	}
	return &e
}

// TestBinary sends a CloudEvent in headers. Senders that escape and senders that do not are both understood.
func TestBinary(t *testing.T) {
	header := func(id, source string) []string {
		return []string{"Ce-Specversion", "1.0", "Ce-Id", id, "Ce-Source", source, "Ce-Type", "query", "Ce-Time", time.Now().UTC().Format(time.RFC3339)}
	}
	for _, tt := range []struct{ sent, want string }{
		{"a%20b", "a b"}, {"100%", "100%"}, {"100%25", "100%"}, {"%zz", "%zz"}, {"%4", "%4"}, {"%e2%82%AC", "€"}, {"€", "€"}, {"a+b", "a+b"}, {`%22`, `"`}, {"%%41", "%A"},
	} {
		f := start(t, nil)
		w := f.postText("/v1/cloudevents", "application/json", `{"model":"m"}`, header(tt.sent, tt.sent)...)
		if w.Code != 202 {
			t.Errorf("%q: %d %s", tt.sent, w.Code, w.Body)
			continue
		}
		if e := queryOf(t, f); e.Id != tt.want || e.Source != tt.want || e.Model != "m" {
			t.Errorf("%q became %v", tt.sent, e)
		}
	}
	for _, tt := range []struct {
		name, media, body string
		header            []string
		status            int
		want              string
	}{
		{"bytes that are no text", mediaJSON, "{}", header("%ff", "s"), 400, `"field":"id","reason":"is not UTF-8"`},
		{"no body", "text/plain", "", header("1", "s"), 202, ""},
		{"data that is no JSON", "text/plain", "hello", header("1", "s"), 400, `"field":"data_base64","reason":"is not a JSON object"`},
		{"no id", mediaJSON, "{}", header("", "s"), 400, `"field":"id","reason":"is missing"`},
		{"data that is deep", mediaJSON, strings.Repeat("[", 40) + strings.Repeat("]", 40), header("1", "s"), 400, "deeper"},
		{"another version", mediaJSON, "{}", append(header("1", "s"), "Ce-Specversion", "0.3"), 400, `"field":"specversion","reason":"is not 1.0"`},
		{"structured with headers of another event", mediaCloud, cloud("2"), header("1", "s"), 202, ""},
	} {
		f := start(t, nil)
		w := f.postText("/v1/cloudevents", tt.media, tt.body, tt.header...)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("%s: %d %s", tt.name, w.Code, w.Body)
		}
		if strings.HasPrefix(tt.name, "structured") {
			if e := queryOf(t, f); e.Id != "2" {
				t.Errorf("%v", e)
			}
		}
	}
}

// TestStructured: nothing in an identity is decoded twice.
func TestStructured(t *testing.T) {
	f := start(t, nil)
	if w := f.postText("/v1/cloudevents", mediaCloud, cloud("a%20b")); w.Code != 202 {
		t.Fatal(w.Body)
	}
	if e := queryOf(t, f); e.Id != "a%20b" || e.Tenant != "acme" || e.Product != "p" {
		t.Errorf("%v", e)
	}
}

func TestWithoutValues(t *testing.T) {
	for problem, want := range map[string]string{
		`"abc" is not a number`:                        "is not a number",
		`"a \"quoted\" one"... is not a number`:        "is not a number",
		"is missing":                                   "is missing",
		`is neither "a" nor "b"`:                       "is neither nor",
		`ends within "a text`:                          "ends within",
		`"` + strings.Repeat("x", 40) + `"... is long`: "is long",
	} {
		if got := withoutValues(problem); got != want {
			t.Errorf("%s: %q, want %q", problem, got, want)
		}
	}
}

// TestRule: what counts are kept by has no name that a sender made up.
func TestRule(t *testing.T) {
	for _, tt := range []struct {
		rejected Rejected
		want     string
	}{
		{Rejected{Field: "SECRET", Reason: formats.UnknownField}, "a field is no field of such an event"},
		{Rejected{Field: "weight", Reason: "is negative"}, "weight is negative"},
		{Rejected{Reason: "is no event"}, "is no event"},
	} {
		if got := tt.rejected.Rule(); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}
