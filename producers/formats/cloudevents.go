package formats

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"tidemark/producers/formats/faults"
	"tidemark/producers/formats/fields"
	"tidemark/producers/formats/genai"
	"tidemark/producers/formats/jsonpath"
	"tidemark/producers/formats/mapping"
	"tidemark/producers/formats/rows"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// CloudEvents 1.0 in the JSON format (github.com/cloudevents/spec, formats/json-format.md), or its batches. Source, id
// and time are the event's own; its data has the fields of our types under their names, or those of a model call under
// the names of OpenTelemetry's GenAI conventions or in the usage object of a provider, see package genai.

// cloudTypes are the types of events by the last word of the type of a CloudEvent; kind is that of a model event.
var cloudTypes = map[string]struct {
	typ  schemas.Type
	kind usagev1.ModelEventKind
}{
	"token_call":       {typ: schemas.TokenCallType},
	"query":            {typ: schemas.QueryType},
	"signup":           {typ: schemas.SignupType},
	"model_event":      {typ: schemas.ModelEventType},
	"model_release":    {schemas.ModelEventType, usagev1.ModelEventKind_MODEL_EVENT_KIND_RELEASE},
	"model_download":   {schemas.ModelEventType, usagev1.ModelEventKind_MODEL_EVENT_KIND_DOWNLOAD},
	"model_derivative": {schemas.ModelEventType, usagev1.ModelEventKind_MODEL_EVENT_KIND_DERIVATIVE},
	"reference_point":  {typ: schemas.ReferencePointType},
}

var versionSuffix = regexp.MustCompile(`\.v[0-9]+$`)

// cloudType returns the key of cloudTypes that a CloudEvents type ends in, in the plural too and before a version:
// "org.example.ai.token_calls.v1". A type that says nothing is the other one, if that is given, or a token call if the
// data says the usage of one.
func cloudType(name, other string, data jsonpath.Object) (string, bool) {
	word := versionSuffix.ReplaceAllString(strings.ToLower(name), "")
	word = word[strings.LastIndexAny(word, "./")+1:]
	for _, form := range []string{word, strings.TrimSuffix(word, "s"), strings.TrimSuffix(word, "ies") + "y"} {
		if _, known := cloudTypes[form]; known {
			return form, true
		}
	}
	if other != "" {
		return other, true
	}
	return "token_call", genai.SaysUsage(data)
}

// otherType returns the key of cloudTypes for the type with the name; empty if there is none.
func otherType(name string) string {
	for key, of := range cloudTypes {
		if of.typ.String() == name && of.kind == 0 {
			return key
		}
	}
	return ""
}

// cloudRows makes the events of a file of CloudEvents.
type cloudRows struct {
	rows.Objects
	settings Settings
	events   [schemas.NumTypes]schemas.Event // The memory of one event per type.
	bases    [schemas.NumTypes]schemas.Event
	names    [schemas.NumTypes][]string // Of the fields.
	users    fields.UserHash
	filler   fields.Filler
}

func (c *cloudRows) Noted() *fields.Lenient { return &c.filler.Lenient }

func (c *cloudRows) Notes() []string { return nil }

func (c *cloudRows) Columns() *mapping.Seen { return nil }

func readCloudEvents(l *rows.Lines, s Settings) (Rows, error) {
	c := &cloudRows{Objects: rows.Objects{Lines: l}, settings: s, users: s.Users.Hash()}
	for t := range schemas.Type(schemas.NumTypes) {
		c.events[t], c.bases[t], c.names[t] = schemas.NewEvent(t), fields.New(t, s.labels()), fields.Names(t)
	}
	return c, nil
}

func (c *cloudRows) Next(uint64) (schemas.Event, error) {
	c.filler.Reset()
	attributes, err := c.Objects.Next()
	if err != nil {
		return nil, err
	}
	text := map[string]string{}
	for _, name := range []string{"specversion", "id", "source", "type", "time", "subject", "tenant", "product", "sampledrate"} {
		read := jsonpath.Text
		switch name {
		case "id", "source", "subject", "tenant":
			read = jsonpath.Exact
		}
		var problem string
		if text[name], problem = read(attributes[name]); problem != "" {
			return nil, c.Bad(name, name+" "+problem)
		}
	}
	for _, name := range []string{"specversion", "id", "source", "type", "time"} {
		if text[name] == "" {
			return nil, c.Bad(name, "there is no "+name+", which every event needs")
		}
	}
	if text["specversion"] != "1.0" {
		return nil, c.Bad("specversion", "specversion "+faults.Quote(text["specversion"])+" is not 1.0")
	}
	data, bad := c.data(attributes)
	if bad != nil {
		return nil, bad
	}
	word, known := cloudType(text["type"], otherType(c.settings.CloudType), data)
	if !known {
		return nil, &faults.OnceError{Kind: "type " + text["type"], UnknownType: text["type"],
			Bad: c.Bad("type", "type "+faults.Quote(text["type"])+" does not end in one of "+faults.Keys(cloudTypes)+", and the data says no usage of a call; set type to say what it is")}
	}
	t := cloudTypes[word].typ
	e := c.events[t]
	fields.Copy(e, c.bases[t])
	if me, ok := e.(*usagev1.ModelEvent); ok {
		me.Kind = cloudTypes[word].kind
	}
	if bad := c.fill(e, c.names[t], text, data); bad != nil {
		return nil, bad
	}
	if err := c.filler.Weights.Settle(e.ProtoReflect()); err != nil {
		return nil, err
	}
	return e, nil
}

