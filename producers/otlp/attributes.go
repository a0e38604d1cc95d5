package otlp

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"tidemark/producers/calls"
	"tidemark/producers/formats/genai"
	"tidemark/schemas"
)

// kind is the type of a value.
type kind uint8

const (
	kindNone    kind = iota
	kindText         // In text.
	kindInteger      // In bits.
	kindReal         // In bits.
	kindTruth        // In bits.
	kindOther        // An array, a map or bytes: it is there, and is never looked at.
)

// value is the value of an attribute. Its text may be a part of the body of a request.
type value struct {
	text string
	bits uint64
	kind kind
}

// valueOf returns a value of the library's.
func valueOf(v pcommon.Value) value {
	switch v.Type() {
	case pcommon.ValueTypeEmpty:
		return value{}
	case pcommon.ValueTypeStr:
		return value{kind: kindText, text: v.Str()}
	case pcommon.ValueTypeInt:
		return value{kind: kindInteger, bits: uint64(v.Int())}
	case pcommon.ValueTypeDouble:
		return value{kind: kindReal, bits: math.Float64bits(v.Double())}
	case pcommon.ValueTypeBool:
		if v.Bool() {
			return value{kind: kindTruth, bits: 1}
		}
		return value{kind: kindTruth}
	}
	return value{kind: kindOther}
}

// attributes are those of a span or of a log record that have a meaning.
type attributes struct {
	values [attrCount]value
	names  [attrCount]*alias // What each is there by; nil if it is not.
}

// has reports whether there is an attribute.
func (a *attributes) has(i attribute) bool { return a.names[i] != nil }

// read takes over what has a meaning. It replaces what was there.
func (a *attributes) read(m pcommon.Map) {
	clear(a.names[:])
	for name, v := range m.All() {
		if as := aliasOf(name); as != nil {
			a.take(as, valueOf(v))
		}
	}
}

// take takes over one attribute.
func (a *attributes) take(as *alias, v value) {
	if v.kind == kindNone || v.kind == kindText && v.text == "" {
		return
	}
	if known := a.names[as.is]; known == nil || as.rank < known.rank {
		a.values[as.is], a.names[as.is] = v, as
	}
}

// text returns a text, empty if there is none.
func (a *attributes) text(i attribute) string {
	if !a.has(i) {
		return ""
	}
	switch v := &a.values[i]; v.kind {
	case kindText:
		return strings.TrimSpace(v.text)
	case kindInteger:
		return strconv.FormatInt(int64(v.bits), 10)
	case kindTruth:
		return strconv.FormatBool(v.bits != 0)
	case kindReal:
		return pcommon.NewValueDouble(math.Float64frombits(v.bits)).AsString()
	}
	return ""
}

// truth returns whether a value says yes.
func (a *attributes) truth(i attribute) bool { return strings.EqualFold(a.text(i), "true") }

// number returns a number, which some emitters write as a text. ok is false if it is none.
func (a *attributes) number(i attribute) (n float64, ok bool) {
	switch v := &a.values[i]; v.kind {
	case kindInteger:
		return float64(int64(v.bits)), true
	case kindReal:
		return math.Float64frombits(v.bits), true
	case kindText:
		n, err := strconv.ParseFloat(strings.TrimSpace(v.text), 64)
		return n, err == nil
	}
	return 0, false
}

// problem is what is wrong with a report: the attribute at fault and why. It never has the value of an attribute.
type problem struct{ field, reason string }

// maxCount is the most that a count may be. It is that of the contract.
const maxCount = 1e12

// count returns a count of tokens, unknown if there is none.
func (a *attributes) count(i attribute, bad *problem) calls.Count {
	if !a.has(i) {
		return calls.Count{}
	}
	n, ok := a.number(i)
	switch {
	case !ok:
		*bad = problem{a.names[i].name, "is not a number"}
	case n != math.Trunc(n) || math.IsInf(n, 0) || math.IsNaN(n):
		*bad = problem{a.names[i].name, "is not a whole number"}
	case n < 0:
		*bad = problem{a.names[i].name, "is negative"}
	case n > maxCount:
		*bad = problem{a.names[i].name, "is more than 1e12"}
	default:
		return calls.Of(uint64(n))
	}
	return calls.Count{}
}

// micros returns a length of time in microseconds. One that is none is unknown: it costs no call.
func (a *attributes) micros(i attribute) calls.Count {
	if !a.has(i) {
		return calls.Count{}
	}
	n, ok := a.number(i)
	if n *= float64(a.names[i].unit); !ok || !(n >= 0 && n <= maxCount) {
		return calls.Count{}
	}
	return calls.Of(uint64(n))
}

