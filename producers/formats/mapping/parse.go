package mapping

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"tidemark/producers/formats/faults"
	"tidemark/producers/formats/fields"
	"tidemark/producers/formats/rows"
	"tidemark/schemas"
)

// mappingParser reads a mapping and collects its faults.
type mappingParser struct {
	file    string
	mapping *Mapping
	columns map[string]int // The line that names a column first.
	refs    map[string]*ref
	faults  []fault
}

// fault is a fault of a mapping.
type fault struct {
	line int
	text string
}

// bad notes a fault at a line and its remedy.
func (p *mappingParser) bad(line int, problem, remedy string) {
	p.faults = append(p.faults, fault{max(line, 1), problem + "; " + remedy})
}

// err joins the faults in the order of their lines; nil if there are none.
func (p *mappingParser) err() error {
	slices.SortStableFunc(p.faults, func(a, b fault) int { return cmp.Compare(a.line, b.line) })
	errs := make([]error, len(p.faults))
	for i, f := range p.faults {
		errs[i] = fmt.Errorf("%s:%d: %s", p.file, f.line, f.text)
	}
	return errors.Join(errs...)
}

// yamlLine is how the YAML library begins a message about a line.
var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// document returns the root of the text; nil after a fault.
func (p *mappingParser) document(text []byte) *yaml.Node {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var doc, second yaml.Node
	err := decoder.Decode(&doc)
	switch {
	case errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0:
		p.bad(1, "the file is empty", "write at least source, time and fields")
		return nil
	case err != nil:
		line, message := 1, err.Error()
		if at := yamlLine.FindStringSubmatch(message); at != nil {
			_, _ = fmt.Sscan(at[1], &line) // Without a number it stays 1.
			message = message[len(at[0]):]
		}
		p.bad(line, "not YAML: "+strings.ReplaceAll(message, "\n", " "), "correct the line or the one before; indent with spaces, and quote texts that have : or #")
		return nil
	}
	if decoder.Decode(&second) == nil {
		p.bad(second.Line, "a second document begins", "keep one mapping per file")
		return nil
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		p.bad(root.Line, "the file is "+kindName(root)+" and not keys with values", "write keys such as source, time and fields")
		return nil
	}
	return root
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.ScalarNode:
		return "a text"
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "keys with values"
	case yaml.AliasNode:
		return "an alias"
	}
	return "nothing"
}

// pairs calls fn for each key of a node. Keys that occur twice, and unknown ones if known is not nil, are faults.
func (p *mappingParser) pairs(n *yaml.Node, known []string, fn func(key string, keyNode, value *yaml.Node)) {
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case seen[key.Value]:
			p.bad(key.Line, fmt.Sprintf("the key %s is there twice", faults.Quote(key.Value)), "keep one of them")
		case known != nil && !slices.Contains(known, key.Value):
			p.bad(key.Line, fmt.Sprintf("there is no key %s", faults.Quote(key.Value)), "use "+strings.Join(known, ", "))
		case value.Kind == yaml.AliasNode:
			p.bad(value.Line, "aliases are not read", "write the value out")
		default:
			fn(key.Value, key, value)
		}
		seen[key.Value] = true
	}
}

// text returns the text of a scalar that is not empty.
func (p *mappingParser) text(n *yaml.Node, what string) (string, bool) {
	if n.Kind != yaml.ScalarNode {
		p.bad(n.Line, fmt.Sprintf("%s is %s", what, kindName(n)), "write one text")
		return "", false
	}
	if n.Value == "" || n.Tag == "!!null" {
		p.bad(n.Line, what+" is empty", "write its text, or leave the key out")
		return "", false
	}
	return n.Value, true
}

var topKeys = []string{"type", "source", "where", "each", "time", "id", "repeats", "revision", "pivot", "null", "numbers", "delimiter", "fields"}

