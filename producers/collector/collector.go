// Package collector receives events over HTTP and gRPC and answers when the log has them.
//
//	HTTP, gRPC -> admit -> authenticate -> read, decompress -> decode -> validate -> Sink.Send -> answer
//
// A request goes through these steps in this order, whatever brought it (Server.run). A step that refuses returns a
// *refusal, which says by its status whether the sender should come again: 429 and 503 (RESOURCE_EXHAUSTED and
// UNAVAILABLE) are the only ones after which it should, and they say when. An item that cannot be accepted is rejected
// alone. If the log does not acknowledge, the whole request is refused: a repeat is harmless, since events keep their
// identities.
//
// What spans and log records mean is not known here, see OTLP.
package collector

import (
	"cmp"
	"context"
	"crypto/tls"
	"net/http"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"tidemark/internal/webguard"
	"tidemark/producers/collector/keys"
	"tidemark/producers/formats"
	"tidemark/producers/formats/fields"
	"tidemark/schemas"
)

// Origin is what is known about the sender of a request beside its body.
type Origin struct {
	// Tenant is that of all events of the request.
	Tenant string
	// Product is that of events that name none; it may be empty.
	Product string
	// Run is the label for the events; it may be empty.
	Run string
	// UserAgent is the program that sent the request, in its own words.
	UserAgent string
	// Outside returns why an event of a time in microseconds since 1970 is rejected; empty if it is not. Nil accepts every time.
	Outside func(us int64) (reason string)
}

// Batch is what the items of a request became. The same request always becomes the same batch.
type Batch struct {
	Events   []schemas.Event
	Rejected []Rejected
	// Skipped counts the items that are no events and need not be, by the rule that says so.
	Skipped map[string]uint64
	// Joined counts the items about a call that another item of the request is about too.
	Joined int
	// Items is how many items the request has. Each is an event, or rejected, skipped or joined.
	Items int
	// Places are the places in the request, from 0, of the items that the events come from, one per event; nil if it is
	// not known.
	Places []int
}

// Rejected is an item of a request that is no event and should be one. Field and Reason quote names, never values.
type Rejected struct {
	Index  int    `json:"index"` // In the request, from 0.
	ID     string `json:"id,omitempty"`
	Field  string `json:"field,omitempty"`
	Reason string `json:"reason"` // To be read after the field.
}

// Rule is the field and the reason, without a name that the sender made up: there are few rules.
func (r Rejected) Rule() string {
	if r.Reason == formats.UnknownField {
		return "a field " + r.Reason
	}
	return strings.TrimSpace(r.Field + " " + r.Reason)
}

// OTLP gives the meaning of spans and log records. It must be safe for concurrent use, and must not keep what it is given.
type OTLP interface {
	// Spans reads a request for spans in Protobuf, whose values may nest as deep as depth messages. An error says why it is none.
	Spans(o Origin, body []byte, depth int) (Batch, error)
	Traces(Origin, ptrace.Traces) Batch
	Logs(Origin, plog.Logs) Batch
}

// Gateways gives the meaning of records that gateways write about calls to models. It must be safe for concurrent use, and
// must not keep what it is given. An error is about the body as a whole, and has no value of it; tooMany says that it has more
// records than a request may have.
type Gateways interface {
	Records(origin Origin, body []byte) (batch Batch, tooMany bool, err error)
}

// Sink stores events. Send returns nil when the log has acknowledged all of them. After an error some may be on the log;
// the sender of the request sends all of them again. The events belong to the Sink.
type Sink interface {
	Send(ctx context.Context, events []schemas.Event) error
}

// Counters counts what a Server does. It must be safe for concurrent use, and fast.
type Counters interface {
	// Answered is called once for each request, after its answer.
	Answered(Report)
}

// Report is what became of a request.
type Report struct {
	// Key is the id of the key; empty without keys, and if the key is not known.
	Key string
	// Tenant and Run are those of the events; empty if the sender is not known.
	Tenant, Run string
	// Sender is the program that sent the request, as it names itself: letters, digits and few marks, at most 64 bytes.
	Sender string
	// Endpoint is one of keys.Endpoints.
	Endpoint string
	// Status is that of the answer, for gRPC the one that HTTP would have.
	Status int
	// Forgetful is the kind of sender if the request was refused for a time and its sender is known not to send it again.
	Forgetful string
	// Refused is why the request was refused, in a few words that are the same for all such requests; empty if it was not.
	Refused string
	// Received are the items of the request, and what became of them: Accepted are on the log, by type, Spooled on disk. All
	// are zero if it was refused.
	Received          int
	Accepted, Spooled ByType
	Rejected          []Rejected
	Skipped           map[string]uint64
	Joined            int
	// Unacknowledged are the events of a refused request that were sent to the log, by type. Some may be on the log.
	Unacknowledged ByType
	// WireBytes and BodyBytes are the size of the body before and after decompression, as far as it was read.
	WireBytes, BodyBytes int64
	// Took is the time from the first byte of the request to its answer.
	Took time.Duration
}

