package calls

import (
	"crypto/sha256"
	"encoding/hex"

	"tidemark/producers/formats/numbers"
	usagev1 "tidemark/schemas/usage/v1"
)

// The sources of events. They are part of the identity and never change.
const (
	sourceResponse = "gen_ai.response" // The id is that of the provider's answer.
	sourceReporter = "gen_ai.reporter" // The id is the client's name, a slash, and its own name of the call.
	sourceSpan     = "otlp.span"       // The id is trace/span.
	sourceLog      = "otlp.log"        // The id is a hash of what tells the record from others.
)

// Origin is what is known about a request besides its body.
type Origin struct {
	Tenant  string
	Product string // It overrides what the reports say. Empty: it does not.
	// OtherProduct is that of reports that name none. Empty: there is none.
	OtherProduct string
	Run          string
	// Outside returns why a report of a time in microseconds since 1970 is rejected; empty if it is not. Nil accepts every time.
	Outside func(us int64) (reason string)
}

// maxLength is the longest time of a call, in microseconds, that the contract takes. A longer one is a fault of a clock.
const maxLength = 1e12

// identity returns the source and the id of a call that the report is the first of.
func (r *Report) identity() (source, id string) {
	switch {
	case r.ResponseID != "":
		return sourceResponse, r.ResponseID
	case r.ReporterID != "" && len(r.Client)+len(r.ReporterID) < maxID:
		return sourceReporter, r.Client + "/" + r.ReporterID
	case r.hasSpan():
		return sourceSpan, r.spanName()
	default:
		sum := sha256.Sum256([]byte(r.LogID))
		return sourceLog, hex.EncodeToString(sum[:16])
	}
}

// carrier returns which span or record the report is from.
func (r *Report) carrier() carrier {
	c := carrier{client: r.Client, log: r.LogID}
	if r.hasSpan() {
		c.trace, c.span = r.Trace, r.Span
	}
	return c
}

// Event returns the event of a report that no other report is joined to. Hash returns the keyed hash of a user; nil leaves users
// out. The caller owns the event.
func Event(o Origin, r *Report, hash func(tenant, user string) uint64) *usagev1.TokenCall {
	r.settle()
	var c call
	c.begin(o.Tenant, r)
	return c.event(o, hash, new(eventMemory))
}

// eventMemory is an event and what it points to, in one piece.
type eventMemory struct {
	event   usagev1.TokenCall
	time    int64
	numbers [16]uint64
	used    int
}

// pointer returns a count as a field has it.
func (m *eventMemory) pointer(c Count) *uint64 {
	if !c.Known {
		return nil
	}
	n := &m.numbers[m.used]
	*n = c.N
	m.used++
	return n
}

// event returns the call as an event in the memory given, which is not used yet.
func (c *call) event(o Origin, hash func(tenant, user string) uint64, memory *eventMemory) *usagev1.TokenCall {
	b, e := c.best, &memory.event
	memory.time = c.time
	e.Source, e.Id, e.TimeUs, e.Tenant, e.Run = c.source, c.id, &memory.time, c.tenant, o.Run
	e.Product, e.Model = firstText(o.Product, b.Product, o.OtherProduct, unknownProduct), firstText(b.Served, b.Requested, unknownModel)
	e.Provider, e.Operation, e.Streaming, e.Status, e.Revision = b.Provider, b.Operation, b.Streaming, usagev1.Status_STATUS_OK, c.revision
	for _, field := range []struct {
		into **uint64
		from *Count
	}{
		{&e.InputUncached, &b.classes.inputUncached}, {&e.InputCacheRead, &b.classes.inputRead}, {&e.InputCacheWrite, &b.classes.inputWrite},
		{&e.OutputVisible, &b.classes.outputVisible}, {&e.OutputReasoning, &b.classes.outputReasoning}, {&e.FirstTokenUs, &b.FirstToken},
		{&e.CacheWrite_5M, &b.Write5m}, {&e.CacheWrite_1H, &b.Write1h}, {&e.InputAudio, &b.InputAudio}, {&e.OutputAudio, &b.OutputAudio},
		{&e.InputImage, &b.InputImage}, {&e.OutputImage, &b.OutputImage}, {&e.Attempt, &b.Attempt},
	} {
		*field.into = memory.pointer(*field.from)
	}
	e.ServiceTier, e.Region, e.Client, e.ClientVersion, e.ResponseId = b.Tier, b.Region, b.Client, b.Version, b.ResponseID
	e.Usage, e.Split, e.Joined, e.MayBeDouble = b.certainty(), b.splitCertainty(), uint64(len(c.reports)-1+c.unnamed), c.doubt
	if b.Requested != e.Model {
		e.RequestedModel = b.Requested
	}
	if b.Failed {
		e.Status, e.ErrorType = usagev1.Status_STATUS_ERROR, b.ErrorType
	}
	switch {
	case b.End > b.Start:
		e.LatencyUs = memory.pointer(Of(uint64(b.End - b.Start)))
	case b.Latency.Known:
		e.LatencyUs = memory.pointer(b.Latency)
	}
	for _, length := range []**uint64{&e.LatencyUs, &e.FirstTokenUs} {
		if *length != nil && **length > maxLength {
			*length = nil
		}
	}
	switch {
	case b.userHash != 0:
		e.User = b.userHash
	case b.User != "" && hash != nil:
		e.User = hash(c.tenant, b.User)
	}
	if nanos, picos, ok := money(b.Cost); ok {
		e.ReportedCostNanos, e.ReportedCostPicos, e.CostCurrency = new(nanos), picos, "USD"
	}
	return e
}

// certainty says how sure the counts are.
func (r *Report) certainty() usagev1.UsageSource {
	switch {
	case !r.classes.hasUsage():
		return usagev1.UsageSource_USAGE_SOURCE_MISSING
	case r.Estimated || r.tooHigh():
		return usagev1.UsageSource_USAGE_SOURCE_ESTIMATED
	}
	return usagev1.UsageSource_USAGE_SOURCE_REPORTED
}

// splitCertainty says how sure the classes are.
func (r *Report) splitCertainty() usagev1.UsageSplit {
	switch {
	case !r.classes.hasUsage():
		return usagev1.UsageSplit_USAGE_SPLIT_NONE
	case r.classes.exact:
		return usagev1.UsageSplit_USAGE_SPLIT_EXACT
	}
	return usagev1.UsageSplit_USAGE_SPLIT_UPPER_BOUND
}

// What an event has where a report does not say it.
const (
	unknownModel   = "unknown"
	unknownProduct = "unknown"
)

// firstText returns the first text that is not empty.
func firstText(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// nanoDigits are the digits from a dollar to the unit of a cost in an event.
const nanoDigits = 9

// money reads a cost in USD. One that is none, or 0, which stands for unknown, is left out: it costs no call.
func money(text string) (nanos int64, picos uint64, ok bool) {
	if text == "" {
		return 0, 0, false
	}
	nanos, picos, fault := numbers.Money(text, nanoDigits)
	return nanos, picos, fault == "" && (nanos != 0 || picos != 0)
}
