package replay

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/reflect/protoreflect"

	"tidemark/schemas"
)

var fieldKeys = []string{"column", "constant", "unit", "values", "default"}

// fields reads the rules of the fields.
func (p *mappingParser) fields(n *yaml.Node) {
	p.pairs(n, nil, func(key string, keyNode, value *yaml.Node) {
		fd := fieldNamed(p.mapping.typ, key)
		switch {
		case slices.Contains([]string{fieldSource, fieldID, fieldTime, "time", fieldRevision}, key):
			p.bad(keyNode.Line, fmt.Sprintf("%s is not set under fields", key), "move it to the top: "+strings.TrimSuffix(key, "_us")+": ...")
			return
		case fd == nil && key == fieldRun:
			p.bad(keyNode.Line, "run is the label of a replay and not of a row", "leave it out and give --run")
			return
		case fd == nil:
			p.bad(keyNode.Line, fmt.Sprintf("%s have no field %s", p.mapping.typ, quote(key)), "use one of "+strings.Join(slices.DeleteFunc(fieldNames(p.mapping.typ), func(name string) bool { return name == fieldRevision }), ", "))
			return
		}
		p.mapping.lines[key] = keyNode.Line
		p.field(key, fd, value)
	})
	for _, of := range totals {
		if line, has := p.mapping.lines[of.name]; has && p.mapping.lines[of.part] > 0 {
			p.bad(line, fmt.Sprintf("%s and %s are both mapped", of.name, of.part), "keep "+of.name+" if the column includes "+strings.Join(of.others, ", ")+", else keep "+of.part)
		}
	}
}

// field reads the rule of one field.
func (p *mappingParser) field(name string, fd protoreflect.FieldDescriptor, n *yaml.Node) {
	r := rule{name: name, field: fd}
	what := "fields." + name
	if n.Kind != yaml.MappingNode {
		if column, ok := p.text(n, what); ok {
			p.column(column, n.Line)
			p.add(r, column)
		}
		return
	}
	column, lines := "", map[string]int{}
	p.pairs(n, fieldKeys, func(key string, _, value *yaml.Node) {
		lines[key] = value.Line
		if key == "values" {
			r.values = p.values(what, fd, value)
			return
		}
		text, ok := p.text(value, what+"."+key)
		if !ok {
			return
		}
		switch key {
		case "column":
			p.column(text, value.Line)
			column = text
		case "constant":
			r.constant = text
		case "default":
			r.fallback = text
		case "unit":
			r.shift = p.unit(what, fd, text, value.Line)
		}
	})
	switch {
	case lines["column"] > 0 && lines["constant"] > 0:
		p.bad(lines["constant"], what+" has a column and a constant", "keep one of them; default is for rows in which the column is empty")
	case lines["column"] == 0 && lines["constant"] == 0:
		p.bad(n.Line, what+" has neither a column nor a constant", "add column: COLUMN or constant: TEXT")
	case lines["constant"] > 0 && (lines["values"] > 0 || lines["default"] > 0):
		p.bad(lines["constant"], what+" is constant, and values and default are for columns", "leave them out")
	}
	p.check(what+".constant", fd, r.constant, r.shift, lines["constant"])
	p.checkWeight(what+".constant", fd, r.constant, lines["constant"])
	p.check(what+".default", fd, r.fallback, r.shift, lines["default"])
	p.add(r, column)
}

func (p *mappingParser) add(r rule, column string) {
	p.mapping.rules = append(p.mapping.rules, r)
	p.names = append(p.names, column)
}

// unit returns the digits from a unit to that of the field.
func (p *mappingParser) unit(what string, fd protoreflect.FieldDescriptor, text string, line int) int {
	units := unitsOf(fd)
	shift, known := units[text]
	switch {
	case units == nil:
		p.bad(line, what+" is no quantity and has no unit", "leave unit out")
	case !known:
		p.bad(line, fmt.Sprintf("%s.unit %s is not known", what, quote(text)), "use one of "+listed(units))
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
		if text, ok := p.text(value, what+".values."+key); ok {
			found[key] = text
			p.check(what+".values."+key, fd, text, 0, value.Line)
		}
	})
	return found
}

// check notes when a text that stands in the mapping does not fit the field.
func (p *mappingParser) check(what string, fd protoreflect.FieldDescriptor, text string, shift, line int) {
	if line == 0 || text == "" || fd.TextName() == fieldUser { // Every text can be a user.
		return
	}
	e := schemas.NewEvent(p.mapping.typ)
	problem := setField(e.ProtoReflect(), fd, text, shift)
	if problem == "" {
		for _, bad := range fieldErrors(schemas.Validate(e)) {
			if bad.Field == fd.TextName() && bad.Problem != missing {
				problem = "does not fit: " + bad.Error()
			}
		}
	}
	if problem != "" {
		p.bad(line, what+" "+problem, "write a value that fits "+fd.TextName())
	}
}

// checkWeight notes a weight that is 0 in every row.
func (p *mappingParser) checkWeight(what string, fd protoreflect.FieldDescriptor, text string, line int) {
	if name := fd.TextName(); name != fieldWeight && name != fieldUserWeight {
		return
	}
	if n, exact, problem := decimal(text, 0); n == 0 && exact && problem == "" {
		p.bad(line, what+" is 0, so that every row stands for nothing", "leave it out: a row that does not say stands for one")
	}
}

// missing is the problem of a field that an event must have.
const missing = "is missing"

// required notes the fields that events of the type must have and nothing sets. Tenant and product can be given as
// flags, and a status is that of a call that went well.
func (p *mappingParser) required(line int) {
	m := p.mapping
	e := schemas.NewEvent(m.typ)
	for _, bad := range fieldErrors(schemas.Validate(e)) {
		if bad.Problem != missing {
			continue
		}
		switch bad.Field {
		case fieldSource, fieldID, fieldTime, fieldTenant, fieldProduct, fieldStatus:
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

// fieldStatus is the field of token calls that is ok where nothing is said.
const fieldStatus = "status"

// labelErrors returns what the options have to say because the mapping does not.
func (m *Mapping) labelErrors(o Options) []error {
	var errs []error
	for _, label := range []struct{ field, given string }{{fieldTenant, o.Tenant}, {fieldProduct, o.Product}} {
		if m.lacks(label.field) && label.given == "" && (label.field == fieldTenant || m.needsProduct()) {
			errs = append(errs, fmt.Errorf("--%s: required, since %s maps no %s", label.field, m.file, label.field))
		}
	}
	return errs
}

// needsProduct reports whether events of the type must have a product.
func (m *Mapping) needsProduct() bool {
	return slices.ContainsFunc(fieldErrors(schemas.Validate(schemas.NewEvent(m.typ))), func(bad *schemas.FieldError) bool {
		return bad.Field == fieldProduct
	})
}
