package replay

import (
	"maps"
	"slices"

	usagev1 "tidemark/schemas/usage/v1"
)

// call sets what a token call may have under other names.
func (c *cloudRows) call(call *usagev1.TokenCall, data object) *rowError {
	m := call.ProtoReflect()
	for _, a := range aliases {
		if bad := c.field(m, a.field, data, a.path, a.shift); bad != nil {
			return bad
		}
	}
	c.cost(call, data)
	if bad := c.tokens(call, data); bad != nil {
		return bad
	}
	if call.Status == usagev1.Status_STATUS_UNSPECIFIED {
		call.Status = usagev1.Status_STATUS_OK
		if call.ErrorType != "" {
			call.Status = usagev1.Status_STATUS_ERROR
		}
	}
	if call.RequestedModel == call.Model {
		call.RequestedModel = "" // It means the same.
	}
	if call.Model == "" {
		call.Model = unknownModel
	}
	if !saysTokens(call) && call.Status == usagev1.Status_STATUS_OK {
		c.lines.lenient.tokenless = slices.Sorted(maps.Keys(data))
		if len(data) == 0 {
			c.lines.lenient.tokenless = []string{"nothing"}
		}
	}
	return nil
}

// cost sets the cost that is in dollars if nothing else is said.
func (c *cloudRows) cost(call *usagev1.TokenCall, data object) {
	if call.ReportedCostNanos != nil {
		return
	}
	for _, a := range dollars {
		_ = c.field(call.ProtoReflect(), a.field, data, a.path, a.shift) // A cost is never refused.
		if call.ReportedCostNanos != nil {
			break
		}
	}
	if call.ReportedCostNanos != nil && call.CostCurrency == "" {
		call.CostCurrency = "USD"
	}
}

// saysTokens reports whether a call says the tokens of any class.
func saysTokens(call *usagev1.TokenCall) bool {
	return call.InputUncached != nil || call.InputCacheRead != nil || call.InputCacheWrite != nil || call.OutputVisible != nil || call.OutputReasoning != nil
}

// tokens sets the classes of tokens that the data has under no name of their own: from sums, or from a usage object.
func (c *cloudRows) tokens(call *usagev1.TokenCall, data object) *rowError {
	m := call.ProtoReflect()
	if !saysTokens(call) && !saysGenAI(data) {
		if field, is := classOf(data); is {
			return c.class(call, field, data)
		}
		u, path, problem := usageOf(data)
		if problem != "" {
			return c.bad(path, path+" "+problem)
		}
		if u != nil {
			u.into(call)
			return nil
		}
	}
	for i, of := range totals {
		part := m.Descriptor().Fields().ByTextName(of.part)
		if m.Has(part) {
			continue // The total says nothing new.
		}
		for _, path := range totalPaths[i] {
			if bad := c.field(m, of.part, data, path, 0); bad != nil {
				return bad
			}
		}
		// Parts that are more than the total cannot be in it: this sender counts them apart, and the total is the part.
		_ = subtract(m, of)
	}
	return nil
}

// class sets the one class that an event says. The input is what stands for the call, so that its output and the like, which
// come as events of their own, are no more of them.
func (c *cloudRows) class(call *usagev1.TokenCall, field string, data object) *rowError {
	if bad := c.field(call.ProtoReflect(), field, data, "tokens", 0); bad != nil {
		return bad
	}
	if field != "input_uncached" && call.Requests == nil {
		call.Requests = new(uint64(0))
	}
	return nil
}
