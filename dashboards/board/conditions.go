package board

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Conditions on what a person has chosen.
//
// Grafana puts values into a statement as text, and its quoting formats escape quotes but no backslash: a tenant named
// CORP\alice is another text to ClickHouse, and one made for it ends its literal early. So every reference stands within
// quotes and in a format that encodes: percentencode where there is one value, customqueryparam (name=a&name=b, Grafana
// 12.2) where there may be several. Both leave letters, digits and -_.~%=& alone, whatever the values are; the statement
// decodes them. macros.Safe checks every statement for it.

// allValue is what Grafana writes for All, as it is. No name has a control character, so none can be taken for it, in a
// statement or in an address.
const allValue = "\tall"

// allOf is true if all values of a variable are chosen, and for the empty value, for which anyNamed is false.
func allOf(variable string) string {
	return "$__conditionalAll(1 = 0, $" + variable + ")"
}

// chosenOf are the values chosen of a variable, an array. They are decoded together, which the engine does before it plans,
// unlike an arrayMap: the byte FF between them is in no UTF-8, so in no value.
func chosenOf(variable string) string {
	return Fill(`arrayPopFront(splitByString('\xFF', decodeURLComponent(
		replaceAll('&${{=variable}:customqueryparam}', '&{=variable}=', '%FF'))))`, map[string]string{"variable": variable})
}

// isChosen is true for the values of a column that are chosen, for all where All is: the plugin drops the text of a
// $__conditionalAll then, so the engine need not plan it. It drops it for the empty value too, hence anyNamed.
func isChosen(column, variable string) string {
	return Fill(`$__conditionalAll({=column} IN ({=values}), ${=variable})`,
		map[string]string{"column": column, "values": chosenOf(variable), "variable": variable})
}

// anyNamed is false if the empty value is chosen of one of the variables, or none at all: then nothing is to be shown, and
// not everything. Within encoded values there is no = and no &.
func anyNamed(variables ...string) string {
	return "NOT multiSearchAny('&${" + strings.Join(variables, ":customqueryparam}&${") + ":customqueryparam}&', ['=&', '&&'])"
}

// narrows are the variables whose choices narrow down the relations of a stem.
var narrows = map[string][]string{
	"token_calls":  {"tenant", "product", "provider", "model"},
	"queries":      {"tenant", "product", "segment", "country"},
	"signups":      {"tenant", "product", "segment", "country"},
	"call_reports": {"tenant"},
	"costs":        {"tenant", "product", "provider", "model"},
	"runs":         {"tenant"},
	"ledger":       {"topic"},
	"log_ends":     {"topic"},
}

// chosen is true for the rows that match what is chosen of the variables of the relation, or of those named.
func chosen(c call) (string, error) { return c.conditions(list(c.argument)) }

// conditions joins the conditions for the variables given, all of the stem if none is. Each is true where all values are
// chosen.
func (c call) conditions(variables []string) (string, error) {
	if len(variables) == 0 {
		if variables = narrows[c.stem()]; len(variables) == 0 {
			return "", fmt.Errorf("no variables narrow down the relation %q: name them", c.stem())
		}
	}
	var conditions []string
	for _, v := range variables {
		column := "{" + v + "}"
		switch {
		case v == "segment": // A number with names, to which a name that it does not have is an error.
			column = "toString({segment})"
		case v == "tenant" && !c.everywhere(v):
			column = "{~tenant}"
		}
		conditions = append(conditions, isChosen(column, v))
	}
	return strings.Join(append(conditions, anyNamed(variables...)), " AND "), nil
}

// everywhere reports whether all relations that the name stands for have a column.
func (c call) everywhere(column string) bool {
	return !slices.ContainsFunc(choices(c.relation), func(name string) bool { return !c.resolver.relations[name].Has(column) })
}

// users is true for the rows of the rollups of distinct users that match what is chosen: {:users tenant, model}. They count
// by one dimension at a time: the first that is chosen of those given.
//
// The value is narrowed down by a condition for each dimension, true except for the one taken: the engine makes no use of
// the key for an IN within an if().
func users(c call) (string, error) {
	dimensions := list(c.argument)
	if len(dimensions) == 0 {
		return "", errors.New("it needs the dimensions to choose from")
	}
	dimension, earlier, value := "''", "", ""
	for _, d := range dimensions {
		value += " AND (" + earlier + isChosen("{value}", d) + ")"
		earlier += "NOT (" + allOf(d) + ") OR "
	}
	for _, d := range slices.Backward(dimensions) {
		dimension = "if(" + allOf(d) + ", " + dimension + ", '" + d + "')"
	}
	return "{dimension} = " + dimension + value + " AND " + anyNamed(dimensions...), nil
}
