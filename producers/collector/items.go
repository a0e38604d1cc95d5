package collector

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"tidemark/producers/formats"
	"tidemark/producers/formats/fields"
	"tidemark/producers/formats/jsonpath"
	"tidemark/schemas"
)

// itemBytes bounds one item of JSON. An event that consumers accept is a small part of it.
const itemBytes = 1 << 20

// nothing is the rule by which an event with the weight 0 is skipped.
const nothing = "events: the weight is 0"

// items makes the events of the items of one request.
type items struct {
	*exchange
	maker *formats.CloudEvents
	batch Batch
	next  int // The place of the next item.
}

// errItems ends a request with too many items.
var errItems = errors.New("too many items")

// decodeItems decodes CloudEvents and our own objects.
func decodeItems(x *exchange) func([]byte) (Batch, *refusal) {
	return func(body []byte) (Batch, *refusal) {
		if !x.hold.take(2*len(body) + 2*itemBytes) { // The items, and one of them as an object.
			return Batch{}, unavailable(errNoRoom.Error())
		}
		in := &items{exchange: x, maker: formats.NewTenantEvents(x.origin.Tenant, x.origin.Product, x.server.config.Users)}
		body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
		err := in.split(body)
		switch {
		case errors.Is(err, errItems):
			return Batch{}, tooLarge("the request has more than %d items", x.server.limits.Items)
		case err != nil:
			return Batch{}, badRequest("%v", err)
		}
		in.batch.Items = in.next
		return in.batch, nil
	}
}

// split adds the items of a body. An error is about the body as a whole.
func (in *items) split(body []byte) error {
	isArray := bytes.HasPrefix(body, []byte("["))
	switch {
	case in.format == inHeaders:
		return in.binary(body)
	case len(body) == 0:
		return nil
	case in.format == batched && !isArray:
		return errors.New("the body is not an array, as a batch of CloudEvents is")
	case in.format == structured && isArray:
		return errors.New("the body is an array and not one event: send it as application/cloudevents-batch+json")
	case isArray:
		return in.array(body)
	case json.Valid(body):
		if body[0] != '{' {
			return errors.New("the body is neither a JSON object nor an array of them")
		}
		return in.add(body)
	case in.format == objects:
		return in.lines(body)
	}
	return errors.New("the body is not JSON")
}

// array adds the elements of an array.
func (in *items) array(body []byte) error {
	if !json.Valid(body) { // Nothing is taken of a body that breaks off.
		return errors.New("the body is not a JSON array")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	if _, err := decoder.Token(); err != nil {
		return err
	}
	for decoder.More() {
		var raw json.RawMessage
		if err := decoder.Decode(&raw); err != nil {
			return err
		}
		if err := in.add(raw); err != nil {
			return err
		}
	}
	return nil
}

// lines adds the objects of lines. A line that cannot be read is rejected alone.
func (in *items) lines(body []byte) error {
	for line := range bytes.Lines(body) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if err := in.add(line); err != nil {
			return err
		}
	}
	return nil
}

// add adds an item of JSON.
func (in *items) add(raw []byte) error {
	if len(raw) > itemBytes {
		return in.reject("", &formats.RefusedError{Problem: fmt.Sprintf("the item is larger than %d bytes", itemBytes)})
	}
	shape, err := scanJSON(raw)
	switch {
	case err != nil || raw[0] != '{':
		return in.reject("", &formats.RefusedError{Problem: "the item is not a JSON object"})
	case shape.depth > in.server.limits.Depth:
		return in.reject("", &formats.RefusedError{Problem: fmt.Sprintf("the item nests deeper than %d levels", in.server.limits.Depth)})
	}
	var object jsonpath.Object
	if err := json.Unmarshal(raw, &object); err != nil {
		return in.reject("", &formats.RefusedError{Problem: "the item is not a JSON object"})
	}
	return in.object(object)
}

// object adds the event of an object.
func (in *items) object(object jsonpath.Object) error {
	var e schemas.Event
	var err error
	if in.format == objects {
		e, err = in.maker.Flat(object)
	} else {
		e, err = in.maker.Event(object)
	}
	var refused *formats.RefusedError
	switch {
	case errors.Is(err, fields.ErrNothing):
		if in.batch.Skipped == nil {
			in.batch.Skipped = map[string]uint64{}
		}
		in.batch.Skipped[nothing]++
	case errors.As(err, &refused):
		id, _ := jsonpath.Text(object["id"])
		return in.reject(id, refused)
	case err != nil:
		return err
	default:
		event, ok := proto.Clone(e).(schemas.Event) // The maker uses its memory again.
		if !ok {
			return fmt.Errorf("%T is no event", e)
		}
		in.batch.Events = append(in.batch.Events, event)
		in.batch.Places = append(in.batch.Places, in.next)
	}
	return in.counted()
}

