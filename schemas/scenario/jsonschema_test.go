package scenario_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"

	"tidemark/schemas/scenario"
)

const schemaFile = "scenario.schema.json"

func TestJSONSchemaIsCommitted(t *testing.T) {
	got, err := scenario.JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, schemaFile, string(got))
}

// TestJSONSchemaAgrees holds the committed schema against the parser: what the schema refuses the parser refuses too, and
// every good file passes both. The other way round the parser knows more: rules across fields.
func TestJSONSchemaAgrees(t *testing.T) {
	content, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(content, &schema); err != nil {
		t.Fatal(err)
	}
	good, err := filepath.Glob("../../producers/scenario/files/*.yaml")
	if err != nil || len(good) < 10 {
		t.Fatalf("found %d scenarios: %v", len(good), err)
	}
	refused := 0
	for _, path := range slices.Concat(good, []string{"testdata/good.yaml"}, badFiles(t)) {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var document any
		if err := yaml.Unmarshal(content, &document); err != nil {
			continue // Nothing for a schema.
		}
		faults := validate(schema, plain(document), "")
		_, parseErr := scenario.Parse(path, content)
		var bad *scenario.Error
		switch {
		case len(faults) > 0 && !errors.As(parseErr, &bad):
			t.Errorf("%s: the schema refuses it, the parser does not: %v", path, faults)
		case len(faults) > 0:
			refused++
		case parseErr == nil && len(faults) > 0:
			t.Errorf("%s: the parser accepts it, the schema does not: %v", path, faults)
		}
		if slices.Contains(good, path) && (len(faults) > 0 || parseErr != nil) {
			t.Errorf("%s: %v %v", path, faults, parseErr)
		}
	}
	if refused < 25 {
		t.Errorf("the schema refuses %d of the files with mistakes: it holds little", refused)
	}
}

// plain turns what YAML takes for times back into what is written, as JSON Schema has it.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key := range v {
			v[key] = plain(v[key])
		}
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case fmt.Stringer: // time.Time.
		return "2020-01-01"
	}
	return v
}

// validate is as much of JSON Schema as the schema uses; an unknown keyword is a fault.
func validate(schema map[string]any, v any, path string) []string {
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, path+": "+fmt.Sprintf(format, args...)) }
	if types, ok := schema["type"]; ok && !isOneOf(types, v) {
		fault("%v is not %v", v, types)
		return faults
	}
	number, isNumber := toNumber(v)
	text, isText := v.(string)
	object, _ := v.(map[string]any)
	list, _ := v.([]any)
	properties, _ := schema["properties"].(map[string]any)
	for keyword, want := range schema {
		switch keyword {
		case "$schema", "title", "description", "type", "properties":
		case "required":
			for _, name := range as[[]any](want) {
				if _, ok := object[as[string](name)]; !ok {
					fault("%v is missing", name)
				}
			}
		case "additionalProperties":
			for name, value := range object {
				inner, known := properties[name].(map[string]any)
				if !known {
					if inner, known = want.(map[string]any); !known {
						fault("%s is unknown", name)
						continue
					}
				}
				faults = append(faults, validate(inner, value, path+"."+name)...)
			}
		case "propertyNames":
			for name := range object {
				faults = append(faults, validate(as[map[string]any](want), name, path+"."+name)...)
			}
		case "items":
			for i, item := range list {
				faults = append(faults, validate(as[map[string]any](want), item, fmt.Sprintf("%s[%d]", path, i))...)
			}
		case "minItems":
			if len(list) < int(as[float64](want)) {
				fault("has %d items", len(list))
			}
		case "minProperties":
			if len(object) < int(as[float64](want)) {
				fault("has %d properties", len(object))
			}
		case "minimum":
			if isNumber && number < as[float64](want) {
				fault("%v is too small", v)
			}
		case "exclusiveMinimum":
			if isNumber && number <= as[float64](want) {
				fault("%v is too small", v)
			}
		case "maximum":
			if isNumber && number > as[float64](want) {
				fault("%v is too large", v)
			}
		case "pattern":
			if isText && !regexp.MustCompile(as[string](want)).MatchString(text) {
				fault("%q does not match", text)
			}
		case "enum":
			if !slices.ContainsFunc(as[[]any](want), func(x any) bool { return reflect.DeepEqual(x, v) }) {
				fault("%v is not one of %v", v, want)
			}
		default:
			fault("unknown keyword %s", keyword)
		}
	}
	return faults
}

// as returns v as a T, or the zero T if it is none.
func as[T any](v any) T {
	t, _ := v.(T)
	return t
}

func toNumber(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

func isOneOf(types, v any) bool {
	if list, ok := types.([]any); ok {
		return slices.ContainsFunc(list, func(t any) bool { return isOneOf(t, v) })
	}
	switch types {
	case "object":
		_, ok := v.(map[string]any)
		return ok
	case "array":
		_, ok := v.([]any)
		return ok
	case "string":
		_, ok := v.(string)
		return ok
	case "boolean":
		_, ok := v.(bool)
		return ok
	case "integer":
		x, ok := toNumber(v)
		return ok && x == math.Trunc(x)
	case "number":
		_, ok := toNumber(v)
		return ok
	}
	return false
}
