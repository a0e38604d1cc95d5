// Package formatclause tells a statement's FORMAT clause from a column or table of that name. ClickHouse tells them by its
// grammar; here the words around have to do.
package formatclause

import (
	"slices"
	"strings"
)

// beforeName are the words after which FORMAT is a name.
var beforeName = []string{
	"SELECT", "DISTINCT", "FROM", "JOIN", "BY", "AS", "WHERE", "PREWHERE", "HAVING", "QUALIFY", "AND", "OR", "NOT", "ON", "USING",
	"IN", "LIKE", "ILIKE", "BETWEEN", "LIMIT", "OFFSET", "TABLE", "WITH", "CASE", "WHEN", "THEN", "ELSE", "IS", "DESCRIBE", "EXISTS",
}

// Is reports whether the word FORMAT begins a clause, by the words, quoted texts or single characters beside it; "" is the
// statement's beginning or end.
func Is(before, name, after string) bool {
	return ends(before) && names(name) && (after == "" || after == ";" || strings.EqualFold(after, "SETTINGS"))
}

// ends reports whether an expression, a table or a whole SELECT can end like that.
func ends(before string) bool {
	switch {
	case before == "":
		return false
	case IsWord(before[0]):
		return !slices.ContainsFunc(beforeName, func(word string) bool { return strings.EqualFold(word, before) })
	}
	return strings.IndexByte("'\"`$)]}*", before[0]) >= 0 || before[0] >= 0x80 // Typographic quotes.
}

// names reports whether that can be the name of a format.
func names(name string) bool {
	if name == "" {
		return false
	}
	return IsWord(name[0]) && !strings.EqualFold(name, "ASC") && !strings.EqualFold(name, "DESC") || name[0] == '`' || name[0] == '"'
}

// IsWord reports whether a byte is one of a word.
func IsWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
