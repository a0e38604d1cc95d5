package prices

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"

	"tidemark/schemas"
)

// yamlToJSON returns a YAML document as JSON. Numbers stay as they are written; a number that JSON cannot write is an error, and so is a reference to
// another part of the document.
func yamlToJSON(content []byte) ([]byte, error) {
	var document yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(content)).Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the file is empty")
		}
		return nil, fmt.Errorf("read the table as YAML: %w", err)
	}
	var out bytes.Buffer
	if err := writeJSON(&out, document.Content[0]); err != nil {
		return nil, fmt.Errorf("read the table as YAML: %w", err)
	}
	return out.Bytes(), nil
}

func writeJSON(out *bytes.Buffer, node *yaml.Node) error {
	switch node.Kind {
	case yaml.MappingNode:
		return writeMembers(out, node)
	case yaml.SequenceNode:
		out.WriteByte('[')
		for i, item := range node.Content {
			if i > 0 {
				out.WriteByte(',')
			}
			if err := writeJSON(out, item); err != nil {
				return err
			}
		}
		out.WriteByte(']')
		return nil
	case yaml.ScalarNode:
		return writeScalar(out, node)
	}
	return fmt.Errorf("line %d: a reference to another part of the file is not read", node.Line)
}

func writeMembers(out *bytes.Buffer, node *yaml.Node) error {
	out.WriteByte('{')
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
			return fmt.Errorf("line %d: a name is a text", key.Line)
		}
		if i > 0 {
			out.WriteByte(',')
		}
		text, err := json.Marshal(key.Value)
		if err != nil {
			return err
		}
		out.Write(text)
		out.WriteByte(':')
		if err := writeJSON(out, node.Content[i+1]); err != nil {
			return err
		}
	}
	out.WriteByte('}')
	return nil
}

func writeScalar(out *bytes.Buffer, node *yaml.Node) error {
	var value any = node.Value
	switch node.Tag {
	case "!!null":
		value = nil
	case "!!bool":
		var yes bool
		if err := node.Decode(&yes); err != nil {
			return fmt.Errorf("line %d: %w", node.Line, err)
		}
		value = yes
	case "!!int", "!!float":
		value = json.Number(node.Value)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("line %d: %s is not a decimal number", node.Line, schemas.Excerpt(node.Value))
	}
	out.Write(text)
	return nil
}
