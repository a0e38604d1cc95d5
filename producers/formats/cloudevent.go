package formats

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"

	"tidemark/producers/formats/faults"
	"tidemark/producers/formats/fields"
	"tidemark/producers/formats/genai"
	"tidemark/producers/formats/jsonpath"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// RefusedError is the error of an object that makes no event.
type RefusedError struct {
	Field       string // The attribute, or the path in the data, at fault.
	Problem     string // To be read after the field. It may quote the value.
	UnknownType string // The type of a CloudEvent if it is not known; empty for other problems.

	sentence string // The whole text where it is not the field and the problem.
}

// Error returns the field and the problem.
func (r *RefusedError) Error() string {
	if r.sentence != "" {
		return r.sentence
	}
	return r.Field + " " + r.Problem
}

// CloudEvents makes one event after the other of JSON objects. It is for one goroutine.
type CloudEvents struct {
	settings Settings
	owned    bool                            // The tenant of the settings is that of all events, and no event may name another.
	fallback string                          // The product of events that name none.
	events   [schemas.NumTypes]schemas.Event // The memory of one event per type.
	bases    [schemas.NumTypes]schemas.Event
	users    fields.UserHash
	filler   fields.Filler
}

// NewCloudEvents returns a CloudEvents by settings that Validate accepts.
func NewCloudEvents(s Settings) *CloudEvents {
	c := &CloudEvents{settings: s, users: s.Users.Hash()}
	for t := range schemas.Type(schemas.NumTypes) {
		c.events[t], c.bases[t] = schemas.NewEvent(t), fields.New(t, s.labels())
	}
	return c
}

// NewTenantEvents returns a CloudEvents for the events of one tenant: an event that names another tenant is refused.
// product is that of events that name none; empty if they must name one.
func NewTenantEvents(tenant, product string, users *fields.Users) *CloudEvents {
	c := NewCloudEvents(Settings{Tenant: tenant, Users: users})
	c.owned, c.fallback = true, product
	return c
}

// fieldNames are the fields of each type that data can set.
var fieldNames = sync.OnceValue(func() (names [schemas.NumTypes][]string) {
	for t := range schemas.Type(schemas.NumTypes) {
		names[t] = fields.Names(t)
	}
	return names
})

// Event returns the event of a CloudEvent, valid until the next call. The error is a *RefusedError, or fields.ErrNothing for
// an event that stands for nothing.
func (c *CloudEvents) Event(attributes jsonpath.Object) (schemas.Event, error) {
	text := map[string]string{}
	for _, name := range []string{"specversion", "id", "source", "type", "time", "subject", "tenant", "product", "sampledrate"} {
		if refused := readAttribute(text, name, attributes[name]); refused != nil {
			return nil, refused
		}
	}
	for _, name := range []string{"specversion", "id", "source", "type", "time"} {
		if text[name] == "" {
			return nil, missing(name)
		}
	}
	if text["specversion"] != "1.0" {
		return nil, &RefusedError{Field: "specversion", Problem: faults.Quote(text["specversion"]) + " is not 1.0"}
	}
	data, refused := dataOf(attributes)
	if refused != nil {
		return nil, refused
	}
	us, problem := parseTime(text["time"])
	if problem != "" {
		return nil, &RefusedError{Field: "time", Problem: problem}
	}
	return c.make(text, us, data)
}

// flatAttributes are what Flat reads beside the fields of a type.
var flatAttributes = []string{"type", fields.Source, fields.ID, "time", fields.Time, fields.Tenant, fields.Product}

// Flat returns the event of an object that has its type and all fields side by side, under the names of the contract.
// Its time is the text time (RFC 3339), or the number time_us. A field that its type does not have is an error. The event is valid until the next call. The error is
// that of Event.
func (c *CloudEvents) Flat(object jsonpath.Object) (schemas.Event, error) {
	text := map[string]string{}
	for _, name := range flatAttributes {
		if refused := readAttribute(text, name, object[name]); refused != nil {
			return nil, refused
		}
	}
	for _, name := range []string{"type", "source", "id"} {
		if text[name] == "" {
			return nil, missing(name)
		}
	}
	if text[fields.Time] != "" {
		us, err := strconv.ParseInt(text[fields.Time], 10, 64)
		if err != nil {
			return nil, &RefusedError{Field: fields.Time, Problem: faults.Quote(text[fields.Time]) + " is not a number of microseconds"}
		}
		return c.flat(text, us, object)
	}
	if text["time"] == "" {
		return nil, missing("time")
	}
	us, problem := parseTime(text["time"])
	if problem != "" {
		return nil, &RefusedError{Field: "time", Problem: problem}
	}
	return c.flat(text, us, object)
}

