package mapping

import (
	"strings"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// pivot is a column whose text decides which field the number of another column sets.
type pivot struct {
	column *ref
	fields map[string][]rule // By the text of the column; none for one that is left out.
}

var pivotKeys = []string{"column", "value", "fields"}

// ignored is the word for a kind of row that sets nothing.
const ignored = "ignore"

// pivot reads the key pivot.
func (p *mappingParser) pivot(n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		p.bad(n.Line, "pivot is "+kindName(n), "write the keys "+strings.Join(pivotKeys, ", "))
		return
	}
	v := &pivot{fields: map[string][]rule{}}
	var value, fields *yaml.Node
	p.pairs(n, pivotKeys, func(key string, _, node *yaml.Node) {
		switch key {
		case "column":
			if text, ok := p.text(node, "pivot.column"); ok {
				v.column = p.column(text, node.Line)
			}
		case "value":
			value = node
		case "fields":
			fields = node
		}
	})
	if v.column == nil || value == nil || fields == nil || fields.Kind != yaml.MappingNode {
		p.bad(n.Line, "pivot is not whole", "write column: the column that says what a row counts, value: the column of the number, fields: a line TEXT: FIELD for each text of the first")
		return
	}
	p.pairs(fields, nil, func(key string, keyNode, node *yaml.Node) {
		v.fields[key] = nil
		for _, name := range p.list("pivot.fields."+key, node) {
			if name == ignored {
				continue
			}
			fd := p.fieldFor(name, node.Line)
			switch {
			case fd == nil:
			case fd.Kind() != protoreflect.Uint64Kind && fd.Kind() != protoreflect.Sfixed64Kind:
				p.bad(node.Line, "pivot.fields."+key+" is "+name+", which is no quantity", "use a class of tokens, requests, weight or reported_cost_nanos")
			default:
				p.mapping.lines[name] = keyNode.Line
				r := p.rule("pivot.value", name, fd, value)
				v.fields[key] = append(v.fields[key], r)
			}
		}
	})
	p.mapping.pivot = v
}
