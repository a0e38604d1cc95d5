package replay

import (
	"fmt"

	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// finish judges a whole event: the problem of one that is refused; errNothing for one that stands for nothing.
func (m *mappedRows) finish(e schemas.Event) (*schemas.FieldError, error) {
	message := e.ProtoReflect()
	for _, of := range totals {
		if m.mapping.lines[of.name] == 0 {
			continue
		}
		if problem := subtract(message, of); problem != "" {
			return &schemas.FieldError{Field: of.name, Problem: problem}, nil
		}
	}
	call, isCall := e.(*usagev1.TokenCall)
	if isCall && call.Model == "" {
		m.lenient.keep("model", "", "is empty and counts as "+unknownModel+": give default: NAME to the field if that is right")
		call.Model = unknownModel
	}
	if isCall && call.Requests != nil {
		m.lenient.ofMany(call)
		if isNothingAtAll(call) {
			return nil, errNothing
		}
	}
	return m.lenient.settle(e), nil
}

// ofMany makes what is known of single calls only unknown in an event of another number of calls.
func (l *lenient) ofMany(call *usagev1.TokenCall) {
	if call.GetRequests() == 1 {
		return
	}
	for name, us := range map[string]**uint64{"latency_us": &call.LatencyUs, "first_token_us": &call.FirstTokenUs} {
		if *us != nil {
			l.keep(name, "", fmt.Sprintf("is that of a row of %d calls, and that of a call is not known", call.GetRequests()))
			*us = nil
		}
	}
}

// isNothingAtAll reports whether a record of no call has no tokens and no cost either.
func isNothingAtAll(call *usagev1.TokenCall) bool {
	return call.GetRequests() == 0 && call.GetReportedCostNanos() == 0 && call.GetReportedCostPicos() == 0 &&
		call.GetInputUncached()|call.GetInputCacheRead()|call.GetInputCacheWrite()|call.GetOutputVisible()|call.GetOutputReasoning() == 0
}
