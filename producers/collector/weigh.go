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
}

// What a body takes when it is decoded, in bytes: for each message that of the largest, a span without its texts, and
// for each byte what a number of one digit and a comma becomes.
const (
	messageBytes = 320
	byteFactor   = 4
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
	return &message{fields: [16]*message{1: {fields: [16]*message{1: resource, 2: scoped}}}}
}

// weight is how many messages a body has, and how many of them are items.
type weight struct{ messages, items int }

var errDeep = errors.New("the values nest too deep")

// weigh adds up a body in Protobuf. depth is how much further messages may nest.
func (m *message) weigh(body []byte, w *weight, depth int) error {
	if depth == 0 {
		return errDeep
	}
	w.messages++
	if m.item {
		w.items++
	}
	for len(body) > 0 {
		field, kind, n := protowire.ConsumeTag(body)
		if n < 0 {
			return protowire.ParseError(n)
		}
		body = body[n:]
		if kind == protowire.BytesType && int(field) < len(m.fields) && m.fields[field] != nil {
			inner, n := protowire.ConsumeBytes(body)
			if n < 0 {
				return protowire.ParseError(n)
			}
			if err := m.fields[field].weigh(inner, w, depth-1); err != nil {
				return err
			}
			body = body[n:]
			continue
		}
		if n = protowire.ConsumeFieldValue(field, kind, body); n < 0 {
			return protowire.ParseError(n)
		}
		body = body[n:]
	}
	return nil
}
