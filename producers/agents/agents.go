// Package agents reads what coding agents keep of their sessions on disk: Claude Code, Codex, Gemini CLI and Qwen Code.
//
//	file -> objects -> a reader per file, which knows what the session has said so far -> calls.Report
//
// A report is one statement of a call. A session may state a call again, while it grows or in a file that goes on with
// another one: who adds up reports takes one per call, by its identity. Only ids, times, models, versions and counts are
// decoded: prompts, answers, folders and addresses stay the bytes that they are, and no problem has a value.
package agents

import (
	"tidemark/producers/calls"
	"tidemark/producers/formats/jsonpath"
	"tidemark/producers/formats/times"
)

// Why a line of a session is no event. They are the names of counters: few, and stable.
const (
	skipOther     = "a line of a session that is no answer of a model"
	skipSynthetic = "a message that the agent made up without a model"
	skipNoUsage   = "an answer without usage"
	skipUnchanged = "a sum of tokens that was there before"
	skipEstimate  = "an estimate of the context, for which no model was called"
)

// agent is what is the same in all reports of a program.
type agent struct {
	client    string // As the program's telemetry names it.
	product   string
	provider  string
	operation string
	apart     bool // Its output lacks the reasoning, unless the total says otherwise.
}

// report returns a report of a line with a time. The problem is to be read after "timestamp".
func (a agent) report(line jsonpath.Object) (r *calls.Report, problem string) {
	scope := *calls.ScopeOf("")
	scope.Apart = a.apart
	r = &calls.Report{Scope: &scope, Client: a.client, Log: true, Product: a.product, Provider: a.provider, Operation: a.operation}
	r.Start, problem = times.Stamp(line.First("timestamp"), 1)
	r.End = r.Start
	return r, problem
}
