package mapping

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/reflect/protoreflect"

	"tidemark/producers/formats/faults"
	"tidemark/producers/formats/fields"
	"tidemark/producers/formats/numbers"
	"tidemark/schemas"
)

// rule is how one field is set.
type rule struct {
	name  string // Of the field, or of a total.
	field protoreflect.FieldDescriptor
	// columns are where the text comes from, see origin; none for a constant.
	columns  []*ref
	minus    []*ref // Of a sum: what is taken off.
	origin   origin
	constant string
	time     timeRule          // Of a span.
	shift    int               // Digits from the unit to the field's.
	unit     *ref              // The column that says the unit, by units; nil if it is always the same.
	units    map[string]int    // Shifts by the text of the column.
	values   map[string]string // What texts of the column mean; nil for themselves.
	fallback string            // For a text that is empty or not in values; empty if there is none.
	where    condition
	numbers  *numbers.Form
	optional bool // It does not matter if no row has the column.
}

// origin is how a rule makes one value of its columns.
type origin uint8

// The origins of a value.
const (
	fromConstant origin = iota
	fromFirst           // The first column that is not empty.
	fromSum             // The sum of the columns that are not empty, less those of minus.
	fromSpan            // The time from the first column to the second.
)

var fieldKeys = []string{"column", "constant", "first", "sum", "minus", "from", "to", "format", "zone", "unit", "values", "default", "where", "numbers", "optional"}

// fields reads the rules of the fields.
func (p *mappingParser) fields(n *yaml.Node) {
	p.pairs(n, nil, func(key string, keyNode, value *yaml.Node) {
		fd := p.fieldFor(key, keyNode.Line)
		if fd == nil {
			return
		}
		if p.mapping.lines[key] > 0 {
			p.bad(keyNode.Line, key+" is set by pivot, too", "keep one of them")
		}
		p.mapping.lines[key] = keyNode.Line
		p.mapping.rules = append(p.mapping.rules, p.rule("fields."+key, key, fd, value))
	})
	for _, of := range fields.Totals {
		if line, has := p.mapping.lines[of.Name]; has && p.mapping.lines[of.Part] > 0 {
			p.bad(line, fmt.Sprintf("%s and %s are both mapped", of.Name, of.Part), "keep "+of.Name+" if the column includes "+strings.Join(of.Others, ", ")+", else keep "+of.Part)
		}
	}
}

// fieldFor returns the field with the name; nil, which is a fault, if rows cannot set such a field.
func (p *mappingParser) fieldFor(name string, line int) protoreflect.FieldDescriptor {
	fd := fields.Named(p.mapping.typ, name)
	switch {
	case slices.Contains([]string{fields.Source, fields.ID, fields.Time, "time", fields.Revision}, name):
		p.bad(line, fmt.Sprintf("%s is not set under fields", name), "move it to the top: "+strings.TrimSuffix(name, "_us")+": ...")
		return nil
	case fd == nil && name == fields.Run:
		p.bad(line, "run is the label of a replay and not of a row", "leave it out and set run")
	case fd == nil:
		p.bad(line, fmt.Sprintf("%s have no field %s", p.mapping.typ, faults.Quote(name)), "use one of "+strings.Join(slices.DeleteFunc(fields.Names(p.mapping.typ), func(name string) bool { return name == fields.Revision }), ", "))
	}
	return fd
}

// rule reads the rule of one field.
func (p *mappingParser) rule(what, name string, fd protoreflect.FieldDescriptor, n *yaml.Node) rule {
	r := rule{name: name, field: fd, numbers: p.mapping.numbers}
	if n.Kind != yaml.MappingNode {
		if column, ok := p.text(n, what); ok {
			r.columns, r.origin = []*ref{p.column(column, n.Line)}, fromFirst
		}
		return r
	}
	lines := map[string]int{}
	p.pairs(n, fieldKeys, func(key string, _, value *yaml.Node) {
		lines[key] = value.Line
		p.ruleKey(&r, what, key, value)
	})
	if lines["from"] > 0 || lines["to"] > 0 || lines["format"] > 0 || lines["zone"] > 0 {
		p.span(&r, what, n)
	}
	p.ruleFaults(&r, what, n.Line, lines)
	p.check(what+".constant", fd, r.constant, r.shift, lines["constant"])
	p.checkWeight(what+".constant", fd, r.constant, lines["constant"])
	p.check(what+".default", fd, r.fallback, r.shift, lines["default"])
	return r
}