// fill sets what the attributes say about a call.
func (a *attributes) fill(r *calls.Report) (bad problem) {
	r.Provider = schemas.Provider(a.text(attrProvider))
	r.Requested, r.Served = modelName(a.text(attrRequested)), modelName(a.text(attrServed))
	r.ResponseID, r.Tier, r.User, r.ErrorType = a.text(attrResponseID), a.text(attrTier), a.text(attrUser), a.text(attrErrorType)
	if number, ok := strings.CutPrefix(r.ResponseID, "chatcmpl-"); ok && len(number) <= 3 {
		r.ResponseID = "" // Ollama numbers its answers from 0 to 998 at random.
	}
	r.Streaming = a.truth(attrStreaming)
	r.Cost = a.text(attrCost)
	for _, c := range []struct {
		is   attribute
		into *calls.Count
	}{
		{attrInput, &r.Input}, {attrOutput, &r.Output}, {attrTotal, &r.Total}, {attrRead, &r.Read}, {attrWrite, &r.Write}, {attrWrite5m, &r.Write5m},
		{attrWrite1h, &r.Write1h}, {attrReasoning, &r.Reasoning},
	} {
		*c.into = a.count(c.is, &bad)
	}
	var unheeded problem // What is beside the counts costs no call.
	r.InputAudio, r.OutputAudio, r.Attempt = a.count(attrInputAudio, &unheeded), a.count(attrOutputAudio, &unheeded), a.count(attrAttempt, &unheeded)
	r.InputImage, r.OutputImage = a.count(attrInputImage, &unheeded), a.count(attrOutputImage, &unheeded)
	if r.Attempt.Known {
		r.Attempt.N++ // It says how often the request was sent again.
	}
	if a.has(attrServer) {
		r.Region = regionOf(a.text(attrServer), r.Requested+r.Served)
	}
	r.FirstToken, r.Latency = a.micros(attrFirstToken), a.micros(attrLatency)
	if bad.field == "" && a.has(attrUsageObject) {
		bad = a.fillObject(r)
	}
	r.Estimated = r.Scope.GuessesStreams && r.Streaming && !r.Read.Known
	return bad
}

// fillObject reads a usage object that is an attribute, as a text of JSON in the shape of the provider.
func (a *attributes) fillObject(r *calls.Report) problem {
	if fault := FillUsage(json.RawMessage(a.text(attrUsageObject)), r); fault != "" {
		return problem{a.names[attrUsageObject].name, fault}
	}
	return problem{}
}

// FillUsage sets the counts of a report from a usage object in the shape of a provider; the sums and classes that it does not have
// become unknown. The problem is to be read after the name of the object; it never has a value of it.
func FillUsage(object json.RawMessage, r *calls.Report) (problem string) {
	usage, problem := genai.ReadUsage(object)
	if problem != "" {
		return problem
	}
	// The classes are disjoint already: the sums include them again, as a report has them.
	r.Read, r.Write, r.Reasoning = calls.OfPointer(usage.InputCacheRead), calls.OfPointer(usage.InputCacheWrite), calls.OfPointer(usage.OutputReasoning)
	if r.Input = calls.OfPointer(usage.InputUncached); r.Input.Known {
		r.Input.N += r.Read.N + r.Write.N
	}
	if r.Output = calls.OfPointer(usage.OutputVisible); r.Output.Known {
		r.Output.N += r.Reasoning.N
	}
	r.Total = calls.Count{}
	for _, part := range []struct {
		into *calls.Count
		from *uint64
	}{
		{&r.InputAudio, usage.InputAudio}, {&r.InputImage, usage.InputImage}, {&r.OutputAudio, usage.OutputAudio}, {&r.OutputImage, usage.OutputImage},
		{&r.Write5m, usage.CacheWrite_5M}, {&r.Write1h, usage.CacheWrite_1H},
	} {
		if part.from != nil && *part.from <= maxCount { // What is beside the counts costs no call.
			*part.into = calls.Of(*part.from)
		}
	}
	if usage.Region != "" {
		r.Region = usage.Region
	}
	return ""
}

// regionOf returns the region that the host of a model's API names; empty if it names none. A host of Bedrock does not tell where a
// model of an inference profile ("us.anthropic...") runs.
func regionOf(host, model string) string {
	if region, ok := strings.CutSuffix(host, "-aiplatform.googleapis.com"); ok && isRegion(region) {
		return region
	}
	name, ok := strings.CutSuffix(host, ".amazonaws.com")
	if api, region, _ := strings.Cut(name, "."); ok && (api == "bedrock-runtime" || api == "bedrock-runtime-fips") && isRegion(region) &&
		strings.Count(model, ".") < 2 && !strings.Contains(model, ":inference-profile/") {
		return region
	}
	return ""
}

// isRegion reports whether a text looks like the name of a region: eu-west-1, europe-west4.
func isRegion(text string) bool {
	return len(text) < 32 && strings.Contains(text, "-") && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// modelName returns the name of a model; "none", which some emitters write for a failed call, is none.
func modelName(name string) string {
	if name == "none" || name == "unknown" {
		return ""
	}
	return name
}

// Fill sets what a map of attributes says about a call, by the same names as for spans, and its operation. A fault is the name
// of an attribute and what is wrong with it. It is for gateways that write the names of the convention in other formats.
func Fill(m pcommon.Map, r *calls.Report) (field, reason string) {
	var a attributes
	a.read(m)
	if operation, _ := operationOf(&a); operation != "" {
		r.Operation = operation
	}
	bad := a.fill(r)
	return bad.field, bad.reason
}

// Reads reports whether an attribute of the name has a meaning.
func Reads(name string) bool { return aliasOf(name) != nil }

// Operation returns the name of an operation as the convention has it, where it has one.
func Operation(name string) string {
	if known, ok := operations[name]; ok {
		return known
	}
	return name
}
