package replay

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// CloudEvents 1.0 in the JSON format (github.com/cloudevents/spec, formats/json-format.md), or its batches. Source, id
// and time are the event's own; its data has the fields of our types under their names, or those of a model call under
// the names of OpenTelemetry's GenAI conventions (semantic-conventions-genai, client inference) or in the usage object of
// a provider, see usageShapes.

// alias is another name under which the data of a token call may have a field, in another unit maybe.
type alias struct {
	field, path string
	shift       int
}

// aliases are looked up in this order, after the field's own name; the first that is there counts. OpenTelemetry's names
// changed over time, so that several generations are found: cache_write was cache_creation, provider.name was system,
// input and output_tokens were prompt and completion_tokens. All its input includes what a cache gave or took, all its
// output the reasoning.
var aliases = []alias{
	{"model", "model_served", 0},
	{"model", "gen_ai.response.model", 0},
	{"model", "requested_model", 0},
	{"model", "model_requested", 0},
	{"model", "gen_ai.request.model", 0},
	{"model", "response.model", 0},
	{"model", "message.model", 0},
	{"model", "modelId", 0},
	{"model", "modelVersion", 0},
	{"model", "response.modelVersion", 0},
	{"requested_model", "model_requested", 0},
	{"requested_model", "gen_ai.request.model", 0},
	{"provider", "gen_ai.provider.name", 0},
	{"provider", "gen_ai.system", 0},
	{"provider", "custom_llm_provider", 0},
	{"operation", "gen_ai.operation.name", 0},
	{"streaming", "stream", 0},
	{"streaming", "gen_ai.request.stream", 0},
	{"error_type", "error.type", 0},
	{"input_uncached", "tokens.input_uncached", 0},
	{"input_cache_read", "tokens.input_cache_read", 0},
	{"input_cache_read", "gen_ai.usage.cache_read.input_tokens", 0},
	{"input_cache_read", "gen_ai.usage.cache_read_input_tokens", 0},
	{"input_cache_write", "tokens.input_cache_write", 0},
	{"input_cache_write", "gen_ai.usage.cache_write.input_tokens", 0},
	{"input_cache_write", "gen_ai.usage.cache_creation.input_tokens", 0},
	{"input_cache_write", "gen_ai.usage.cache_creation_input_tokens", 0},
	{"output_visible", "tokens.output_visible", 0},
	{"output_reasoning", "tokens.output_reasoning", 0},
	{"output_reasoning", "gen_ai.usage.reasoning.output_tokens", 0},
	{"output_reasoning", "gen_ai.usage.reasoning_tokens", 0},
	{"latency_us", "duration_ms", 3},
	{"first_token_us", "ttft_ms", 3},
	{"first_token_us", "gen_ai.response.time_to_first_chunk", 6},
	{fieldCost, "cost_reported", nanoDigits},
	{fieldCurrency, "currency", 0},
}

// nanoDigits are the digits from a unit of money to what a cost is counted in.
const nanoDigits = 9

// dollars are names of costs that are in US dollars where no currency is beside them, by the digits to nanos. The ticks of xAI
// are a tenth of them.
var dollars = []alias{
	{fieldCost, "response_cost", nanoDigits},
	{fieldCost, "cost_usd", nanoDigits},
	{fieldCost, "usage.cost", nanoDigits},
	{fieldCost, "cost_breakdown.total_cost", nanoDigits},
	{fieldCost, "costDetails.total", nanoDigits},
	{fieldCost, "cost_details.total", nanoDigits},
	{fieldCost, "total_cost", nanoDigits},
	{fieldCost, "usage.cost_in_usd_ticks", -1},
	{fieldCost, "cost", nanoDigits},
}

// totalPaths are the names of the totals, in the order of totals and in that in which they are looked up.
var totalPaths = [][]string{
	{"input_total", "input_tokens", "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"},
	{"output_total", "output_tokens", "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"},
}

// cloudTypes are the last words of CloudEvents types and what they mean; kind is that of a model event.
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
// "org.example.ai.token_calls.v1". A type that says nothing is the other one, if that is given, or a token call if the data
// says the usage of one.
func cloudType(name, other string, data object) (string, bool) {
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
	return "token_call", saysGenAI(data) || saysUsage(data)
}

