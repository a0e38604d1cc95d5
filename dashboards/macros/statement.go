package macros

import (
	"fmt"
	"slices"
)

// readers are the words that a statement which only reads begins with.
var readers = []string{"SELECT", "WITH", "FROM", "SHOW", "DESCRIBE", "DESC", "EXISTS", "EXPLAIN"}

// StatementReads is OnlyReads for a statement that a person writes: it may also show, describe and explain. A dollar outside
// of quotes is refused, since ClickHouse reads $tag$...$tag$ as a string: what is inside looks like part of the statement,
// and what follows like a string.
func StatementReads(sql string) error {
	plain, err := blankComments(sql)
	if err != nil {
		return err
	}
	for i := 0; i < len(plain); {
		switch c := plain[i]; c {
		case '\'', '"', '`':
			i += quotedLength(plain[i:])
		case '$':
			return fmt.Errorf("a dollar outside of quotes, at %q: write strings in single quotes", plain[i:min(len(plain), i+20)])
		default:
			i++
		}
	}
	return onlyReads(sql, "the statement must not write", func(word string) bool { return slices.Contains(readers, word) })
}
