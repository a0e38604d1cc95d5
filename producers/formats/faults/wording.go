package faults

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"tidemark/schemas"
)

// Quote quotes s and cuts it to what a problem shows, as the errors of package schemas do.
func Quote(s string) string { return schemas.Excerpt(s) }

// Keys lists the keys of a map in their order: "a, b, c".
func Keys[V any](m map[string]V) string { return strings.Join(slices.Sorted(maps.Keys(m)), ", ") }

// ShownColumns is how many names a problem lists.
const ShownColumns = 40

// Names lists names, with control characters escaped, and cuts the list.
func Names(names []string) string {
	var b strings.Builder
	for i, name := range names {
		if i > 0 {
			b.WriteString(", ")
		}
		if i == ShownColumns {
			fmt.Fprintf(&b, "and %d more", len(names)-i)
			break
		}
		if len(name) > schemas.ExcerptBytes || strings.ContainsAny(name, ", ") || Printable(name) != name {
			name = Quote(name)
		}
		b.WriteString(name)
	}
	return b.String()
}

// Printable puts a text on one line: line breaks and control characters are escaped.
func Printable(s string) string {
	clean := func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }
	if strings.IndexFunc(s, clean) < 0 {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
