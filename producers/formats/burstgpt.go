package formats

import (
	"tidemark/producers/formats/faults"
	"tidemark/producers/formats/numbers"
	"tidemark/producers/formats/rows"
	usagev1 "tidemark/schemas/usage/v1"
)

// burstGPT is the BurstGPT traces.
var burstGPT = Format{
	FormatInfo: FormatInfo{
		Name:        "burstgpt",
		Published:   true,
		Description: "CSV of the BurstGPT traces by column name: Timestamp (seconds from the start), Model, Request tokens, Response tokens, and where there are any Log Type, Session ID, Elapsed time",
		NeedsStart:  true,
	},
	users:  true,
	source: "burstgpt", tenant: "burstgpt", product: "chat", provider: "azure.ai.openai",
	columns: []rows.Column{
		burstTime: {Name: "Timestamp", Required: true}, burstModel: {Name: "Model", Required: true},
		burstInput: {Name: "Request tokens", Required: true}, burstOutput: {Name: "Response tokens", Required: true},
		burstLog: {Name: "Log Type"}, burstSession: {Name: "Session ID"}, burstLatency: {Name: "Elapsed time"},
	},
	fields: map[string]int{
		"time_us": burstTime, "model": burstModel, "input_uncached": burstInput, "output_visible": burstOutput,
		"product": burstLog, "latency_us": burstLatency,
	},
	read: rows.CSV, fill: fillBurst,
}

// Columns of burstgpt.
const (
	burstTime = iota
	burstModel
	burstInput
	burstOutput
	burstLog
	burstSession
	burstLatency
)

func fillBurst(c *call, v []string) (int, string) {
	e := &c.event
	var text string
	if c.time, text = c.moment(v[burstTime], seconds); text != "" {
		return burstTime, text
	}
	if v[burstModel] != "" {
		e.Model = v[burstModel]
	}
	if e.InputUncached, text = numbers.ParseCount(v[burstInput], &c.input); text != "" {
		return burstInput, text
	}
	if e.OutputVisible, text = numbers.ParseCount(v[burstOutput], &c.output); text != "" {
		return burstOutput, text
	}
	if e.OutputVisible != nil && c.output == 0 {
		e.Status = usagev1.Status_STATUS_ERROR // The trace marks failures so.
	}
	switch v[burstLog] {
	case "Conversation log", "":
	case "API log":
		if !c.fixed {
			e.Product = "api"
		}
	default:
		return burstLog, faults.Quote(v[burstLog]) + " is neither Conversation log nor API log"
	}
	if e.User, text = c.users.OfTrace(e, v[burstSession]); text != "" {
		return burstSession, text
	}
	e.LatencyUs, text = parseDuration(v[burstLatency], &c.latency)
	return burstLatency, text
}
