package stored

import (
	"strconv"

	"tidemark/producers/calls"
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
	field, reason := Message(message, r)
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
	}
}

// Message sets what a message of Anthropic says about its call: provider, id, model, tier and counts. Its input lacks what a
// cache gave or took. The field at fault and what is wrong with it are to be read one after the other; they never have a value.
func Message(m jsonpath.Object, r *calls.Report) (field, reason string) {
	r.Provider, r.ResponseID, r.Served = "anthropic", m.First("id"), m.First("model")
	r.Scope.Excludes = r.Provider
	usage := m.Inner("usage")
	r.Tier = usage.First("service_tier")
	for _, of := range []struct {
		path string
		into *calls.Count
	}{
		{"input_tokens", &r.Input}, {"cache_read_input_tokens", &r.Read}, {"cache_creation_input_tokens", &r.Write},
		{"cache_creation.ephemeral_5m_input_tokens", &r.Write5m}, {"cache_creation.ephemeral_1h_input_tokens", &r.Write1h},
		{"output_tokens", &r.Output}, {"output_tokens_details.thinking_tokens", &r.Reasoning},
	} {
		if *of.into, reason = Count(usage, of.path); reason != "" {
			return "usage." + of.path, reason
		}
	}
	return "", ""
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
