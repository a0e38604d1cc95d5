package macros

import (
	"errors"
	"fmt"
	"strings"
)

// OnlyReads returns an error unless sql, a statement after Expand, is a single SELECT that writes nothing. ClickHouse's
// read-only mode does not see to it alone: with readonly = 2 it lets INSERT INTO FUNCTION and, where it runs embedded,
// INTO OUTFILE write files, and KILL end queries (seen with 26.7).
func OnlyReads(sql string) error {
	return onlyReads(sql, "a panel must not write", func(word string) bool { return word == "SELECT" || word == "WITH" })
}

// onlyReads checks a statement that may begin with the words that begins takes. rule is what an error reminds of.
func onlyReads(sql, rule string, begins func(word string) bool) error {
	sql, err := blankComments(sql)
	if err != nil {
		return err
	}
	first := true
	for i := 0; i < len(sql); {
		switch c := sql[i]; {
		case c == '\'' || c == '"' || c == '`':
			if first {
				return notSelect(sql, rule)
			}
			i += quotedLength(sql[i:])
		case isWord(c):
			n := wordLength(sql[i:])
			word := strings.ToUpper(sql[i : i+n])
			switch {
			case first && !begins(word):
				return notSelect(sql, rule)
			case word == "OUTFILE":
				return fmt.Errorf("%s: the word OUTFILE: take INTO OUTFILE away and send the output to a file yourself (a column of that name needs quotes)", rule)
			case word == "INSERT":
				return fmt.Errorf("%s: the word %s (a column of that name needs quotes)", rule, word)
			}
			first = false
			i += n
		case c == ';':
			if strings.TrimSpace(sql[i+1:]) != "" {
				return errors.New("more than one statement: take the semicolon away")
			}
			i++
		default:
			i++
		}
	}
	if first {
		return notSelect(sql, rule)
	}
	return nil
}

func notSelect(sql, rule string) error {
	sql = strings.TrimSpace(sql)
	if sql == "" {
		return errors.New("there is no statement")
	}
	return fmt.Errorf("%s, only SELECT; this begins with %q", rule, sql[:min(len(sql), 20)])
}
