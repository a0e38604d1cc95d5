package calls

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"sync"

	usagev1 "tidemark/schemas/usage/v1"
)

// call is a model call of which one or more reports came.
type call struct {
	tenant     string
	source, id string // Its identity.
	time       int64
	revision   uint64
	best       *Report    // What is known, from all reports together.
	reports    []carrier  // Those that were joined, the first one included.
	first      [1]carrier // The memory of reports while there is one.
	unnamed    int        // Further reports that were joined before the call was recalled: nobody knows which.
	doubt      bool       // Another call may be the same one.
	emitted    bool       // A request that named it was answered or failed: a change needs a new revision.
	changed    bool
	named      uint64 // The last request that named it.
	place      int32  // Where the index has it.
	keys       int32  // By how many keys it is found.
	lastEntry  int32  // The last of its entries in the index.
}

// carrier is which span or record made a report.
type carrier struct {
	client, log string
	trace       [16]byte
	span        [8]byte
}

// Memory finds the call that a report is about among those of the last requests. It is safe for concurrent use.
//
// Its state is bounded and may be lost: a report of a span or of an answer that was seen before a restart has the same
// identity after it, so the pipeline counts it once. What only the memory can tell, two reports with neither in
// common, counts once if it begins with what is on the log, see Recall.
type Memory struct {
	mu       sync.Mutex
	index    index
	found    []int32 // Memory for what the index finds.
	order    []*call // Oldest first.
	requests uint64
	recalled bool // Some calls are recalled.
	limit    int
	hash     func(tenant, user string) uint64
}

// Options configures a Memory.
type Options struct {
	// Remember is how many calls are remembered, to join later reports with them. Default 50,000, about 100 MB.
	Remember int
	// HashUser returns the keyed hash of a user of a tenant. Nil leaves users out.
	HashUser func(tenant, user string) uint64
}

// NewMemory returns a memory without calls.
func NewMemory(o Options) *Memory {
	return &Memory{index: newIndex(), limit: cmp.Or(o.Remember, 50_000), hash: o.HashUser}
}

// Events finds or makes the call of each report, and returns one event per call that was named. Reports with the id of the
// answer come first, so that it is the identity wherever one of them has it. The caller owns the events.
func (m *Memory) Events(o Origin, reports []*Report) []*usagev1.TokenCall {
	events, _ := m.place(o, reports)
	return events
}

