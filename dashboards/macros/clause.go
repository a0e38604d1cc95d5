package macros

import (
	"strings"

	"tidemark/internal/formatclause"
)

// TakeFormat takes the FORMAT clause out of a statement that StatementReads lets through, since a driver gives the format
// apart from it. Without a clause the format is "". The rest has no comments and no semicolon at its end, and no end that the
// driver takes for a clause.
func TakeFormat(sql string) (rest, format string, err error) {
	plain, err := blankComments(sql)
	if err != nil {
		return "", "", err
	}
	words := split(plain)
	for len(words) > 0 && words[len(words)-1].text == ";" {
		words = words[:len(words)-1]
	}
	if len(words) == 0 {
		return sql, "", nil
	}
	end := words[len(words)-1].end()
	for i, depth := 0, 0; i < len(words); i++ {
		switch words[i].text {
		case "(", "[", "{":
			depth++
		case ")", "]", "}":
			depth--
		default:
			if depth == 0 && isClause(words, i) {
				return sql[:words[i-1].end()] + " " + sql[words[i+1].end():end], words[i+1].name(), nil
			}
		}
	}
	rest = sql[:end]
	if len(words) > 2 && words[len(words)-2].is("FORMAT") {
		rest += "\n--" // Such as FROM format FINAL.
	}
	return strings.TrimSpace(rest), "", nil
}

// isClause reports whether the word at i begins a FORMAT clause.
func isClause(words []word, i int) bool {
	if !words[i].is("FORMAT") || i == 0 || i+1 == len(words) {
		return false
	}
	after := ""
	if i+2 < len(words) {
		after = words[i+2].text
	}
	return formatclause.Is(words[i-1].text, words[i+1].text, after)
}

// word is a word, something in quotes, or another character of a statement.
type word struct {
	text  string
	start int
}

func (w word) end() int { return w.start + len(w.text) }

func (w word) is(keyword string) bool { return strings.EqualFold(w.text, keyword) }

// name is the word without quotes.
func (w word) name() string { return strings.Trim(w.text, "`\"") }

// split returns the words of a statement without comments.
func split(plain string) []word {
	var words []word
	for i := 0; i < len(plain); {
		n := 1
		switch c := plain[i]; {
		case strings.IndexByte(" \t\r\n\f\v", c) >= 0:
			i++
			continue
		case c == '\'' || c == '"' || c == '`':
			n = quotedLength(plain[i:])
		case isWord(c):
			n = wordLength(plain[i:])
		}
		words = append(words, word{plain[i : i+n], i})
		i += n
	}
	return words
}
