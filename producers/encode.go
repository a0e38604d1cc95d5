package producers

import (
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// appendEvent does what schemas.AppendEvent does. Most records are token calls, for which it is several times faster;
// BenchmarkAppendEvent has the numbers.
func appendEvent(dst []byte, e schemas.Event) ([]byte, error) {
	if call, ok := e.(*usagev1.TokenCall); ok && call != nil && len(call.ProtoReflect().GetUnknown()) == 0 {
		w := wire{buf: dst}
		w.tokenCall(call)
		if !w.bad {
			return w.buf, nil
		}
	}
	return schemas.AppendEvent(dst, e)
}

// wire appends fields in Protobuf's wire format, absent ones not at all.
type wire struct {
	buf []byte
	bad bool // A text is not UTF-8.
}

func (w *wire) tokenCall(e *usagev1.TokenCall) {
	w.text(1, e.Source)
	w.text(2, e.Id)
	if e.TimeUs != nil {
		w.optionalFixed(3, uint64(*e.TimeUs))
	}
	w.text(4, e.Tenant)
	w.text(5, e.Product)
	w.fixed(6, e.User)
	w.text(7, e.Country)
	w.number(8, uint64(e.Segment))
	w.text(9, e.Run)
	w.text(10, e.Model)
	w.text(11, e.Provider)
	w.number(12, uint64(e.Status))
	w.optional(13, e.InputUncached)
	w.optional(14, e.OutputVisible)
	w.optional(15, e.LatencyUs)
	w.number(16, e.Weight)
	w.number(17, e.UserWeight)
	w.text(18, e.RequestedModel)
	w.text(19, e.Operation)
	if e.Streaming {
		w.number(20, 1)
	}
	w.text(21, e.ErrorType)
	w.optional(22, e.FirstTokenUs)
	w.optional(23, e.InputCacheRead)
	w.optional(24, e.InputCacheWrite)
	w.optional(25, e.OutputReasoning)
	if e.ReportedCostNanos != nil {
		w.optionalFixed(26, uint64(*e.ReportedCostNanos))
	}
	w.text(27, e.CostCurrency)
	w.number(28, e.Revision)
	w.number(29, e.ReportedCostPicos)
	w.optional(30, e.Requests)
}

func (w *wire) text(n protowire.Number, s string) {
	if s == "" {
		return
	}
	w.bad = w.bad || !utf8.ValidString(s)
	w.buf = protowire.AppendTag(w.buf, n, protowire.BytesType)
	w.buf = protowire.AppendString(w.buf, s)
}

func (w *wire) number(n protowire.Number, x uint64) {
	if x != 0 {
		w.optional(n, &x)
	}
}

func (w *wire) optional(n protowire.Number, x *uint64) {
	if x != nil {
		w.buf = protowire.AppendTag(w.buf, n, protowire.VarintType)
		w.buf = protowire.AppendVarint(w.buf, *x)
	}
}

func (w *wire) fixed(n protowire.Number, x uint64) {
	if x != 0 {
		w.optionalFixed(n, x)
	}
}

func (w *wire) optionalFixed(n protowire.Number, x uint64) {
	w.buf = protowire.AppendTag(w.buf, n, protowire.Fixed64Type)
	w.buf = protowire.AppendFixed64(w.buf, x)
}
