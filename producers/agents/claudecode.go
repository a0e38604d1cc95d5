package agents

import (
	"tidemark/producers/calls"
	"tidemark/producers/formats/jsonpath"
	"tidemark/producers/stored"
)

var claudeCode = agent{client: "claude_code", product: "claude-code", operation: "chat"}

// ClaudeCode reads session logs of Claude Code, those of subagents too. A message is on a line for each of its parts, with the
// usage so far, and again in the log of a session that goes on with it.
//
// A report has the id of the message as ResponseID, and as ReporterID that of the request, by which the program's own
// telemetry names the call.
type ClaudeCode struct{}

// Read adds what a line says about a call to the batch.
func (ClaudeCode) Read(line jsonpath.Object, b *calls.Batch) {
	if line.First("type") != "assistant" {
		b.Skip(skipOther)
		return
	}
	message := line.Inner("message")
	switch {
	case message.First("model") == "<synthetic>":
		b.Skip(skipSynthetic)
		return
	case message.Inner("usage") == nil:
		b.Skip(skipNoUsage)
		return
	}
	r, problem := claudeCode.report(line)
	if problem != "" {
		b.Reject("timestamp", problem)
		return
	}
	others, field, reason := stored.Message(message, r)
	if reason != "" {
		b.Reject("message."+field, reason)
		return
	}
	if !r.Input.Known && !r.Output.Known {
		b.Skip(skipNoUsage)
		return
	}
	r.Version, r.ReporterID = line.First("version"), line.First("requestId")
	if r.ResponseID == "" && r.ReporterID == "" {
		r.ReporterID = line.First("uuid")
	}
	if r.ResponseID == "" && r.ReporterID == "" {
		b.Reject("message.id", "is missing: it tells the message from others")
		return
	}
	b.Report(r)
	for _, other := range others {
		other.Version = r.Version
		if other.ResponseID == "" {
			other.ReporterID = r.ReporterID + "/" + other.Served
		}
		b.Report(other)
	}
}