func (p *mappingParser) top(root *yaml.Node) {
	nodes := map[string]*yaml.Node{}
	keys := map[string]int{}
	p.pairs(root, topKeys, func(key string, keyNode, value *yaml.Node) { nodes[key], keys[key] = value, keyNode.Line })
	known := nodes["type"] == nil || p.eventType(nodes["type"])
	if n := nodes["source"]; n != nil {
		p.mapping.source, _ = p.text(n, "source")
	} else {
		p.bad(root.Line, "there is no source", "add source: NAME, which names the system the rows come from and is part of the identity of the events")
	}
	p.rows(nodes)
	if n := nodes["time"]; n != nil {
		p.time(n)
	} else {
		p.bad(root.Line, "there is no time", "add time: COLUMN, or time with the keys column, format and zone")
	}
	if n := nodes["id"]; n != nil {
		p.id(n)
	}
	if n := nodes["revision"]; n != nil {
		p.revision(n, nodes["id"] != nil)
	}
	if n := nodes["pivot"]; n != nil && known {
		p.pivot(n)
	}
	switch n := nodes["fields"]; {
	case n == nil:
		p.bad(root.Line, "there is no fields", "add fields with a line FIELD: COLUMN for each field of the event")
	case !known: // What a field is depends on the type.
	case n.Kind != yaml.MappingNode:
		p.bad(n.Line, "fields is "+kindName(n), "write a line FIELD: COLUMN for each field of the event")
	default:
		p.fields(n)
		p.required(keys["fields"])
	}
	if known {
		p.repeats(nodes["repeats"], nodes["id"] != nil)
	}
}

// rows reads the keys for how to read the file, and which of its rows count.
func (p *mappingParser) rows(nodes map[string]*yaml.Node) {
	if n := nodes["where"]; n != nil {
		p.mapping.where = p.condition("where", n)
	}
	if n := nodes["each"]; n != nil {
		p.each(n)
	}
	if n := nodes["null"]; n != nil {
		p.mapping.nothing = p.words("null", n)
	}
	if n := nodes["numbers"]; n != nil {
		p.mapping.numbers = p.numberForm("numbers", n)
	}
	if n := nodes["delimiter"]; n != nil {
		p.delimiter(n)
	}
}

// eventType reads the type, and reports whether there is one of that name.
func (p *mappingParser) eventType(n *yaml.Node) bool {
	name, ok := p.text(n, "type")
	if !ok {
		return false
	}
	var names []string
	for _, spec := range schemas.Specs() {
		if spec.Counted {
			names = append(names, spec.Name)
		}
	}
	spec, known := schemas.SpecByName(name)
	if !known || !spec.Counted {
		p.bad(n.Line, fmt.Sprintf("type %s is not a type of event", faults.Quote(name)), "use one of "+strings.Join(names, ", "))
		return false
	}
	p.mapping.typ = spec.Type
	return true
}

func (p *mappingParser) id(n *yaml.Node) {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	if len(items) == 0 {
		p.bad(n.Line, "id names no column", "name the columns that together are different in every row, or leave id out")
	}
	for _, item := range items {
		if item.Kind == yaml.MappingNode {
			p.mapping.id = append(p.mapping.id, p.idPart(item))
		} else if name, ok := p.text(item, "id"); ok {
			p.mapping.id = append(p.mapping.id, idPart{columns: []*ref{p.column(name, item.Line)}})
		}
	}
}

// idPart reads a part of an id that is more than a column.
func (p *mappingParser) idPart(n *yaml.Node) (part idPart) {
	p.pairs(n, []string{"column", "first", "optional"}, func(key string, _, value *yaml.Node) {
		if key != "optional" {
			part.columns = p.named("id."+key, value)
		} else if text, ok := p.text(value, "id.optional"); ok {
			part.optional = fields.Truths[text]
		}
	})
	if len(part.columns) == 0 {
		p.bad(n.Line, "id has a part without a column", "write column: COLUMN or first: [COLUMN, COLUMN], and optional: true if they may all be empty")
	}
	return part
}

// column notes that a column is named.
func (p *mappingParser) column(name string, line int) *ref {
	if _, known := p.columns[name]; !known {
		p.columns[name] = line
		p.refs[name] = &ref{name: name}
	}
	return p.refs[name]
}

// list returns the texts of a list, or the one text that is there instead.
func (p *mappingParser) list(what string, n *yaml.Node) []string {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	var texts []string
	for _, item := range items {
		if text, ok := p.text(item, what); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

// number gives the columns their places, when all are known.
func (p *mappingParser) number() {
	m := p.mapping
	for at, name := range slices.Sorted(maps.Keys(p.columns)) {
		p.refs[name].at = at
		m.columns = append(m.columns, rows.Column{Name: name, Required: true, Why: fmt.Sprintf("which %s:%d names", p.file, p.columns[name])})
	}
	for _, part := range m.id {
		for _, from := range part.columns {
			m.columns[from.at].Exact = true
		}
	}
	for i := range m.rules {
		if r := &m.rules[i]; r.name == fields.Tenant || r.name == fields.User {
			for _, from := range r.columns {
				m.columns[from.at].Exact = true
			}
		}
	}
}
