package collector

import (
	"errors"

	"google.golang.org/protobuf/encoding/protowire"
)

// A message of two bytes becomes some hundred bytes of memory, so the memory that a body will take is known from its
// messages and not from its length. The shapes below are the parts of OTLP that repeat.

// message is a kind of message, by the numbers of its fields that are messages, too.
type message struct {
	fields [16]*message
	item   bool // It is a span, a log record or a data point.
	// old is the kind of message of the field oldScopes, which counts where there is no field 2.
	old *message
}

// oldScopes is the number of the field that had the scopes before the first stable version of OTLP.
const oldScopes = 1000

// What a body takes when it is decoded, in bytes: for each message that of the largest, a span without its texts, and
// for each byte what a number of one digit and a comma becomes.
const (
	messageBytes = 320
	byteFactor   = 4
	// spanBytes is what a span becomes of which the library makes no message: a report and an event.
	spanBytes = 3 << 10
)

var (
	anyValue   = &message{}
	keyValue   = &message{fields: [16]*message{2: anyValue}}
	resource   = &message{fields: [16]*message{1: keyValue, 3: {}}}
	scope      = &message{fields: [16]*message{3: keyValue}}
	exemplar   = &message{fields: [16]*message{7: keyValue}}
	span       = &message{item: true, fields: [16]*message{9: keyValue, 11: {fields: [16]*message{3: keyValue}}, 13: {fields: [16]*message{4: keyValue}}, 15: {}}}
	logRecord  = &message{item: true, fields: [16]*message{5: anyValue, 6: keyValue}}
	number     = &message{item: true, fields: [16]*message{5: exemplar, 7: keyValue}}
	histogram  = &message{item: true, fields: [16]*message{8: exemplar, 9: keyValue}}
	expHisto   = &message{item: true, fields: [16]*message{1: keyValue, 8: {}, 9: {}, 11: exemplar}}
	summary    = &message{item: true, fields: [16]*message{6: {}, 7: keyValue}}
	metric     = &message{fields: [16]*message{5: points(number), 7: points(number), 9: points(histogram), 10: points(expHisto), 11: points(summary), 12: keyValue}}
	traceBody  = export(span)
	logBody    = export(logRecord)
	metricBody = export(metric)
)

func init() {
	anyValue.fields[5] = &message{fields: [16]*message{1: anyValue}}
	anyValue.fields[6] = &message{fields: [16]*message{1: keyValue}}
}

func points(of *message) *message { return &message{fields: [16]*message{1: of}} }

// export is a request, which has resources, which have scopes, which have the records.
func export(record *message) *message {
	scoped := &message{fields: [16]*message{1: scope, 2: record}}
	return &message{fields: [16]*message{1: {fields: [16]*message{1: resource, 2: scoped}, old: scoped}}}
}

// weight is how many messages a body has, and how many of them are items.
type weight struct {
	messages, items int
	onlyItems       bool // What items have in them is not looked at.
}

var errDeep = errors.New("the values nest too deep")

// weigh adds up a body in Protobuf. depth is how much further messages may nest.
func (m *message) weigh(body []byte, w *weight, depth int) error {
	if depth == 0 {
		return errDeep
	}
	w.messages++
	if m.item {
		w.items++
		if w.onlyItems {
			return nil
		}
	}
	old, replaced := 0, false // Items in the field oldScopes, and whether they do not count.
	for len(body) > 0 {
		field, kind, n := protowire.ConsumeTag(body)
		if n < 0 {
			return protowire.ParseError(n)
		}
		body = body[n:]
		of := m.field(field)
		if kind == protowire.BytesType && of != nil {
			inner, n := protowire.ConsumeBytes(body)
			if n < 0 {
				return protowire.ParseError(n)
			}
			before := w.items
			if err := of.weigh(inner, w, depth-1); err != nil {
				return err
			}
			switch {
			case field == oldScopes:
				old += w.items - before
			case field == 2 && m.old != nil:
				replaced = true
			}
			body = body[n:]
			continue
		}
		if n = protowire.ConsumeFieldValue(field, kind, body); n < 0 {
			return protowire.ParseError(n)
		}
		body = body[n:]
	}
	if replaced {
		w.items -= old
	}
	return nil
}

// field returns the kind of message that a field is; nil if it is none.
func (m *message) field(number protowire.Number) *message {
	switch {
	case int(number) < len(m.fields):
		return m.fields[number]
	case number == oldScopes:
		return m.old
	}
	return nil
}