// saysGenAI reports whether the data has names of OpenTelemetry's conventions.
func saysGenAI(data object) bool {
	for key := range data {
		if strings.HasPrefix(key, "gen_ai.") || key == "gen_ai" {
			return true
		}
	}
	return false
}

// otherType returns the key of cloudTypes that is the type of that name; empty if there is none.
func otherType(name string) string {
	for key, of := range cloudTypes {
		if of.typ.String() == name && of.kind == 0 {
			return key
		}
	}
	return ""
}

// cloudErrors returns what is wrong with the options about CloudEvents.
func (o Options) cloudErrors() error {
	switch {
	case o.CloudType == "":
		return nil
	case o.Format != "cloudevents":
		return errors.New("--type: only for topic:NAME and cloudevents")
	case otherType(o.CloudType) == "":
		return fmt.Errorf("--type: %q is not a type of event such as token_calls", o.CloudType)
	}
	return nil
}

// cloudRows gives the events of a file of CloudEvents.
type cloudRows struct {
	objects
	options Options
	events  [schemas.RunType]schemas.Event // The memory of one event a type.
	bases   [schemas.RunType]schemas.Event
	names   [schemas.RunType][]string // Of the fields.
	users   userHash
	weights weights
}

func readCloudEvents(l *lines, o Options) (rows, error) {
	c := &cloudRows{objects: objects{lines: l}, options: o, users: o.hash()}
	for t := range schemas.RunType {
		c.events[t], c.bases[t], c.names[t] = schemas.NewEvent(t), base(t, o), fieldNames(t)
	}
	return c, nil
}

func (c *cloudRows) next(uint64) (schemas.Event, error) {
	attributes, err := c.objects.next()
	if err != nil {
		return nil, err
	}
	text := map[string]string{}
	for _, name := range []string{"specversion", "id", "source", "type", "time", "subject", "tenant", "product", "sampledrate"} {
		read := plain
		switch name {
		case "id", "source", "subject", "tenant":
			read = exact
		}
		var problem string
		if text[name], problem = read(attributes[name]); problem != "" {
			return nil, c.bad(name, name+" "+problem)
		}
	}
	for _, name := range []string{"specversion", "id", "source", "type", "time"} {
		if text[name] == "" {
			return nil, c.bad(name, "there is no "+name+", which every event needs")
		}
	}
	if text["specversion"] != "1.0" {
		return nil, c.bad("specversion", "specversion "+quote(text["specversion"])+" is not 1.0")
	}
	data, bad := c.data(attributes)
	if bad != nil {
		return nil, bad
	}
	word, known := cloudType(text["type"], otherType(c.options.CloudType), data)
	if !known {
		return nil, &onceError{kind: "type " + text["type"], unknownType: text["type"],
			bad: c.bad("type", "type "+quote(text["type"])+" does not end in one of "+listed(cloudTypes)+", and the data says no usage of a call; --type says what it is")}
	}
	t := cloudTypes[word].typ
	e := c.events[t]
	copyInto(e, c.bases[t])
	c.weights = weights{}
	if me, ok := e.(*usagev1.ModelEvent); ok {
		me.Kind = cloudTypes[word].kind
	}
	if bad := c.fill(e, c.names[t], text, data); bad != nil {
		return nil, bad
	}
	if err := c.weights.settle(e.ProtoReflect()); err != nil {
		return nil, err
	}
	return e, nil
}

// data returns the data of an event, an empty object if there is none.
func (c *cloudRows) data(attributes object) (object, *rowError) {
	name, raw := "data", attributes["data"]
	if encoded, ok := attributes["data_base64"]; ok {
		name = "data_base64"
		text, problem := plain(encoded)
		if problem != "" {
			return nil, c.bad(name, name+" "+problem)
		}
		var err error
		if raw, err = base64.StdEncoding.DecodeString(text); err != nil {
			return nil, c.bad(name, name+" is not base64: "+err.Error())
		}
	}
	if len(raw) == 0 || string(raw) == "null" {
		return object{}, nil
	}
	if isText(raw) { // The object as a text.
		text, _ := plain(raw)
		raw = json.RawMessage(text)
	}
	var data object
	if err := json.Unmarshal(raw, &data); err != nil || data == nil {
		return nil, c.bad(name, name+" is not a JSON object")
	}
	return data, nil
}