// data returns the data of an event, an empty object if there is none.
func (c *cloudRows) data(attributes jsonpath.Object) (jsonpath.Object, *faults.RowError) {
	name, raw := "data", attributes["data"]
	if encoded, ok := attributes["data_base64"]; ok {
		name = "data_base64"
		text, problem := jsonpath.Text(encoded)
		if problem != "" {
			return nil, c.Bad(name, name+" "+problem)
		}
		var err error
		if raw, err = base64.StdEncoding.DecodeString(text); err != nil {
			return nil, c.Bad(name, name+" is not base64: "+err.Error())
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
		return nil, c.Bad(name, name+" is not a JSON object")
	}
	return data, nil
}

// fill sets the fields of the event, which already has its labels.
func (c *cloudRows) fill(e schemas.Event, names []string, text map[string]string, data jsonpath.Object) *faults.RowError {
	m := e.ProtoReflect()
	known := m.Descriptor().Fields()
	for _, name := range []string{fields.Source, fields.ID} { // Of the attributes too.
		if problem := fields.Set(m, known.ByTextName(name), text[name], 0); problem != "" {
			return c.Bad(name, name+" "+problem)
		}
	}
	us, problem := parseTime(text["time"])
	if problem != "" {
		return c.Bad("time", "time "+problem)
	}
	fields.SetTime(e, us)
	for _, name := range names {
		if _, isTotal := fields.TotalNamed(name); isTotal || name == fields.User || name == fields.Tenant && c.settings.Tenant != "" || name == fields.Product && c.settings.Product != "" {
			continue
		}
		if name == fields.Usage && bytes.HasPrefix(jsonpath.Unquoted(data[name]), []byte("{")) {
			continue // It is the usage object of a provider.
		}
		if problem := c.filler.From(m, name, data, name, 0); problem != "" {
			return c.Bad(name, name+" "+problem)
		}
	}
	for _, beside := range []struct{ field, attribute string }{
		{fields.Tenant, "tenant"}, {fields.Tenant, "subject"}, {fields.Product, "product"}, {fields.Weight, "sampledrate"},
	} {
		if bad := c.attribute(m, beside.field, beside.attribute, text[beside.attribute]); bad != nil {
			return bad
		}
	}
	if known.ByTextName(fields.User) != nil { // When the tenant is known, within which it is hashed.
		c.user(m, known.ByTextName(fields.User), e.GetTenant(), data)
	}
	if call, ok := e.(*usagev1.TokenCall); ok {
		if path, problem := genai.Fill(&c.filler, call, data); problem != "" {
			return c.Bad(path, path+" "+problem)
		}
	}
	if bad := c.filler.Lenient.Settle(e); bad != nil {
		return c.Bad(bad.Field, bad.Error()+remedies[bad.Field])
	}
	return nil
}

// remedies are what to do if an event lacks a field.
var remedies = map[string]string{
	fields.Tenant:  "; set tenant, or give tenant in the data or beside it, or subject",
	fields.Product: "; set product, or give product in the data or beside it",
}

// attribute sets a field from an attribute of the event if the data did not set it.
func (c *cloudRows) attribute(m protoreflect.Message, field, name, text string) *faults.RowError {
	fd := m.Descriptor().Fields().ByTextName(field)
	if fd == nil || text == "" || m.Has(fd) || c.filler.Weights.Said(fd) {
		return nil
	}
	if problem := c.filler.Lenient.Set(m, fd, text, 0); problem != "" {
		return c.Bad(name, name+" "+problem)
	}
	c.filler.Weights.Note(m, fd)
	return nil
}

// user sets the user from the data, if it is there.
func (c *cloudRows) user(m protoreflect.Message, fd protoreflect.FieldDescriptor, tenant string, data jsonpath.Object) {
	raw, _ := data.Lookup(fields.User)
	user, problem := c.users.OfData(tenant, raw)
	if problem != "" {
		text, _ := jsonpath.Text(raw)
		c.filler.Lenient.Note(fields.User, text, problem)
		return
	}
	m.Set(fd, protoreflect.ValueOfUint64(user))
}
