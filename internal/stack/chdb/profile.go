package chdb

import (
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

// pins returns what the engine's profile has to say of the pinned settings: their values, and that these are constant.
func pins() (values, constraints string) {
	var v, c strings.Builder
	for _, p := range pinned {
		fmt.Fprintf(&v, "<%[1]s>%[2]s</%[1]s>", p.name, p.values[0])
		fmt.Fprintf(&c, "<%[1]s><const/></%[1]s>", p.name)
	}
	return v.String(), c.String()
}
