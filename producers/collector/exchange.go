package collector

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"tidemark/producers/collector/keys"
	"tidemark/producers/formats/fields"
	"tidemark/schemas"
)

// format is what a body is.
type format uint8

const (
	otlpProto  format = iota
	otlpJSON          // The JSON of OTLP.
	structured        // One CloudEvent in JSON.
	batched           // An array of CloudEvents.
	inHeaders         // A CloudEvent whose attributes are in headers.
	openMeter         // One CloudEvent or an array of them.
	objects           // Our own objects: lines, one, or an array.
	records           // Records of gateways: lines, one, or an array.
)

// exchange is one request on its way through the steps.
type exchange struct {
	server   *Server
	request  *http.Request
	endpoint string // One of keys.Endpoints.
	format   format
	open     func() (wire, *refusal)
	decode   func(body []byte) (Batch, *refusal)

	warning string // For the answer if all is well; empty for none.
	key     *keys.Key
	origin  Origin
	hold    hold
	began   time.Time
	report  Report
}

func (s *Server) exchange(r *http.Request, endpoint string, f format) *exchange {
	return &exchange{
		server: s, request: r, endpoint: endpoint, format: f, hold: hold{gate: &s.gate}, began: time.Now(),
		report: Report{Endpoint: endpoint, Sender: senderName(r.UserAgent())},
	}
}

// run takes a request through all steps up to the answer. The batch is that of the items, without what turned out to be
// invalid.
func (x *exchange) run(ctx context.Context) (Batch, *refusal) {
	if !x.server.drain.begin() {
		return Batch{}, unavailable(errDraining.Error())
	}
	defer x.server.drain.end()
	defer x.hold.giveAll()
	if refused := x.admit(); refused != nil {
		return Batch{}, refused
	}
	if refused := x.authenticate(); refused != nil {
		return Batch{}, refused
	}
	body, refused := x.read()
	if refused != nil {
		return Batch{}, refused
	}
	batch, refused := x.decode(body)
	if refused != nil {
		return Batch{}, refused
	}
	x.validate(&batch)
	return batch, x.send(ctx, batch.Events)
}

// admit refuses what comes from the page of another site, what nobody here understands, and what there is no memory for.
func (x *exchange) admit() *refusal {
	if guard := x.server.config.Guard; guard != nil {
		if no := guard.Check(x.request, false); no != nil {
			return forbidden(no.String())
		}
	}
	if x.server.config.OTLP == nil && (x.endpoint == "traces" || x.endpoint == "logs") {
		return notServed(x.endpoint)
	}
	if x.server.gate.used.Load()+max(x.request.ContentLength, 0) > x.server.gate.limit && x.request.ContentLength <= int64(x.server.limits.Body) {
		return unavailable(errNoRoom.Error())
	}
	return nil
}

// authenticate finds out for which tenant the request is, and whether its key may send now.
func (x *exchange) authenticate() *refusal {
	c := &x.server.config
	x.origin = Origin{Tenant: c.Tenant, Product: c.Product, Run: c.Run, UserAgent: x.request.UserAgent(), Outside: x.outside}
	if c.Keys == nil {
		x.report.Tenant, x.report.Run = c.Tenant, c.Run
		return nil
	}
	key, err := c.Keys.Find(keys.FromHeader(x.request.Header))
	switch {
	case errors.Is(err, keys.ErrDisabled):
		return forbidden(err.Error())
	case err != nil:
		return unauthenticated(err)
	}
	x.key, x.report.Key = key, key.ID
	x.origin.Tenant, x.origin.Product, x.origin.Run = key.Tenant, key.Product, c.Run+"/"+key.ID
	x.report.Tenant, x.report.Run = x.origin.Tenant, x.origin.Run
	if !key.Allows(x.endpoint) {
		return forbidden("the API key may not send to " + x.endpoint)
	}
	if room := x.server.rates.wait(key.ID, key.Rate); room > 0 {
		return tooFast(room)
	}
	return nil
}

// validate moves the events that no consumer would accept to the rejected items.
func (x *exchange) validate(b *Batch) {
	good := b.Events[:0]
	for i, e := range b.Events {
		schemas.SetRun(e, x.origin.Run)
		bad := x.problem(e)
		if bad == nil {
			good = append(good, e)
			continue
		}
		bad.Index, bad.ID = i, cut(strings.ToValidUTF8(e.GetId(), "\ufffd"))
		if b.Places != nil {
			bad.Index = b.Places[i]
		}
		b.Rejected = append(b.Rejected, *bad)
	}
	clear(b.Events[len(good):])
	b.Events, b.Places = good, nil
}

