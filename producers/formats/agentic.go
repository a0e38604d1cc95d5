package formats

import (
	"fmt"

	"tidemark/producers/formats/faults"
	"tidemark/producers/formats/numbers"
	"tidemark/producers/formats/rows"
)

// agentic is the agentic coding traces.
var agentic = Format{
	FormatInfo: FormatInfo{
		Name:        "agentic",
		Published:   true,
		Description: "CSV of agentic coding traces by column name: trace_id, t_s (seconds from the start of the trace), model, input_tokens, output_tokens and more; each trace begins at the start",
		NeedsStart:  true,
	},
	users:  true,
	source: "agentic-coding-traces", tenant: "agentic-coding-traces", product: "claude-code", provider: "anthropic",
	columns: []rows.Column{
		agenticTrace: {Name: "trace_id", Required: true}, agenticSession: {Name: "session"}, agenticSeq: {Name: "seq"},
		agenticTime: {Name: "t_s", Required: true}, agenticType: {Name: "type"}, agenticModel: {Name: "model", Required: true},
		agenticInput: {Name: "input_tokens", Required: true}, agenticOutput: {Name: "output_tokens", Required: true}, agenticCached: {Name: "cached_prefix_tokens"},
		agenticFirstToken: {Name: "ttft_s"}, agenticLatency: {Name: "api_time_s"},
	},
	fields: map[string]int{
		"time_us": agenticTime, "model": agenticModel, "input_uncached": agenticInput, "input_cache_read": agenticCached,
		"output_visible": agenticOutput, "first_token_us": agenticFirstToken, "latency_us": agenticLatency,
	},
	read: rows.CSV, fill: fillAgentic,
}

// Columns of agentic.
const (
	agenticTrace = iota
	agenticSession
	agenticSeq
	agenticTime
	agenticType
	agenticModel
	agenticInput
	agenticOutput
	agenticCached
	agenticFirstToken
	agenticLatency
)

func fillAgentic(c *call, v []string) (int, string) {
	e := &c.event
	var text string
	if c.time, text = c.moment(v[agenticTime], seconds); text != "" {
		return agenticTime, text
	}
	switch v[agenticType] {
	case "s":
		e.Streaming = true
	case "n", "":
	default:
		return agenticType, faults.Quote(v[agenticType]) + " is neither n nor s"
	}
	if v[agenticModel] != "" {
		e.Model = v[agenticModel]
	}
	if e.User, text = c.users.OfTrace(e, v[agenticTrace]); text != "" {
		return agenticTrace, text
	}
	if e.InputUncached, text = numbers.ParseCount(v[agenticInput], &c.input); text != "" {
		return agenticInput, text
	}
	if e.InputCacheRead, text = numbers.ParseCount(v[agenticCached], &c.cached); text != "" {
		return agenticCached, text
	}
	if e.InputUncached != nil && e.InputCacheRead != nil {
		if c.cached > c.input {
			return agenticCached, fmt.Sprintf("%d is more than input_tokens, %d, of which it is a part", c.cached, c.input)
		}
		c.input -= c.cached
	}
	if e.OutputVisible, text = numbers.ParseCount(v[agenticOutput], &c.output); text != "" {
		return agenticOutput, text
	}
	if e.FirstTokenUs, text = parseDuration(v[agenticFirstToken], &c.firstToken); text != "" {
		return agenticFirstToken, text
	}
	e.LatencyUs, text = parseDuration(v[agenticLatency], &c.latency)
	return agenticLatency, text
}
