package formats

import (
	"errors"
	"regexp"
	"strings"

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
	events *CloudEvents
}

func (c *cloudRows) Noted() *fields.Lenient { return &c.events.filler.Lenient }

func (c *cloudRows) Notes() []string { return nil }

func (c *cloudRows) Columns() *mapping.Seen { return nil }

func readCloudEvents(l *rows.Lines, s Settings) (Rows, error) {
	return &cloudRows{Objects: rows.Objects{Lines: l}, events: NewCloudEvents(s)}, nil
}

func (c *cloudRows) Next(uint64) (schemas.Event, error) {
	c.events.filler.Reset()
	attributes, err := c.Objects.Next()
	if err != nil {
		return nil, err
	}
	e, err := c.events.Event(attributes)
	var refused *RefusedError
	if !errors.As(err, &refused) {
		return e, err
	}
	bad := c.Bad(refused.Field, refused.Error())
	if refused.UnknownType != "" {
		return nil, &faults.OnceError{Kind: "type " + refused.UnknownType, UnknownType: refused.UnknownType, Bad: bad}
	}
	return nil, bad
}
