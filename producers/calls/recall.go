package calls

import (
	"encoding/hex"
	"fmt"
	"strings"

	"tidemark/producers/formats/numbers"
	usagev1 "tidemark/schemas/usage/v1"
)

// Recall remembers the calls of events that were made before, oldest first, as if this Memory had made them. It is how a Memory
// begins where another one ended: the log has what that one knew, but for the places of its reports. Of events with one
// identity the highest revision counts. Events that no Memory makes are left out.
func (m *Memory) Recall(events []*usagev1.TokenCall) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.recalled = true
	for _, e := range events {
		switch e.GetSource() {
		case sourceResponse, sourceReporter, sourceSpan, sourceLog:
		default:
			continue
		}
		c := recalledCall(e)
		tenant := m.index.hash(kindTenant, &key{}, c.tenant)
		keys := m.index.keysOf(&tenant, c.best)
		keys[kindIdentity] = m.index.hash(kindIdentity, &tenant, c.source+"\x00"+c.id)
		m.found = m.index.find(keys[kindIdentity], 1, m.found)
		if len(m.found) > 0 {
			known := m.index.at(m.found[0])
			if c.revision >= known.revision {
				known.revision, known.best, known.unnamed, known.doubt, known.reports = c.revision, c.best, c.unnamed, c.doubt, c.reports
				m.index.put(known, &keys)
			}
			continue
		}
		m.order = append(m.order, c)
		m.index.add(c)
		m.index.put(c, &keys)
	}
	m.forget()
}

// recalledCall is the call of an event.
func recalledCall(e *usagev1.TokenCall) *call {
	r := recalledReport(e)
	return &call{
		tenant: e.GetTenant(), source: e.GetSource(), id: e.GetId(), time: e.GetTimeUs(), revision: e.GetRevision(), best: r, reports: []carrier{{client: r.Client}},
		unnamed: int(min(e.GetJoined(), maxReports)), doubt: e.GetMayBeDouble(), emitted: true,
	}
}

// recalledReport is a report that would make the event.
func recalledReport(e *usagev1.TokenCall) *Report {
	r := &Report{
		Scope: ScopeOf(e.GetClient()), Client: e.GetClient(), Version: e.GetClientVersion(), Start: e.GetTimeUs(), End: e.GetTimeUs() + int64(e.GetLatencyUs()), Product: e.GetProduct(),
		Operation: e.GetOperation(), Provider: e.GetProvider(), Served: e.GetModel(), Requested: e.GetRequestedModel(), ResponseID: e.GetResponseId(), Tier: e.GetServiceTier(),
		Region: e.GetRegion(), ErrorType: e.GetErrorType(), Failed: e.GetStatus() == usagev1.Status_STATUS_ERROR, Streaming: e.GetStreaming(), FirstToken: OfPointer(e.FirstTokenUs),
		Latency: OfPointer(e.LatencyUs), Attempt: OfPointer(e.Attempt), Estimated: e.GetUsage() == usagev1.UsageSource_USAGE_SOURCE_ESTIMATED, Write: OfPointer(e.InputCacheWrite),
		Write5m: OfPointer(e.CacheWrite_5M), Write1h: OfPointer(e.CacheWrite_1H), InputAudio: OfPointer(e.InputAudio), OutputAudio: OfPointer(e.OutputAudio), userHash: e.GetUser(),
		InputImage: OfPointer(e.InputImage), OutputImage: OfPointer(e.OutputImage),
		classes: classes{
			inputUncached: OfPointer(e.InputUncached), inputRead: OfPointer(e.InputCacheRead), inputWrite: OfPointer(e.InputCacheWrite), outputVisible: OfPointer(e.OutputVisible),
			outputReasoning: OfPointer(e.OutputReasoning), exact: e.GetSplit() == usagev1.UsageSplit_USAGE_SPLIT_EXACT,
		},
	}
	r.addUp()
	if r.Served == unknownModel {
		r.Served = ""
	}
	if e.ReportedCostNanos != nil {
		r.Cost = costText(e.GetReportedCostNanos(), e.GetReportedCostPicos())
	}
	switch e.GetSource() {
	case sourceReporter:
		r.ReporterID = strings.TrimPrefix(e.GetId(), r.Client+"/")
	case sourceSpan:
		trace, span, _ := strings.Cut(e.GetId(), "/")
		if len(trace) == 2*len(r.Trace) && len(span) == 2*len(r.Span) {
			_, _ = hex.Decode(r.Trace[:], []byte(trace)) // What is none is found by no report.
			_, _ = hex.Decode(r.Span[:], []byte(span))
		}
	}
	return r
}

// costText writes a cost such that money reads it. The picos count upward from the nanos, below 0 too.
func costText(nanos int64, picos uint64) string {
	sign, whole := "", uint64(nanos)
	if nanos < 0 {
		sign, whole = "-", -whole
		if picos > 0 && picos < numbers.PicosPerNano {
			whole, picos = whole-1, numbers.PicosPerNano-picos
		}
	}
	return fmt.Sprintf("%s%d.%09d%03d", sign, whole/1e9, whole%1e9, picos)
}

// recalls reports whether a report is one that the call had before it was recalled, and notes its place: the best one
// again, or one of those that nobody knows. One that knows better is never, unless the call is named by it.
func (c *call) recalls(r *Report, from carrier) bool {
	names := c.source == sourceSpan && c.id == r.spanName()
	switch {
	case c.unplaced(r) && (names || c.saysTheSame(r)):
		c.reports[0] = from
		return true
	case c.unnamed > 0 && (names || !r.knowsBetter(c.best)):
		c.unnamed--
		c.reports = append(c.reports, from)
		return true
	}
	return false
}

// unplaced reports whether the best report of a call that was recalled is of the client of a report and did not come again yet.
func (c *call) unplaced(r *Report) bool { return c.reports[0] == (carrier{client: r.Client}) }

// saysTheSame reports whether a report may be the best one of a recalled call: it has its counts, its duration and about its
// time. That of the call is of its first report.
func (c *call) saysTheSame(r *Report) bool {
	b := c.best
	return r.Start <= b.Start+slack && b.Start <= r.Start+slack && (r.duration() == 0 || r.duration() == b.duration()) && r.inputs == b.inputs && r.spends == b.spends
}

// cameBefore reports whether a report without a name in common is the best one of a recalled call that another report
// names.
func (c *call) cameBefore(r *Report) bool {
	b := c.best
	return len(c.reports)+c.unnamed > 1 && c.unplaced(r) && c.saysTheSame(r) && sameModel(r, b) && (r.ResponseID == "" || b.ResponseID == "" || r.ResponseID == b.ResponseID)
}

// duration is that of the call in microseconds, 0 if it is not known.
func (r *Report) duration() uint64 {
	if r.End > r.Start {
		return uint64(r.End - r.Start)
	}
	return r.Latency.N
}

// mayBeAround reports whether a report is of a span around the one of a recalled call whose parent nobody knows: embeddings
// come as two nested spans of one client, of which one has the usage.
func (c *call) mayBeAround(r *Report) bool {
	b := c.best
	return c.unnamed > 0 && b.Parent == [8]byte{} && b.Operation == OperationEmbeddings && r.Operation == b.Operation && r.Trace == b.Trace && r.Client == b.Client &&
		b.classes.hasUsage() && !r.classes.hasUsage()
}
