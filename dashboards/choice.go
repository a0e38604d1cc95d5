package dashboards

import (
	"fmt"
	"strings"
)

// Conditions on what a person has chosen.
//
// Grafana puts values into a statement as text, and its quoting formats escape quotes but no backslash: a tenant named
// CORP\alice is another text to ClickHouse, and one made for it ends its literal early. So every reference stands within
// quotes and in a format that encodes: percentencode where there is one value, customqueryparam (name=a&name=b, Grafana
// 12.2) where there may be several. Both leave letters, digits and -_.~%=& alone, whatever the values are; the statement
// decodes them. macros.Safe holds every statement to it.

// allValue is what Grafana writes for All, as it is. No name has a control character, so none can be taken for it, in a
// statement or in an address.
const allValue = "\tall"

// allOf is true if all values of a variable are chosen, and for the empty value, with which named is false.
func allOf(variable string) string {
	return fmt.Sprintf("$__conditionalAll(1 = 0, $%s)", variable)
}

// chosenOf are the values chosen of a variable, an array. They are decoded together, which the engine does before it plans,
// unlike an arrayMap: the byte FF between them is in no UTF-8, so in no value.
func chosenOf(variable string) string {
	return fmt.Sprintf("arrayPopFront(splitByString('\\xFF', decodeURLComponent(replaceAll('&${%[1]s:customqueryparam}', '&%[1]s=', '%%FF'))))", variable)
}

// isChosen is true for the values of a column that are chosen, for all where All is: the plugin drops the text of a
// $__conditionalAll then, which spares the engine to plan it. It drops it for the empty value too, hence named.
func isChosen(column, variable string) string {
	return fmt.Sprintf("$__conditionalAll(%s IN (%s), $%s)", column, chosenOf(variable), variable)
}

// named is true unless the empty value is chosen of one of the variables, or none at all: then there is nothing to show, and
// not everything. Within encoded values there is no = and no &.
func named(variables ...string) string {
	return "NOT multiSearchAny('&${" + strings.Join(variables, ":customqueryparam}&${") + ":customqueryparam}&', ['=&', '&&'])"
}

// one is the value of a variable that has one and that the range or the choices decide.
func one(variable string) string { return "'${" + variable + ":percentencode}'" }

// where joins the conditions for the variables given, each of which is true where all values are chosen. A name with a ~
// is a column that not every grain has.
func where(variables ...string) string {
	var conditions, names []string
	for _, v := range variables {
		name, column := strings.TrimPrefix(v, "~"), "{"+v+"}"
		if name == "segment" { // A number with names, to which a name that it does not have is an error.
			column = "toString({segment})"
		}
		conditions, names = append(conditions, isChosen(column, name)), append(names, name)
	}
	return strings.Join(append(conditions, named(names...)), " AND ")
}
