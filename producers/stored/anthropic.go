package stored

import (
	"maps"
	"slices"
	"strconv"

	"tidemark/producers/calls"
	"tidemark/producers/formats/genai"
	"tidemark/producers/formats/jsonpath"
)

// Anthropic reads stored messages of Anthropic: the message itself, a wrapper {"response": message, "timestamp": time}, or a line
// of the results of a batch with a time beside it. A message says no time of its own.
type Anthropic struct{}

// noTime is what to do about a message without a time.
const noTime = `is missing, and a message of Anthropic has no time: wrap it as {"response": {...}, "timestamp": "2026-11-28T10:00:00Z"}`

// Read adds what an object says about a call to the batch.
func (Anthropic) Read(o jsonpath.Object, b *calls.Batch) {
	message := answer(o, []string{"usage"}, "result.message", "response", "message", "body")
	us, problem := stamp(o, "timestamp", "created_at")
	r := report(us)
	others, field, reason := Message(message, r)
	switch {
	case reason != "":
		b.Reject(field, reason)
	case !r.Input.Known && !r.Output.Known:
		b.Skip(SkipNoUsage)
	case r.ResponseID == "":
		b.Reject("id", "is missing: it tells the message from others")
	case problem == "is missing":
		b.Reject("timestamp", noTime)
	case problem != "":
		b.Reject("timestamp", problem)
	default:
		b.Report(r)
		for _, other := range others {
			b.Report(other)
		}
	}
}

// Message sets what a message of Anthropic says about its call: provider, id, model, tier and counts. Its input lacks what a
// cache gave or took. Others are reports of other models that were asked within the message, see genai.Iteration. The field at
// fault and what is wrong with it are to be read one after the other; they never have a value.
func Message(m jsonpath.Object, r *calls.Report) (others []*calls.Report, field, reason string) {
	r.Provider, r.ResponseID, r.Served = "anthropic", m.First("id"), m.First("model")
	r.Scope.Excludes = r.Provider
	usage := m.Inner("usage")
	r.Tier, r.Region = usage.First("service_tier"), usage.First("inference_geo")
	if r.Region == "not_available" {
		r.Region = ""
	}
	var own counts
	if field, reason = own.read(usage); reason != "" {
		return nil, "usage." + field, reason
	}
	var within, beside counts
	parts := map[string]*counts{} // Of other models.
	for _, one := range genai.Iterations(usage) {
		var c counts
		if field, reason = c.read(one.Counts); reason != "" {
			return nil, "usage.iterations." + field, reason
		}
		switch {
		case one.Model != "" && !genai.SameModel(one.Model, r.Served):
			if parts[one.Model] == nil {
				parts[one.Model] = &counts{}
			}
			parts[one.Model].add(c)
		case one.Beside:
			beside.add(c)
		default:
			within.add(c)
		}
	}
	own.raise(within)
	own.add(beside)
	own.set(r)
	for _, model := range slices.Sorted(maps.Keys(parts)) {
		others = append(others, part(r, model, parts[model]))
	}
	return others, "", ""
}

// part returns the report of another model than that of the message. It has no id but that of the message.
func part(r *calls.Report, model string, c *counts) *calls.Report {
	p := *r
	p.Served, p.Tier = model, ""
	if r.ResponseID != "" {
		p.ResponseID += "/" + model
	}
	c.set(&p)
	return &p
}

// counts are the counts of a usage object, in the order of countPaths.
type counts [7]calls.Count

var countPaths = [len(counts{})]string{
	"input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation.ephemeral_5m_input_tokens",
	"cache_creation.ephemeral_1h_input_tokens", "output_tokens", "output_tokens_details.thinking_tokens",
}

// read reads a usage object. The path at fault and what is wrong with it are to be read one after the other.
func (c *counts) read(usage jsonpath.Object) (path, reason string) {
	for i, path := range countPaths {
		if c[i], reason = Count(usage, path); reason != "" {
			return path, reason
		}
	}
	return "", ""
}

// add adds other counts.
func (c *counts) add(other counts) {
	for i, n := range other {
		c[i].N, c[i].Known = c[i].N+n.N, c[i].Known || n.Known
	}
}

// raise makes each count the larger one of two.
func (c *counts) raise(other counts) {
	for i, n := range other {
		c[i].N, c[i].Known = max(c[i].N, n.N), c[i].Known || n.Known
	}
}

// set sets the counts of a report.
func (c *counts) set(r *calls.Report) {
	for i, into := range []*calls.Count{&r.Input, &r.Read, &r.Write, &r.Write5m, &r.Write1h, &r.Output, &r.Reasoning} {
		*into = c[i]
	}
}

// maxCount is the most that a count may be. It is that of the contract.
const maxCount = 1e12

// Count returns the count at a path, unknown if there is none. The problem is to be read after the path, and never has the value.
func Count(o jsonpath.Object, path string) (n calls.Count, problem string) {
	raw, _ := o.Lookup(path)
	text, problem := jsonpath.Text(raw)
	if problem != "" || text == "" {
		return calls.Count{}, problem
	}
	whole, err := strconv.ParseUint(text, 10, 64)
	if err != nil || whole > maxCount {
		return calls.Count{}, "is not a whole number from 0 to 1e12"
	}
	return calls.Of(whole), ""
}
