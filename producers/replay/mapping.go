package replay

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // A mapping means the same on a machine without time zones.

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/reflect/protoreflect"

	"tidemark/schemas"
)

// Mapping says which columns of a CSV or JSON lines file give which fields of an event.
type Mapping struct {
	file   string // As given, for messages.
	typ    schemas.Type
	source string
	time   timeRule
	id     []int // Columns; none if the row's place and content are the id.
	rules  []rule
	// revision says which row of an id is the newest; not used without an id.
	revision revisionRule
	lines    map[string]int // Of the keys of fields.
	// columns are those the mapping names, in the order of their names.
	columns []column
}

// rule says how one field is set.
type rule struct {
	name     string // Of the field, or of a total.
	field    protoreflect.FieldDescriptor
	column   int // -1: constant.
	constant string
	shift    int               // Digits from the unit to the field's.
	values   map[string]string // What texts of the column mean; nil for themselves.
	fallback string            // For a text that is empty or not in values; empty if there is none.
}

// maxMapping bounds a mapping file, in bytes.
const maxMapping = 1 << 20

// ReadMapping reads a mapping file. The error joins one for each thing that is wrong, each of the form
// file:line: problem; remedy.
func ReadMapping(name string) (*Mapping, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxMapping+1))
	if err != nil {
		return nil, fmt.Errorf("read the mapping: %w", err)
	}
	return parseMapping(name, text)
}

