package otelcol

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"tidemark/producers/collector"
)

// comparison is a request, and where the two servers answer it differently on purpose, both answers and the reason.
type comparison struct {
	name string
	call
	theirs, ours string
	because      string
}

// check compares the answers.
func (c *comparison) check(t *testing.T, theirs, ours string) {
	t.Helper()
	switch {
	case c.because == "" && theirs == ours, c.because != "" && theirs == c.theirs && ours == c.ours && theirs != ours:
	case c.because == "":
		t.Errorf("%s: the Collector answers %q, and we answer %q", c.name, theirs, ours)
	default:
		t.Errorf("%s: the Collector answers %q, and we answer %q; the table has %q and %q", c.name, theirs, ours, c.theirs, c.ours)
	}
}

// TestHTTP sends the same requests to both over HTTP.
func TestHTTP(t *testing.T) {
	var fail failing
	theirs, ours := startReceiver(t, &fail), startOurs(t, &fail, nil)
	body, text := protoTraces(t, 10), jsonTraces(t, 10)
	for _, c := range slices.Concat(encodings(t, body, text), bodies(body, text), values(), paths(t, body, text)) {
		c.check(t, askHTTP(t, theirs.web, c.call), askHTTP(t, ours.web, c.call))
	}
	for _, f := range failures(t) {
		fail.set(f.err)
		for media, body := range map[string][]byte{mediaProto: body, mediaJSON: text} {
			c := comparison{name: f.name + " " + media, call: post(media, "", body), because: f.why}
			c.theirs, c.ours = f.status+" "+media+" "+f.code, "503 "+media+" "+later+" Retry-After 1..5 s"
			if strings.Contains(f.code, "RetryInfo") {
				c.theirs += " Retry-After 1..5 s"
			}
			c.check(t, askHTTP(t, theirs.web, c.call), askHTTP(t, ours.web, c.call))
		}
	}
	nothing := comparison{name: "nothing to store, and no place", call: post(mediaProto, "", nil)}
	nothing.check(t, askHTTP(t, theirs.web, nothing.call), askHTTP(t, ours.web, nothing.call))
}

// TestRate compares a key over its rate with a place that is exhausted for a time.
func TestRate(t *testing.T) {
	var none, exhausted failing
	exhausted.set(withRetry(t, codes.ResourceExhausted))
	ring, key := oneKey(t, "0.1")
	theirs, ours := startReceiver(t, &exhausted), startOurs(t, &none, func(c *collector.Config) { c.Keys, c.Tenant = ring, "" })
	c := post(mediaProto, "", protoTraces(t, 10))
	c.header = []string{"X-API-Key", key}
	for range 2 { // What a key may save.
		if answer := askHTTP(t, ours.web, c); answer != okProto {
			t.Fatal(answer)
		}
	}
	over := comparison{name: "over the rate", call: c}
	over.check(t, askHTTP(t, theirs.web, c), askHTTP(t, ours.web, c))
	c.body, c.media, c.path = framed(false, c.body), "", tracesMethod
	over.check(t, askGRPC(t, theirs.rpc, c), askGRPC(t, ours.rpc, c))
}