// ruleKey reads one key of a rule.
func (p *mappingParser) ruleKey(r *rule, what, key string, n *yaml.Node) {
	what += "." + key
	switch key {
	case "column", "first", "sum":
		r.columns, r.origin = p.named(what, n), fromFirst
		if key == "sum" {
			r.origin = fromSum
		}
		if n.Kind == yaml.SequenceNode && key == "column" {
			p.bad(n.Line, what+" is a list", "write first: for the first that is not empty, sum: for all of them together")
		}
	case "minus":
		r.minus = p.named(what, n)
	case "from", "to", "format", "zone": // See span.
	case "unit":
		p.unit(r, what, n)
	case "values":
		r.values = p.values(strings.TrimSuffix(what, ".values"), r.field, n)
	case "where":
		r.where = p.condition(what, n)
	case "numbers":
		r.numbers = p.numberForm(what, n)
	default:
		text, ok := p.text(n, what)
		switch {
		case !ok:
		case key == "constant":
			r.constant = text
		case key == "default":
			r.fallback = text
		default:
			r.optional = fields.Truths[text]
		}
	}
}

// named returns the columns that a node names.
func (p *mappingParser) named(what string, n *yaml.Node) []*ref {
	var columns []*ref
	for _, name := range p.list(what, n) {
		columns = append(columns, p.column(name, n.Line))
	}
	return columns
}

// span reads the columns of the two times whose difference is a duration.
func (p *mappingParser) span(r *rule, what string, n *yaml.Node) {
	var ends [2]*ref
	for i := 0; i+1 < len(n.Content); i += 2 {
		value := n.Content[i+1]
		for end, key := range []string{"from", "to"} {
			if n.Content[i].Value != key {
				continue
			}
			if text, ok := p.text(value, what+"."+key); ok {
				ends[end] = p.column(text, value.Line)
			}
		}
	}
	switch {
	case ends[0] == nil || ends[1] == nil:
		p.bad(n.Line, what+" has no from and to", "name the columns of both times; format and zone say how they are written")
	case !strings.HasSuffix(r.field.TextName(), "_us"):
		p.bad(n.Line, what+" is no duration", "use column: COLUMN")
	}
	r.columns, r.origin = ends[:], fromSpan
	r.time = p.timeForm(what, n)
}

// ruleFaults notes keys of a rule that do not fit together.
func (p *mappingParser) ruleFaults(r *rule, what string, line int, lines map[string]int) {
	origins := 0
	for _, key := range []string{"column", "first", "sum", "from"} {
		if lines[key] > 0 {
			origins++
		}
	}
	switch {
	case origins > 0 && lines["constant"] > 0:
		p.bad(lines["constant"], what+" has a column and a constant", "keep one of them; default is for rows in which the column is empty")
	case origins > 1:
		p.bad(line, what+" has several of column, first, sum and from", "keep one of them")
	case origins == 0 && lines["constant"] == 0:
		p.bad(line, what+" has neither a column nor a constant", "add column: COLUMN or constant: TEXT")
	case lines["constant"] > 0 && (lines["values"] > 0 || lines["default"] > 0):
		p.bad(lines["constant"], what+" is constant, and values and default are for columns", "leave them out")
	case len(r.minus) > 0 && r.origin != fromSum:
		p.bad(lines["minus"], what+" has minus without sum", "write sum: [COLUMN], minus: [COLUMN]")
	case r.origin == fromSum && (fields.Units(r.field) == nil || r.values != nil):
		p.bad(lines["sum"], what+" is no quantity that adds up", "use column: COLUMN, or first: for the first column that is not empty; leave values out of a sum")
	}
}

// unit reads the unit of a rule, or the column that has the unit.
func (p *mappingParser) unit(r *rule, what string, n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		if text, ok := p.text(n, what); ok {
			r.shift = p.digits(what, r.field, text, n.Line)
		}
		return
	}
	r.units = map[string]int{}
	p.pairs(n, []string{"column", "values"}, func(key string, _, value *yaml.Node) {
		if key == "column" {
			if text, ok := p.text(value, what+".column"); ok {
				r.unit = p.column(text, value.Line)
			}
			return
		}
		p.pairs(value, nil, func(key string, _, unit *yaml.Node) {
			if text, ok := p.text(unit, what+".values."+key); ok {
				r.units[key] = p.digits(what, r.field, text, unit.Line)
			}
		})
	})
	if r.unit == nil || len(r.units) == 0 {
		p.bad(n.Line, what+" is not whole", "write a unit, or column: the column that says it, and values: a line TEXT: UNIT for each text there")
	}
}