// reject adds an item that makes no event.
func (in *items) reject(id string, refused *formats.RefusedError) error {
	in.batch.Rejected = append(in.batch.Rejected, Rejected{
		Index: in.next, ID: cut(strings.ToValidUTF8(id, "\ufffd")), Field: cut(refused.Field), Reason: withoutValues(refused.Problem),
	})
	return in.counted()
}

func (in *items) counted() error {
	in.next++
	if in.next > in.server.limits.Items {
		return errItems
	}
	return nil
}

// withoutValues removes the values that a problem quotes: answers and metrics do not repeat what was sent.
func withoutValues(problem string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(problem, `"`)
		b.WriteString(before)
		if !found {
			break
		}
		quoted, err := strconv.QuotedPrefix(`"` + rest)
		if err != nil {
			break
		}
		problem = strings.TrimPrefix(rest[len(quoted)-1:], "...")
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// binary adds the CloudEvent whose attributes are in the headers. Their values are percent-encoded, by the senders that
// do as the specification says.
func (in *items) binary(body []byte) error {
	object := jsonpath.Object{}
	for _, name := range headerNames(in.request.Header) {
		value := unescape(in.request.Header.Get(name))
		attribute := strings.ToLower(strings.TrimPrefix(name, "Ce-"))
		if !utf8.ValidString(value) {
			return in.reject("", &formats.RefusedError{Field: attribute, Problem: "is not UTF-8"})
		}
		encoded, err := json.Marshal(value)
		if err != nil {
			return err
		}
		object[attribute] = encoded
	}
	shape, err := scanJSON(body)
	switch {
	case len(body) == 0:
	case len(body) > itemBytes:
		return in.reject("", &formats.RefusedError{Field: "data", Problem: fmt.Sprintf("is larger than %d bytes", itemBytes)})
	case err == nil && shape.depth > in.server.limits.Depth:
		return in.reject("", &formats.RefusedError{Field: "data", Problem: fmt.Sprintf("nests deeper than %d levels", in.server.limits.Depth)})
	case json.Valid(body):
		object["data"] = body
	default:
		object["data_base64"] = strconv.AppendQuote(nil, base64.StdEncoding.EncodeToString(body))
	}
	return in.object(object)
}

// headerNames are the names of the headers that are attributes, in their order.
func headerNames(h http.Header) []string {
	var names []string
	for name := range h {
		if strings.HasPrefix(name, "Ce-") && name != "Ce-Data" && name != "Ce-Data_base64" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// unescape decodes the escapes %XX of a text. A % that begins none stays as it is, since some senders encode nothing.
func unescape(s string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, "%")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		escape := "%" + rest[:min(2, len(rest))]
		if decoded, err := url.PathUnescape(escape); err == nil && len(escape) == 3 {
			b.WriteString(decoded)
			s = rest[2:]
			continue
		}
		b.WriteByte('%')
		s = rest
	}
}

// shape is what a scan of JSON finds.
type shape struct {
	depth   int // Of objects and arrays within each other.
	opened  int // How many objects and arrays there are.
	hasNull bool
}

// scanJSON looks at the brackets of one JSON value, without recursion and without memory. It does not find all that is
// wrong with it: it finds brackets that are not closed, and what follows the value.
func scanJSON(data []byte) (s shape, err error) {
	depth, done := 0, false
	for i := 0; i < len(data); i++ {
		c := data[i]
		if c == ' ' || c == '\n' || c == '\r' || c == '\t' {
			continue
		}
		if done {
			return s, errors.New("something follows the JSON value")
		}
		switch c {
		case '"':
			if i = endOfText(data, i+1); i < 0 {
				return s, io.ErrUnexpectedEOF
			}
			done = depth == 0
		case '{', '[':
			depth++
			s.opened++
			s.depth = max(s.depth, depth)
		case '}', ']':
			depth--
			done = depth <= 0
		case 'n':
			s.hasNull = true
		}
		if depth < 0 {
			return s, errors.New("a bracket is closed that was not opened")
		}
	}
	if depth > 0 {
		return s, io.ErrUnexpectedEOF
	}
	return s, nil
}

// endOfText returns the place of the quote that ends a text; -1 if there is none.
func endOfText(data []byte, from int) int {
	for {
		at := bytes.IndexAny(data[from:], `"\`)
		switch {
		case at < 0:
			return -1
		case data[from+at] == '"':
			return from + at
		case from+at+2 > len(data):
			return -1
		}
		from += at + 2
	}
}
