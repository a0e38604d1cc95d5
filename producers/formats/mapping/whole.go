package mapping

import (
	"fmt"

	"tidemark/producers/formats/fields"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// finish completes and validates a whole event. It returns the error for which the event is refused, or
// fields.ErrNothing if it stands for nothing.
func (m *Rows) finish(e schemas.Event) (*schemas.FieldError, error) {
	message := e.ProtoReflect()
	for _, of := range fields.Totals {
		if m.mapping.lines[of.Name] == 0 {
			continue
		}
		if problem := fields.Subtract(message, of); problem != "" {
			return &schemas.FieldError{Field: of.Name, Problem: problem}, nil
		}
	}
	call, isCall := e.(*usagev1.TokenCall)
	if isCall && call.Model == "" {
		m.lenient.Keep("model", "", "is empty and counts as "+fields.UnknownModel+": give default: NAME to the field if that is right")
		call.Model = fields.UnknownModel
	}
	if isCall && call.Requests != nil {
		ofMany(&m.lenient, call)
		if isNothingAtAll(call) {
			return nil, fields.ErrNothing
		}
	}
	return m.lenient.Settle(e), nil
}

// ofMany clears the durations of an event that is not exactly one call: they are those of single calls.
func ofMany(l *fields.Lenient, call *usagev1.TokenCall) {
	if call.GetRequests() == 1 {
		return
	}
	for name, us := range map[string]**uint64{"latency_us": &call.LatencyUs, "first_token_us": &call.FirstTokenUs} {
		if *us != nil {
			l.Keep(name, "", fmt.Sprintf("is that of a row of %d calls, and that of a call is not known", call.GetRequests()))
			*us = nil
		}
	}
}

// isNothingAtAll reports whether a call has no requests, no tokens and no cost.
func isNothingAtAll(call *usagev1.TokenCall) bool {
	return call.GetRequests() == 0 && call.GetReportedCostNanos() == 0 && call.GetReportedCostPicos() == 0 &&
		call.GetInputUncached()|call.GetInputCacheRead()|call.GetInputCacheWrite()|call.GetOutputVisible()|call.GetOutputReasoning() == 0
}