// UnknownField is the problem of an object that has a field that its type does not have. The field is a name that the sender chose.
const UnknownField = "is no field of such an event"

// flat is make for an object all of whose fields are to be known: one that is misspelled would lose what it says.
func (c *CloudEvents) flat(text map[string]string, us int64, object jsonpath.Object) (schemas.Event, error) {
	e, err := c.make(text, us, object)
	if err != nil {
		return nil, err
	}
	if _, has := object[fields.Run]; has {
		return nil, &RefusedError{Field: fields.Run, Problem: "is that of the program that takes the events: no sender may name it"}
	}
	t, _ := schemas.TypeOf(e)
	for _, name := range slices.Sorted(maps.Keys(object)) {
		_, isField := slices.BinarySearch(fieldNames()[t], name)
		if !isField && !slices.Contains(flatAttributes, name) && (t != schemas.TokenCallType || !genai.Reads(name)) {
			return nil, &RefusedError{Field: name, Problem: UnknownField}
		}
	}
	return e, nil
}

func missing(name string) *RefusedError {
	return &RefusedError{Field: name, Problem: "is missing", sentence: "there is no " + name + ", which every event needs"}
}

// readAttribute reads an attribute into text.
func readAttribute(text map[string]string, name string, value json.RawMessage) *RefusedError {
	read := jsonpath.Text
	switch name {
	case "id", "source", "subject", "tenant":
		read = jsonpath.Exact
	}
	var problem string
	if text[name], problem = read(value); problem != "" {
		return &RefusedError{Field: name, Problem: problem}
	}
	return nil
}

// make returns the event with the attributes, at a time in microseconds since 1970.
func (c *CloudEvents) make(text map[string]string, us int64, data jsonpath.Object) (schemas.Event, error) {
	c.filler.Reset()
	word, known := cloudType(text["type"], otherType(c.settings.CloudType), data)
	if !known {
		return nil, &RefusedError{Field: "type", UnknownType: text["type"],
			Problem: faults.Quote(text["type"]) + " does not end in one of " + faults.Keys(cloudTypes) + ", and the data says no usage of a call; set type to say what it is"}
	}
	if c.owned {
		if refused := c.own(text, data); refused != nil {
			return nil, refused
		}
	}
	t := cloudTypes[word].typ
	e := c.events[t]
	fields.Copy(e, c.bases[t])
	if me, ok := e.(*usagev1.ModelEvent); ok {
		me.Kind = cloudTypes[word].kind
	}
	fields.SetTime(e, us)
	if refused := c.fill(e, fieldNames()[t], text, data); refused != nil {
		return nil, refused
	}
	if err := c.filler.Weights.Settle(e.ProtoReflect()); err != nil {
		return nil, err
	}
	return e, nil
}

// own refuses an event that names another tenant than its own.
func (c *CloudEvents) own(text map[string]string, data jsonpath.Object) *RefusedError {
	named, problem := jsonpath.Exact(data[fields.Tenant])
	for _, name := range []string{text[fields.Tenant], named} {
		if problem == "" && name != "" && name != c.settings.Tenant {
			problem = "is another one than that of the sender"
		}
	}
	if problem != "" {
		return &RefusedError{Field: fields.Tenant, Problem: problem}
	}
	return nil
}

