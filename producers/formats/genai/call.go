// Package genai reads a model call from a JSON object: by the names of OpenTelemetry's GenAI conventions, by those that
// gateways use, and from the usage object of a provider. It needs no file: the object may be the attributes of a span,
// the data of a CloudEvent, or the body of an answer.
//
//	object -> Fill: aliases -> cost -> classes of tokens (own names, totals, or usageOf: usageShapes) -> status
package genai

import (
	"maps"
	"slices"

	"tidemark/producers/formats/fields"
	"tidemark/producers/formats/jsonpath"
	usagev1 "tidemark/schemas/usage/v1"
)

// Fill sets the fields of a call from data that does not use their own names: by the conventions of OpenTelemetry, by
// the names that gateways use, or from the usage object of a provider. Fields that are set already stay. A problem
// means that the call must be refused; it is to be read after the path.
func Fill(f *fields.Filler, call *usagev1.TokenCall, data jsonpath.Object) (path, problem string) {
	m := call.ProtoReflect()
	for _, a := range aliases {
		if problem := f.From(m, a.field, data, a.path, a.shift); problem != "" {
			return a.path, problem
		}
	}
	fillCost(f, call, data)
	if path, problem := fillTokens(f, call, data); problem != "" {
		return path, problem
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
	if call.ServiceTier == "default" { // OpenAI's word.
		call.ServiceTier = "standard"
	}
	if call.Model == "" {
		call.Model = fields.UnknownModel
	}
	if !saysTokens(call) && call.Status == usagev1.Status_STATUS_OK {
		f.Lenient.Tokenless = slices.Sorted(maps.Keys(data))
		if len(data) == 0 {
			f.Lenient.Tokenless = []string{"nothing"}
		}
	}
	return "", ""
}

// fillCost sets a cost that is in dollars unless the data names a currency.
func fillCost(f *fields.Filler, call *usagev1.TokenCall, data jsonpath.Object) {
	if call.ReportedCostNanos != nil {
		return
	}
	for _, a := range dollars {
		_ = f.From(call.ProtoReflect(), a.field, data, a.path, a.shift) // A cost is never refused.
		if call.ReportedCostNanos != nil {
			break
		}
	}
	if call.ReportedCostNanos != nil && call.CostCurrency == "" {
		call.CostCurrency = "USD"
	}
}

// saysTokens reports whether a call has tokens of any class.
func saysTokens(call *usagev1.TokenCall) bool {
	return call.InputUncached != nil || call.InputCacheRead != nil || call.InputCacheWrite != nil || call.OutputVisible != nil || call.OutputReasoning != nil
}

// fillTokens sets the classes of tokens from totals or from a usage object.
func fillTokens(f *fields.Filler, call *usagev1.TokenCall, data jsonpath.Object) (path, problem string) {
	m := call.ProtoReflect()
	if !saysTokens(call) && !saysGenAI(data) {
		if field, is := classOf(data); is {
			return "tokens", fillClass(f, call, field, data)
		}
		u, path, problem := usageOf(data)
		if problem != "" {
			return path, problem
		}
		if u != nil {
			u.into(call)
			fillDetails(f, call, u.object)
			fillAnswer(f, call, data)
			return "", ""
		}
	}
	for i, of := range fields.Totals {
		part := m.Descriptor().Fields().ByTextName(of.Part)
		if m.Has(part) {
			continue // The total says nothing new.
		}
		for _, path := range totalPaths[i] {
			if problem := f.From(m, of.Part, data, path, 0); problem != "" {
				return path, problem
			}
		}
		// Parts that are more than the total cannot be in it: this sender counts them apart, and the total is the part.
		_ = fields.Subtract(m, of)
	}
	return "", ""
}

// fillDetails sets what a usage object says beside the classes of tokens.
func fillDetails(f *fields.Filler, call *usagev1.TokenCall, object jsonpath.Object) {
	for _, a := range details {
		_ = f.From(call.ProtoReflect(), a.field, object, a.path, a.shift) // A call is refused for none of them.
	}
	if call.Region == "not_available" { // Anthropic's word for models that do not tell.
		call.Region = ""
	}
	fillModalities(call, object)
	if call.Usage == usagev1.UsageSource_USAGE_SOURCE_UNSPECIFIED {
		call.Usage = usagev1.UsageSource_USAGE_SOURCE_REPORTED
	}
}

// answerKinds are what OpenAI's answers say under the key object.
var answerKinds = []string{"chat.completion", "chat.completion.chunk", "text_completion", "response"}

// fillAnswer sets the id of the answer that the data is or has. An object without the marks of OpenAI's or Anthropic's
// answers may have the id of something else.
func fillAnswer(f *fields.Filler, call *usagev1.TokenCall, data jsonpath.Object) {
	for _, root := range []string{"", "response.", "message."} {
		says := func(key string) string {
			raw, _ := data.Lookup(root + key)
			text, _ := jsonpath.Text(raw)
			return text
		}
		if slices.Contains(answerKinds, says("object")) || says("type") == "message" && says("role") == "assistant" {
			_ = f.From(call.ProtoReflect(), responseID, data, root+"id", 0) // A call is not refused for it.
		}
	}
}

// fillClass sets the one class of an event with one number of tokens. The input counts as the call. Its output and the
// other classes come as events of their own, and count as no call.
func fillClass(f *fields.Filler, call *usagev1.TokenCall, field string, data jsonpath.Object) (problem string) {
	if problem := f.From(call.ProtoReflect(), field, data, "tokens", 0); problem != "" {
		return problem
	}
	if field != "input_uncached" && call.Requests == nil {
		call.Requests = new(uint64(0))
	}
	return ""
}