// problem returns why an event is rejected; nil if it is not.
func (x *exchange) problem(e schemas.Event) *Rejected {
	if t, ok := schemas.TypeOf(e); !ok || t == schemas.RunType {
		return &Rejected{Field: "type", Reason: "is none that senders may send"}
	}
	if e.GetTenant() != x.origin.Tenant {
		return &Rejected{Field: fields.Tenant, Reason: otherTenant}
	}
	if err := schemas.Validate(e); err != nil {
		for _, bad := range fields.Errors(err) {
			return &Rejected{Field: bad.Field, Reason: bad.Problem}
		}
		return &Rejected{Reason: "is no event"}
	}
	if reason := x.outside(e.GetTimeUs()); reason != "" {
		return &Rejected{Field: fields.Time, Reason: reason}
	}
	return nil
}

// outside returns why an event of a time is rejected; empty if it is not. During an exchange the answer stays the same.
func (x *exchange) outside(us int64) (reason string) {
	if x.key != nil && x.key.Backfill {
		return ""
	}
	age := x.began.Sub(time.UnixMicro(us))
	switch l := &x.server.limits; {
	case l.Past > 0 && age > l.Past:
		return "too_late: it is more than " + l.Past.String() + " ago"
	case l.Future > 0 && -age > l.Future:
		return "in_future: it is more than " + l.Future.String() + " ahead"
	}
	return ""
}

const otherTenant = "is another one than that of the sender"

// send returns nil when the log has the events, or the spool.
func (x *exchange) send(ctx context.Context, events []schemas.Event) *refusal {
	if len(events) == 0 {
		return nil
	}
	if x.key != nil {
		x.server.rates.take(x.key.ID, x.key.Rate, len(events))
	}
	once, spool := x.sendsOnce() != "", x.server.config.Spool
	if once && spool != nil && spool.Waiting() { // The log was down a moment ago.
		if x.keep(events) {
			return nil
		}
	}
	patience := x.server.limits.Send
	if once {
		patience = x.server.limits.SendOnce
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := x.server.config.Sink.Send(ctx, events)
	if err == nil {
		x.report.Accepted = CountTypes(events)
		return nil
	}
	if failed := x.server.config.Failed; failed != nil {
		failed(err)
	}
	if once && spool != nil && x.keep(events) {
		return nil
	}
	x.report.Unacknowledged = CountTypes(events)
	if x.key != nil { // They come again.
		x.server.rates.take(x.key.ID, x.key.Rate, -len(events))
	}
	return unavailable("the log did not acknowledge the events in time")
}

// keep reports whether the spool keeps the events.
func (x *exchange) keep(events []schemas.Event) bool {
	if err := x.server.config.Spool.Keep(x.report, events); err != nil {
		if failed := x.server.config.Failed; failed != nil {
			failed(err)
		}
		return false
	}
	x.report.Spooled = CountTypes(events)
	return true
}

// count reports the exchange after its answer.
func (x *exchange) count(b Batch, refused *refusal, status int) {
	counters := x.server.config.Counters
	if counters == nil {
		return
	}
	x.report.Status, x.report.Took = status, time.Since(x.began)
	if refused == nil {
		x.report.Received, x.report.Rejected, x.report.Skipped, x.report.Joined = b.Items, b.Rejected, b.Skipped, b.Joined
	} else {
		x.report.Refused = refused.kind()
		if refused.after > 0 {
			x.report.Forgetful = x.sendsOnce()
		}
	}
	counters.Answered(x.report)
}

// sendsOnce returns the name of a kind of senders that do not send a refused request again, empty for others.
func (x *exchange) sendsOnce() string {
	if x.key != nil && x.key.SendsOnce {
		return "key"
	}
	agent := strings.ToLower(x.request.UserAgent())
	for _, kind := range []struct{ prefix, name string }{{"litellm", "litellm"}, {"otel-otlp-exporter-rust", "opentelemetry-rust"}} {
		if strings.HasPrefix(agent, kind.prefix) {
			return kind.name
		}
	}
	return ""
}

// senderBytes bounds the name of a sender.
const senderBytes = 64

// senderName returns how a program names itself: what stands before the first parenthesis. Of a name with other marks than
// names of programs have, nothing is known.
func senderName(userAgent string) string {
	name, _, _ := strings.Cut(userAgent, "(")
	name = strings.TrimSpace(name)
	if len(name) > senderBytes {
		name = strings.TrimSpace(name[:senderBytes])
	}
	for _, r := range name {
		if (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && !strings.ContainsRune(" ._/+-", r) {
			return "unknown"
		}
	}
	return cmp.Or(name, "unknown")
}