// fill sets the fields of the event, which has its labels already.
func (c *cloudRows) fill(e schemas.Event, names []string, text map[string]string, data object) *rowError {
	m := e.ProtoReflect()
	fields := m.Descriptor().Fields()
	for _, name := range []string{fieldSource, fieldID} { // Of the attributes too.
		if problem := setField(m, fields.ByTextName(name), text[name], 0); problem != "" {
			return c.bad(name, name+" "+problem)
		}
	}
	us, problem := parseTime(text["time"])
	if problem != "" {
		return c.bad("time", "time "+problem)
	}
	setTime(e, us)
	for _, name := range names {
		if _, isTotal := totalNamed(name); isTotal || name == fieldUser || name == fieldTenant && c.options.Tenant != "" || name == fieldProduct && c.options.Product != "" {
			continue
		}
		if bad := c.field(m, name, data, name, 0); bad != nil {
			return bad
		}
	}
	for _, beside := range []struct{ field, attribute string }{
		{fieldTenant, "tenant"}, {fieldTenant, "subject"}, {fieldProduct, "product"}, {fieldWeight, "sampledrate"},
	} {
		if bad := c.attribute(m, beside.field, beside.attribute, text[beside.attribute]); bad != nil {
			return bad
		}
	}
	if fields.ByTextName(fieldUser) != nil { // When the tenant is known, within which it is hashed.
		c.user(m, fields.ByTextName(fieldUser), e.GetTenant(), data)
	}
	if call, ok := e.(*usagev1.TokenCall); ok {
		if bad := c.call(call, data); bad != nil {
			return bad
		}
	}
	if bad := c.lines.lenient.settle(e); bad != nil {
		return c.bad(bad.Field, bad.Error()+remedies[bad.Field])
	}
	return nil
}

// remedies say what to do about fields that an event may lack.
var remedies = map[string]string{
	fieldTenant:  "; give --tenant, or tenant in the data or beside it, or subject",
	fieldProduct: "; give --product, or product in the data or beside it",
}

// attribute sets a field that the data does not have from an attribute of the event.
func (c *cloudRows) attribute(m protoreflect.Message, field, name, text string) *rowError {
	fd := m.Descriptor().Fields().ByTextName(field)
	if fd == nil || text == "" || m.Has(fd) || c.weights.said(fd) {
		return nil
	}
	if problem := c.lines.lenient.set(m, fd, text, 0); problem != "" {
		return c.bad(name, name+" "+problem)
	}
	c.weights.note(m, fd)
	return nil
}

// field sets a field from the value at a path of the data, if there is one and the field is not set.
func (c *cloudRows) field(m protoreflect.Message, name string, data object, path string, shift int) *rowError {
	fd := m.Descriptor().Fields().ByTextName(name)
	if m.Has(fd) {
		return nil
	}
	raw, ok := data.lookup(path)
	if !ok {
		return nil
	}
	read := plain
	if name == fieldTenant {
		read = exact
	}
	text, problem := read(raw)
	switch {
	case problem != "" && !refuses(fd):
		c.lines.lenient.note(name, "", problem)
		return nil
	case problem != "":
	case text == "":
		return nil
	default:
		problem = c.lines.lenient.set(m, fd, text, shift)
		c.weights.note(m, fd)
	}
	if problem != "" {
		return c.bad(path, path+" "+problem)
	}
	return nil
}

// user sets the user from the data, if it is there.
func (c *cloudRows) user(m protoreflect.Message, fd protoreflect.FieldDescriptor, tenant string, data object) {
	raw, _ := data.lookup(fieldUser)
	user, problem := c.users.ofData(tenant, raw)
	if problem != "" {
		text, _ := plain(raw)
		c.lines.lenient.note(fieldUser, text, problem)
		return
	}
	m.Set(fd, protoreflect.ValueOfUint64(user))
}