// digits returns the digits from a unit to that of the field.
func (p *mappingParser) digits(what string, fd protoreflect.FieldDescriptor, text string, line int) int {
	units := fields.Units(fd)
	shift, known := units[text]
	switch {
	case units == nil:
		p.bad(line, strings.TrimSuffix(what, ".unit")+" is no quantity and has no unit", "leave unit out")
	case !known:
		p.bad(line, fmt.Sprintf("%s %s is not known", what, faults.Quote(text)), "use one of "+faults.Keys(units))
	}
	return shift
}

// values reads what the texts of a column mean.
func (p *mappingParser) values(what string, fd protoreflect.FieldDescriptor, n *yaml.Node) map[string]string {
	found := map[string]string{}
	if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		p.bad(n.Line, what+".values is "+kindName(n), "write a line TEXT: VALUE for each text of the column")
		return found
	}
	p.pairs(n, nil, func(key string, _, value *yaml.Node) {
		if value.Kind == yaml.ScalarNode && value.Value == "" || value.Tag == "!!null" {
			found[key] = "" // Nothing is known then.
		} else if text, ok := p.text(value, what+".values."+key); ok {
			found[key] = text
			p.check(what+".values."+key, fd, text, 0, value.Line)
		}
	})
	return found
}

// check notes a text of the mapping that does not fit the field.
func (p *mappingParser) check(what string, fd protoreflect.FieldDescriptor, text string, shift, line int) {
	if line == 0 || text == "" || fd.TextName() == fields.User { // Every text can be a user.
		return
	}
	e := schemas.NewEvent(p.mapping.typ)
	problem := fields.Set(e.ProtoReflect(), fd, text, shift)
	if problem == "" {
		for _, bad := range fields.Errors(schemas.Validate(e)) {
			if bad.Field == fd.TextName() && bad.Problem != missing {
				problem = "does not fit: " + bad.Error()
			}
		}
	}
	if problem != "" {
		p.bad(line, what+" "+problem, "write a value that fits "+fd.TextName())
	}
}

// checkWeight notes a constant weight of 0.
func (p *mappingParser) checkWeight(what string, fd protoreflect.FieldDescriptor, text string, line int) {
	if name := fd.TextName(); name != fields.Weight && name != fields.UserWeight {
		return
	}
	if n, exact, problem := numbers.Decimal(text, 0); n == 0 && exact && problem == "" {
		p.bad(line, what+" is 0, so that every row stands for nothing", "leave it out: a row that does not say stands for one")
	}
}

// missing is the problem of a field that an event must have.
const missing = "is missing"

// required notes the fields that events of the type must have and that nothing sets. The settings may set tenant and
// product, and the default of a status is ok.
func (p *mappingParser) required(line int) {
	m := p.mapping
	e := schemas.NewEvent(m.typ)
	for _, bad := range fields.Errors(schemas.Validate(e)) {
		if bad.Problem != missing {
			continue
		}
		switch bad.Field {
		case fields.Source, fields.ID, fields.Time, fields.Tenant, fields.Product, fieldStatus:
			continue
		}
		if _, has := m.lines[bad.Field]; !has {
			p.bad(line, fmt.Sprintf("%s need %s", m.typ, bad.Field), fmt.Sprintf("add %s: COLUMN, or %s: {constant: TEXT}", bad.Field, bad.Field))
		}
	}
	if m.typ == schemas.TokenCallType {
		if line, has := m.lines["reported_cost_nanos"]; has && m.lines["cost_currency"] == 0 {
			p.bad(line, "reported_cost_nanos has no currency", "add cost_currency: COLUMN, or cost_currency: {constant: USD}")
		}
	}
}

// fieldStatus is the field of token calls whose default is ok.
const fieldStatus = "status"

// LabelErrors returns one *faults.SettingError per label that is required because the mapping does not set it.
func (m *Mapping) LabelErrors(l fields.Labels) []error {
	var errs []error
	for _, label := range []struct{ field, given string }{{fields.Tenant, l.Tenant}, {fields.Product, l.Product}} {
		if m.lacks(label.field) && label.given == "" && (label.field == fields.Tenant || m.needsProduct()) {
			errs = append(errs, faults.BadSetting(label.field, "required, since %s maps no %s", m.file, label.field))
		}
	}
	return errs
}

// needsProduct reports whether events of the type must have a product.
func (m *Mapping) needsProduct() bool {
	return slices.ContainsFunc(fields.Errors(schemas.Validate(schemas.NewEvent(m.typ))), func(bad *schemas.FieldError) bool {
		return bad.Field == fields.Product
	})
}
