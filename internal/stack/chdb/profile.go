package chdb

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
)

// pinned are settings that no client may change, with their values: with another one the engine gives wrong results.
//
// compile_aggregate_expressions: 26.3 and 26.7 compare DateTime64 as an unsigned number once min or max with GROUP BY is
// compiled, which is from the fourth run on, so that a time before 1970 is later than every other; 26.9 does not.
var pinned = []pinnedTo{{name: "compile_aggregate_expressions", values: []string{"0", "false"}}}

// pinnedTo is a setting with the spellings of the one value that it may have.
type pinnedTo struct {
	name   string
	values []string
}

// accepts reports whether a value leaves the setting as it is.
func (p pinnedTo) accepts(value string) bool { return slices.Contains(p.values, value) }

func pinnedSetting(name string) (pinnedTo, bool) {
	i := slices.IndexFunc(pinned, func(p pinnedTo) bool { return p.name == name })
	if i < 0 {
		return pinnedTo{}, false
	}
	return pinned[i], true
}

// profile returns the part of the configuration that pins settings. The engine reads profiles only from a file that is
// named as that of its users, and such a file has to define the user that every connection has. path is where the
// configuration lies.
func profile(path string) string {
	var values, constraints, file strings.Builder
	for _, p := range pinned {
		fmt.Fprintf(&values, "<%[1]s>%[2]s</%[1]s>", p.name, p.values[0])
		fmt.Fprintf(&constraints, "<%[1]s><const/></%[1]s>", p.name)
	}
	_ = xml.EscapeText(&file, []byte(path)) // A strings.Builder takes everything.
	return "  <users_config>" + file.String() + "</users_config>\n" +
		"  <profiles><default>" + values.String() + "<constraints>" + constraints.String() + "</constraints></default></profiles>\n" +
		"  <users><default><password></password><profile>default</profile><networks><ip>::/0</ip></networks></default></users>\n"
}