// place is Events, with the place in the request of the report that each event is named by.
func (m *Memory) place(o Origin, reports []*Report) (events []*usagev1.TokenCall, places []int) {
	for _, r := range reports {
		r.settle()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	tenant := m.index.hash(kindTenant, &key{}, o.Tenant)
	named := make([]*call, 0, len(reports))
	places = make([]int, 0, len(reports))
	m.requests++
	var free []call
	for _, withID := range []bool{true, false} {
		for _, r := range reports {
			if (r.ResponseID != "") != withID {
				continue
			}
			keys := m.index.keysOf(&tenant, r)
			c := m.find(&tenant, &keys, r)
			if c == nil {
				if len(free) == 0 {
					free = make([]call, min(len(reports), 16))
				}
				c, free = &free[0], free[1:]
				c.begin(o.Tenant, r)
				m.order = append(m.order, c)
				m.index.add(c)
			} else {
				c.join(r)
			}
			m.index.put(c, &keys)
			if c.named != m.requests {
				c.named = m.requests
				named, places = append(named, c), append(places, r.place)
			}
		}
	}
	events = m.events(o, named)
	m.forget()
	return events, places
}

// events makes the events of calls.
func (m *Memory) events(o Origin, named []*call) []*usagev1.TokenCall {
	var free []eventMemory
	events := make([]*usagev1.TokenCall, len(named))
	for i, c := range named {
		if c.emitted && c.changed {
			c.revision++
		}
		c.emitted, c.changed = true, false
		if len(free) == 0 {
			free = make([]eventMemory, min(len(named)-i, 16))
		}
		events[i] = c.event(o, m.hash, &free[0])
		free = free[1:]
	}
	return events
}

// newest is how many of the calls with equal counts or of one trace are looked at: the last ones, since only those of about the same
// time matter.
const newest = 64

// find returns the call that a report is about, nil if it is a new one.
func (m *Memory) find(tenant *key, keys *reportKeys, r *Report) *call {
	for _, kind := range []keyKind{kindLog, kindSpan, kindResponse, kindReporter} {
		m.found = m.index.find(keys[kind], math.MaxInt, m.found)
		for _, at := range m.found {
			c := m.index.at(at)
			if kind != kindSpan || c.best.ResponseID == "" || r.ResponseID == "" || c.best.ResponseID == r.ResponseID {
				return c
			}
		}
	}
	if m.recalled && (r.LogID != "" || r.ReporterID != "") {
		source, id := r.identity()
		if m.found = m.index.find(m.index.hash(kindIdentity, tenant, source+"\x00"+id), 1, m.found); len(m.found) > 0 {
			return m.index.at(m.found[0])
		}
	}
	m.found = m.index.find(keys[kindTrace], newest, m.found)
	for _, at := range m.found {
		c := m.index.at(at)
		if near, inside := c.related(r); near && c.matches(r, inside) {
			return c
		}
	}
	var doubt *call
	m.found = m.index.find(keys[kindCounts], newest, m.found)
	for _, at := range m.found {
		c := m.index.at(at)
		switch {
		case c.cameBefore(r):
			return c
		case !c.matches(r, false):
		case repeats(c.best, r):
			return c
		case r.classes.hasUsage() && c.best.classes.hasUsage() && c.best.Provider == r.Provider:
			doubt = c
		}
	}
	r.doubt = doubt != nil
	return nil
}

// related reports whether the report's span is near the one of the call in its trace: its parent, its child, or a child
// of the same span; and whether one is inside the other.
func (c *call) related(r *Report) (near, inside bool) {
	b := c.best
	inside = r.Trace == b.Trace && (r.Parent == b.Span || b.Parent == r.Span || c.mayBeAround(r))
	return inside || r.Trace == b.Trace && r.Parent != [8]byte{} && r.Parent == b.Parent, inside
}

// slack is how far apart in microseconds the times of two reports of one call may lie: clocks of one machine, read one
// after the other.
const slack = 50_000

// matches reports whether a report may be of the call: of another scope, at the same time, of the same model, with the
// same sums or none. The sums of output may differ where one span is inside the other, since some clients count streams
// wrongly, and of a call that failed, which has none. A span around one of the same scope is the same call only if it has no
// usage of its own.
func (c *call) matches(r *Report, inside bool) bool {
	b := c.best
	if r.Start > b.End+slack || b.Start > r.End+slack {
		return false
	}
	for _, known := range c.reports {
		if known.client == r.Client {
			around := b.Operation == OperationEmbeddings && r.Operation == b.Operation && (r.Span == b.Parent || b.Span == r.Parent) &&
				(!r.classes.hasUsage() || !b.classes.hasUsage())
			if !around && !c.mayBeAround(r) {
				return false
			}
		}
	}
	switch {
	case r.ResponseID != "" && b.ResponseID != "" && r.ResponseID != b.ResponseID:
		return false
	case !sameModel(r, b):
		return false
	case !r.classes.hasUsage() || !b.classes.hasUsage():
		return true
	}
	return r.inputs == b.inputs && (r.spends == b.spends || inside || r.Failed || b.Failed)
}

// sameModel reports whether two reports may name one model: a provider answers with the name that was asked for and a
// date behind it.
func sameModel(a, b *Report) bool {
	for _, x := range []string{a.Served, a.Requested} {
		for _, y := range []string{b.Served, b.Requested} {
			if x != "" && y != "" && (strings.HasPrefix(x, y) || strings.HasPrefix(y, x)) {
				return true
			}
		}
	}
	return a.Served+a.Requested == "" || b.Served+b.Requested == ""
}

// begin makes a call of a report.
func (c *call) begin(tenant string, r *Report) {
	*c = call{tenant: tenant, time: r.Start, best: r, doubt: r.doubt, first: [1]carrier{r.carrier()}}
	c.reports = c.first[:]
	c.source, c.id = r.identity()
}

// maxReports bounds what is kept of one call.
const maxReports = 64

// join adds a report to the call. A report that is known already changes nothing.
func (c *call) join(r *Report) {
	from := r.carrier()
	for _, known := range c.reports {
		if known == from {
			return
		}
	}
	if len(c.reports) == maxReports {
		return
	}
	if c.recalls(r, from) {
		return
	}
	c.reports = append(c.reports, from)
	c.best = merged(c.best, r)
	c.changed = true
}

// merged is what two reports of one call say together. The one that knows better is the base: with usage before without,
// counted before guessed, all classes apart before mixed, then the inner layer. The other fills its gaps.
func merged(a, b *Report) *Report {
	if b.knowsBetter(a) {
		a, b = b, a
	}
	out := *a
	if out.User == "" && out.userHash == 0 {
		out.userHash = b.userHash
	}
	for _, text := range []struct{ into, from *string }{
		{&out.ResponseID, &b.ResponseID}, {&out.ReporterID, &b.ReporterID}, {&out.Requested, &b.Requested}, {&out.Served, &b.Served}, {&out.Tier, &b.Tier}, {&out.Region, &b.Region},
		{&out.User, &b.User}, {&out.ErrorType, &b.ErrorType}, {&out.Provider, &b.Provider}, {&out.Operation, &b.Operation}, {&out.Cost, &b.Cost}, {&out.Product, &b.Product},
	} {
		if *text.into == "" {
			*text.into = *text.from
		}
	}
	for _, n := range []struct{ into, from *Count }{
		{&out.FirstToken, &b.FirstToken}, {&out.Latency, &b.Latency}, {&out.Attempt, &b.Attempt}, {&out.InputAudio, &b.InputAudio}, {&out.OutputAudio, &b.OutputAudio},
		{&out.InputImage, &b.InputImage}, {&out.OutputImage, &b.OutputImage},
	} {
		if !n.into.Known {
			*n.into = *n.from
		}
	}
	if !out.Write5m.Known && !out.Write1h.Known && out.Write == b.Write {
		out.Write5m, out.Write1h = b.Write5m, b.Write1h
	}
	if out.End <= out.Start && b.End > b.Start {
		out.Start, out.End = b.Start, b.End
	}
	out.Streaming = out.Streaming || b.Streaming
	out.Failed = out.Failed && b.Failed
	return &out
}

// knowsBetter reports whether r knows better than other, see merged.
func (r *Report) knowsBetter(other *Report) bool {
	for _, of := range [][2]bool{
		{r.classes.hasUsage(), other.classes.hasUsage()},
		{!r.Estimated && !r.tooHigh(), !other.Estimated && !other.tooHigh()},
		{r.classes.exact, other.classes.exact},
		{!r.Log, !other.Log},
	} {
		if of[0] != of[1] {
			return of[0]
		}
	}
	return r.Scope.layer < other.Scope.layer
}

// tooHigh reports whether the output is known to be too high.
func (r *Report) tooHigh() bool {
	return r.Streaming && r.Scope.addsFirst != "" && r.Scope.addsFirst == r.Provider
}

// forget drops the oldest calls when there are a quarter more than the limit.
func (m *Memory) forget() {
	if len(m.order) <= m.limit+m.limit/4 {
		return
	}
	drop := len(m.order) - m.limit
	for _, c := range m.order[:drop] {
		m.index.remove(c)
	}
	m.order = slices.Delete(m.order, 0, drop)
}
