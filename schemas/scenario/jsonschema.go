package scenario

import (
	"encoding/json"
	"fmt"
)

// JSONSchema returns the JSON Schema of the file format, for editors: what the shapes say. The rules across fields are in
// Parse alone.
func JSONSchema() ([]byte, error) {
	root := document.schema()
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "Tidemark scenario"
	out, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the schema: %w", err)
	}
	return append(out, '\n'), nil
}

func (s *shape) schema() map[string]any {
	switch s.kind {
	case kindObject:
		properties, required := map[string]any{}, []string{}
		for _, f := range s.fields {
			p := f.shape.schema()
			p["description"] = f.doc
			properties[f.name] = p
			if f.required {
				required = append(required, f.name)
			}
		}
		return map[string]any{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
	case kindMap:
		return map[string]any{
			"type": "object", "propertyNames": map[string]any{"pattern": s.key.String()},
			"additionalProperties": s.item.schema(), "minProperties": s.least,
		}
	case kindList:
		return map[string]any{"type": "array", "items": s.item.schema(), "minItems": s.least}
	case kindNumber, kindInteger:
		out := map[string]any{"type": "number", "minimum": s.low, "maximum": s.high}
		if s.kind == kindInteger {
			out["type"] = "integer"
		}
		if s.aboveLow {
			delete(out, "minimum")
			out["exclusiveMinimum"] = s.low
		}
		return out
	case kindDate: // A year alone is a number to YAML.
		return map[string]any{
			"type": []string{"string", "integer"}, "pattern": `^\d{4}(-\d{2}(-\d{2}(T\d{2}:\d{2})?)?)?$`,
			"minimum": minYear, "maximum": maxYear,
		}
	case kindBool:
		return map[string]any{"type": "boolean"}
	}
	if s.choices != nil {
		return map[string]any{"type": "string", "enum": s.choices}
	}
	return map[string]any{"type": []string{"string", "number", "boolean"}, "pattern": s.pattern.String()}
}
