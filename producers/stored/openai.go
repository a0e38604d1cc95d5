package stored

import (
	"tidemark/producers/calls"
	"tidemark/producers/formats/jsonpath"
	"tidemark/producers/otlp"
)

// OpenAI reads stored answers of OpenAI's chat completions and responses, and of APIs that speak like them: the answer itself, a
// wrapper {"response": answer}, or a line of the output of a batch.
type OpenAI struct{}

// Read adds what an object says about a call to the batch.
func (OpenAI) Read(o jsonpath.Object, b *calls.Batch) {
	found := answer(o, []string{"usage", "choices", "output"}, "response.body", "response", "body")
	if usage := found.Inner("usage"); usage == nil {
		b.Skip(SkipNoUsage)
		return
	}
	us, problem := stamp(found, "created", "created_at")
	if problem == "is missing" {
		us, problem = stamp(o, "created_at", "timestamp")
	}
	r := report(us)
	r.Provider, r.ResponseID, r.Served, r.Tier = "openai", found.First("id"), found.First("model"), found.First("service_tier")
	r.User = found.First("safety_identifier", "user")
	if found.First("status") == "failed" {
		r.Failed, r.ErrorType = true, found.First("error.code")
	}
	fault := otlp.FillUsage(found["usage"], r)
	switch {
	case fault != "":
		b.Reject("usage", fault)
	case !r.Input.Known && !r.Output.Known:
		b.Skip(SkipNoUsage)
	case r.ResponseID == "":
		b.Reject("id", "is missing: it tells the answer from others")
	case problem != "":
		b.Reject("created", problem)
	default:
		b.Report(r)
	}
}