// ByType are numbers of events by their type.
type ByType [schemas.NumTypes]int

// Total is the number of all events.
func (b *ByType) Total() int {
	n := 0
	for _, of := range b {
		n += of
	}
	return n
}

// CountTypes counts events by their type.
func CountTypes(events []schemas.Event) (b ByType) {
	for _, e := range events {
		if t, ok := schemas.TypeOf(e); ok {
			b[t]++
		}
	}
	return b
}

// Spool keeps the events of senders that do not send again, until the log has them. It must be safe for concurrent use.
type Spool interface {
	// Waiting reports whether events wait for the log.
	Waiting() bool
	// Keep returns nil when the events are on disk. What came says who sent them.
	Keep(came Report, events []schemas.Event) error
}

// Limits bound what senders may take. Zeros are the defaults.
type Limits struct {
	// Body bounds the body of a request in bytes, before and after decompression. Default 16 MiB.
	Body int
	// InFlight bounds the memory that all requests take at a time, in bytes: their bodies and what they become. Default
	// 256 MiB.
	InFlight int64
	// Items bounds the items of a request. Default 10,000.
	Items int
	// Depth bounds how deep values nest in an item. Default 32.
	Depth int
	// Read bounds the time for reading a request. Default 30 s.
	Read time.Duration
	// Send bounds the time that the log has to acknowledge. Default 5 s, less than the 10 s after which exporters of
	// OpenTelemetry give up.
	Send time.Duration
	// SendOnce is the same for senders that do not send again. Default 9 s: they are refused last of all.
	SendOnce time.Duration
	// Past and Future are how far from now the time of an event may lie, unless its key may backfill. Default: 30 days
	// and 5 minutes. A negative one is no limit.
	Past, Future time.Duration
}

func (l Limits) withDefaults() Limits {
	l.Body = cmp.Or(l.Body, 16<<20)
	l.InFlight = cmp.Or(l.InFlight, 256<<20)
	l.Items = cmp.Or(l.Items, 10_000)
	l.Depth = cmp.Or(l.Depth, 32)
	l.Read = cmp.Or(l.Read, 30*time.Second)
	l.Send = cmp.Or(l.Send, 5*time.Second)
	l.SendOnce = cmp.Or(l.SendOnce, 9*time.Second)
	l.Past = cmp.Or(l.Past, 30*24*time.Hour)
	l.Future = cmp.Or(l.Future, 5*time.Minute)
	return l
}

// Config is what a Server works with. Sink, Users, and either Keys or Tenant are required.
type Config struct {
	Sink Sink
	// OTLP gives the meaning of spans and log records. Nil: they are refused.
	OTLP OTLP
	// Gateways gives the meaning of records of gateways. Nil: they are refused.
	Gateways Gateways
	// Spool keeps events of senders that do not send again while the log does not acknowledge. Nil: they are refused.
	Spool Spool
	// Users hashes the users that events name.
	Users *fields.Users
	// Keys finds the keys of senders. Nil: there are none, and everybody who reaches the port sends for Tenant.
	Keys *keys.Ring
	// Tenant and Product are those of events without keys.
	Tenant, Product string
	// Run is the label of all events; behind it stand a slash and the id of the key, if there is one. Default none.
	Run string
	// Guard keeps the pages of other sites away where there are no keys. Nil: nobody is kept away.
	Guard *webguard.Guard
	// TLS is how the ports speak TLS. Nil: they do not.
	TLS *tls.Config
	// Ready returns why the log cannot take events now, nil if it can. Default: it always can.
	Ready  func(context.Context) error
	Limits Limits
	// Counters counts requests. Default none.
	Counters Counters
	// Failed is called with what the sender of a request is not told: why the log did not acknowledge. Default nobody is.
	Failed func(error)
	// Prepare is called with each server of a port before it serves, to say where it logs. Default: the standard logger.
	Prepare func(*http.Server)
}

// Server receives events. It is safe for concurrent use.
type Server struct {
	config Config
	limits Limits
	gate   gate
	rates  rates
	drain  drain

	gzips, zstds sync.Pool // Readers that nobody uses now.
	memory       memory
}

// New returns a Server that listens nowhere yet, see Serve.
func New(c Config) *Server {
	limits := c.Limits.withDefaults()
	return &Server{config: c, limits: limits, gate: gate{limit: limits.InFlight}}
}

// InFlight returns the bytes that the requests under way take.
func (s *Server) InFlight() int64 { return s.gate.used.Load() }