// dataOf returns the data of a CloudEvent, an empty object if there is none.
func dataOf(attributes jsonpath.Object) (jsonpath.Object, *RefusedError) {
	name, raw := "data", attributes["data"]
	if encoded, ok := attributes["data_base64"]; ok {
		name = "data_base64"
		text, problem := jsonpath.Text(encoded)
		if problem != "" {
			return nil, &RefusedError{Field: name, Problem: problem}
		}
		var err error
		if raw, err = base64.StdEncoding.DecodeString(text); err != nil {
			return nil, &RefusedError{Field: name, Problem: "is not base64: " + err.Error()}
		}
	}
	if len(raw) == 0 || string(raw) == "null" {
		return jsonpath.Object{}, nil
	}
	if jsonpath.IsText(raw) { // The object as a text.
		text, _ := jsonpath.Text(raw)
		raw = json.RawMessage(text)
	}
	var data jsonpath.Object
	if err := json.Unmarshal(raw, &data); err != nil || data == nil {
		return nil, &RefusedError{Field: name, Problem: "is not a JSON object"}
	}
	return data, nil
}

// fill sets the fields of the event, which already has its labels and its time.
func (c *CloudEvents) fill(e schemas.Event, names []string, text map[string]string, data jsonpath.Object) *RefusedError {
	m := e.ProtoReflect()
	known := m.Descriptor().Fields()
	for _, name := range []string{fields.Source, fields.ID} { // Of the attributes too.
		if problem := fields.Set(m, known.ByTextName(name), text[name], 0); problem != "" {
			return &RefusedError{Field: name, Problem: problem}
		}
	}
	for _, name := range names {
		if _, isTotal := fields.TotalNamed(name); isTotal || name == fields.User || name == fields.Tenant && c.settings.Tenant != "" || name == fields.Product && c.settings.Product != "" {
			continue
		}
		if name == fields.Usage && bytes.HasPrefix(jsonpath.Unquoted(data[name]), []byte("{")) {
			continue // It is the usage object of a provider.
		}
		if problem := c.filler.From(m, name, data, name, 0); problem != "" {
			return &RefusedError{Field: name, Problem: problem}
		}
	}
	for _, beside := range []struct{ field, attribute, text string }{
		{fields.Tenant, "tenant", text["tenant"]}, {fields.Tenant, "subject", text["subject"]},
		{fields.Product, "product", text["product"]}, {fields.Product, "product", c.fallback}, {fields.Weight, "sampledrate", text["sampledrate"]},
	} {
		if refused := c.attribute(m, beside.field, beside.attribute, beside.text); refused != nil {
			return refused
		}
	}
	if known.ByTextName(fields.User) != nil { // When the tenant is known, within which it is hashed.
		c.user(m, known.ByTextName(fields.User), e.GetTenant(), data)
	}
	if call, ok := e.(*usagev1.TokenCall); ok {
		if path, problem := genai.Fill(&c.filler, call, data); problem != "" {
			return &RefusedError{Field: path, Problem: problem}
		}
	}
	if bad := c.filler.Lenient.Settle(e); bad != nil {
		return &RefusedError{Field: bad.Field, Problem: bad.Problem, sentence: bad.Error() + remedies[bad.Field]}
	}
	return nil
}

// remedies are what to do if an event lacks a field.
var remedies = map[string]string{
	fields.Tenant:  "; set tenant, or give tenant in the data or beside it, or subject",
	fields.Product: "; set product, or give product in the data or beside it",
}

// attribute sets a field from an attribute of the event if the data did not set it.
func (c *CloudEvents) attribute(m protoreflect.Message, field, name, text string) *RefusedError {
	fd := m.Descriptor().Fields().ByTextName(field)
	if fd == nil || text == "" || m.Has(fd) || c.filler.Weights.Said(fd) {
		return nil
	}
	if problem := c.filler.Lenient.Set(m, fd, text, 0); problem != "" {
		return &RefusedError{Field: name, Problem: problem}
	}
	c.filler.Weights.Note(m, fd)
	return nil
}

// user sets the user from the data, if it is there.
func (c *CloudEvents) user(m protoreflect.Message, fd protoreflect.FieldDescriptor, tenant string, data jsonpath.Object) {
	raw, _ := data.Lookup(fields.User)
	user, problem := c.users.OfData(tenant, raw)
	if problem != "" {
		text, _ := jsonpath.Text(raw)
		c.filler.Lenient.Note(fields.User, text, problem)
		return
	}
	m.Set(fd, protoreflect.ValueOfUint64(user))
}