// parseMapping reads the text of a mapping.
func parseMapping(name string, text []byte) (*Mapping, error) {
	p := &mappingParser{file: name, mapping: &Mapping{file: name, typ: schemas.TokenCallType, lines: map[string]int{}}, columns: map[string]int{}}
	if len(text) > maxMapping {
		return nil, fmt.Errorf("%s:1: the file has more than %d bytes; a mapping is short: is this the data?", name, maxMapping)
	}
	root := p.document(text)
	if root != nil {
		p.top(root)
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	p.number()
	return p.mapping, nil
}

// mappingParser gathers what is wrong with a mapping.
type mappingParser struct {
	file    string
	mapping *Mapping
	columns map[string]int // The line that names a column first.
	idNames []string
	timeCol string
	revCol  string
	names   []string // Of the columns, by rule.
	faults  []fault
}

// fault is one thing that is wrong with a mapping.
type fault struct {
	line int
	text string
}

// bad notes a problem at a line and what to do about it.
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

// document returns the mapping node that the text is; nil after an error.
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
		p.bad(second.Line, "a second document begins", "keep one mapping a file")
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

// pairs calls fn for each key of a mapping node, and notes keys that are there twice or not among the known ones.
func (p *mappingParser) pairs(n *yaml.Node, known []string, fn func(key string, keyNode, value *yaml.Node)) {
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case seen[key.Value]:
			p.bad(key.Line, fmt.Sprintf("the key %s is there twice", quote(key.Value)), "keep one of them")
		case known != nil && !slices.Contains(known, key.Value):
			p.bad(key.Line, fmt.Sprintf("there is no key %s", quote(key.Value)), "use "+strings.Join(known, ", "))
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

var topKeys = []string{"type", "source", "time", "id", "revision", "fields"}

func (p *mappingParser) top(root *yaml.Node) {
	nodes := map[string]*yaml.Node{}
	keys := map[string]int{}
	p.pairs(root, topKeys, func(key string, keyNode, value *yaml.Node) { nodes[key], keys[key] = value, keyNode.Line })
	known := nodes["type"] == nil || p.eventType(nodes["type"])
	if n := nodes["source"]; n != nil {
		p.mapping.source, _ = p.text(n, "source")
	} else {
		p.bad(root.Line, "there is no source", "add source: NAME, which names the system the rows come from and is part of the events' identity for ever")
	}
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
}

// eventType reads the type, and reports whether there is one of that name.
func (p *mappingParser) eventType(n *yaml.Node) bool {
	name, ok := p.text(n, "type")
	if !ok {
		return false
	}
	var names []string
	for _, spec := range schemas.Specs() {
		if spec.Type != schemas.RunType {
			names = append(names, spec.Name)
		}
	}
	spec, known := schemas.SpecByName(name)
	if !known || spec.Type == schemas.RunType {
		p.bad(n.Line, fmt.Sprintf("type %s is not a type of event", quote(name)), "use one of "+strings.Join(names, ", "))
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
		if name, ok := p.text(item, "id"); ok {
			p.column(name, item.Line)
			p.idNames = append(p.idNames, name)
		}
	}
}

// column notes that a column is named.
func (p *mappingParser) column(name string, line int) {
	if _, known := p.columns[name]; !known {
		p.columns[name] = line
	}
}

// number gives the columns their places, when all are known.
func (p *mappingParser) number() {
	names := make([]string, 0, len(p.columns))
	for name := range p.columns {
		names = append(names, name)
	}
	slices.Sort(names)
	m := p.mapping
	for _, name := range names {
		m.columns = append(m.columns, column{name: name, required: true, why: fmt.Sprintf("which %s:%d names", p.file, p.columns[name])})
	}
	place := func(name string) int { return slices.Index(names, name) }
	m.time.column = place(p.timeCol)
	m.revision.column = place(p.revCol)
	for _, name := range p.idNames {
		m.id = append(m.id, place(name))
		m.columns[place(name)].exact = true
	}
	for i := range m.rules {
		m.rules[i].column = place(p.names[i])
		if at := m.rules[i].column; at >= 0 && (m.rules[i].name == fieldTenant || m.rules[i].name == fieldUser) {
			m.columns[at].exact = true
		}
	}
}

// lacks reports whether the mapping leaves a field to the options.
func (m *Mapping) lacks(field string) bool {
	_, has := m.lines[field]
	return !has && fieldNamed(m.typ, field) != nil
}

// timeRule says how the time is written.
type timeRule struct {
	column   int
	digits   int // From the unit of a number to microseconds; negative the other way.
	number   bool
	relative bool
	layout   string // As package time has it; empty for a number and for the usual forms.
	zone     *time.Location
}

// timeFormats are the names of the ways to write a time.
var timeFormats = map[string]timeRule{
	"datetime":    {},
	"unix_s":      {number: true, digits: 6},
	"unix_ms":     {number: true, digits: 3},
	"unix_us":     {number: true},
	"unix_ns":     {number: true, digits: -3},
	"relative_s":  {number: true, digits: 6, relative: true},
	"relative_ms": {number: true, digits: 3, relative: true},
	"relative_us": {number: true, relative: true},
}

func (p *mappingParser) time(n *yaml.Node) {
	rule := timeRule{zone: time.UTC}
	if n.Kind != yaml.MappingNode {
		if name, ok := p.text(n, "time"); ok {
			p.column(name, n.Line)
			p.timeCol = name
		}
		p.mapping.time = rule
		return
	}
	zoneLine := 0
	p.pairs(n, []string{"column", "format", "zone"}, func(key string, _, value *yaml.Node) {
		text, ok := p.text(value, "time."+key)
		if !ok {
			return
		}
		switch key {
		case "column":
			p.column(text, value.Line)
			p.timeCol = text
		case "format":
			rule = p.timeFormat(text, value.Line, rule.zone)
		case "zone":
			if zone := p.zone("time.zone", text, value.Line); zone != nil {
				zoneLine, rule.zone = value.Line, zone
			}
		}
	})
	if p.timeCol == "" {
		p.bad(n.Line, "time has no column", "add column: COLUMN under time")
	}
	if zoneLine > 0 && rule.number {
		p.bad(zoneLine, "time.zone has no use for a number", "leave zone out: seconds since 1970 are the same everywhere")
	}
	p.mapping.time = rule
}

// zone returns the time zone of that name; nil if there is none.
func (p *mappingParser) zone(what, name string, line int) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		p.bad(line, fmt.Sprintf("%s %s is not known", what, quote(name)), "use UTC or a name like Europe/Berlin")
		return nil
	}
	return zone
}

func (p *mappingParser) timeFormat(text string, line int, zone *time.Location) timeRule {
	rule, known := timeFormats[text]
	if !known {
		if !strings.Contains(text, "2006") && !strings.Contains(text, "06") || !strings.Contains(text, "02") && !strings.Contains(text, "_2") {
			p.bad(line, fmt.Sprintf("time.format %s is not known", quote(text)),
				"use one of "+listed(timeFormats)+", or write the moment 2006-01-02 15:04:05 the way your file would")
		}
		rule.layout = text
	}
	rule.zone = zone
	return rule
}
