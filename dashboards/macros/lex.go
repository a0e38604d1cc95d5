package macros

import (
	"errors"
	"fmt"
	"strings"
)

// reference is a variable or macro as it stands in a statement.
type reference struct {
	text   string // All of it, without the arguments of a macro: "${tenant:singlequote}"; empty: there is none.
	name   string
	format string // With the arguments of the format: "date:iso".
	bare   bool   // In the form $name, the only one that can be a macro of the plugin.
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// wordLength returns the length of the word that s starts with.
func wordLength(s string) int {
	for i := range len(s) {
		if !isWord(s[i]) {
			return i
		}
	}
	return len(s)
}

// parseReference reads $name, ${name}, ${name:format}, [[name]] or [[name:format]] at the start of s, which starts with
// a dollar or a bracket. Grafana takes anything else for text. Outside of quotes a dollar is an error: ClickHouse reads
// $tag$...$tag$ as a string, which a value could open or close.
func parseReference(s string, quote byte) (reference, error) {
	if s[0] == '[' {
		inner, ok := strings.CutPrefix(s, "[[")
		if !ok {
			return reference{}, nil
		}
		inner, _, ok = strings.Cut(inner, "]]")
		name, format, hasFormat := strings.Cut(inner, ":")
		if !ok || name == "" || wordLength(name) != len(name) || hasFormat && (format == "" || wordLength(format) != len(format)) {
			return reference{}, nil // Such as the array [[1, 2], [3]].
		}
		return reference{text: s[:len(inner)+4], name: name, format: format}, nil
	}
	if n := wordLength(s[1:]); n > 0 {
		return reference{text: s[:1+n], name: s[1 : 1+n], bare: true}, nil
	}
	if inner, ok := strings.CutPrefix(s, "${"); ok {
		inner, _, closed := strings.Cut(inner, "}")
		n := wordLength(inner)
		rest := inner[n:]
		switch {
		case closed && n > 0 && rest == "", closed && n > 0 && len(rest) > 1 && rest[0] == ':':
			return reference{text: s[:len(inner)+3], name: inner[:n], format: strings.TrimPrefix(rest, ":")}, nil
		case closed && n > 0 && len(rest) > 1 && rest[0] == '.':
			return reference{}, fmt.Errorf("%s: the fields of a value are not supported", s[:len(inner)+3])
		}
	}
	if quote == 0 {
		return reference{}, fmt.Errorf("a dollar that starts no reference, at %q", s[:min(len(s), 20)])
	}
	return reference{}, nil
}

// blankComments returns sql with its comments overwritten by blanks, as the plugin does, and refuses what would leave
// it unclear where a string ends: quotes without an end, and the typographic quotes that ClickHouse knows.
func blankComments(sql string) (string, error) {
	out := []byte(sql)
	for i := 0; i < len(sql); {
		switch rest := sql[i:]; {
		case rest[0] == '\'' || rest[0] == '"' || rest[0] == '`':
			n := quotedLength(rest)
			if n < 0 {
				return "", fmt.Errorf("a quote without an end, at %q", rest[:min(len(rest), 20)])
			}
			i += n
		case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "//"), strings.HasPrefix(rest, "# "), strings.HasPrefix(rest, "#!"):
			end := strings.IndexAny(rest, "\n\r")
			// ClickHouse reads on to the line feed, the plugin to either.
			if end >= 0 && rest[end] == '\r' && !strings.HasPrefix(rest[end:], "\r\n") {
				return "", errors.New("a comment line ends in a carriage return alone: end lines with a line feed")
			}
			if end < 0 {
				end = len(rest)
			}
			i = blank(out, i, i+end)
		case strings.HasPrefix(rest, "/*"):
			n := blockCommentLength(rest)
			if n < 0 {
				return "", errors.New("a comment without an end")
			}
			i = blank(out, i, i+n)
		case strings.HasPrefix(rest, "‘"), strings.HasPrefix(rest, "’"), strings.HasPrefix(rest, "“"), strings.HasPrefix(rest, "”"):
			return "", fmt.Errorf("a typographic quote, at %q: write ' or \"", rest[:min(len(rest), 20)])
		default:
			i++
		}
	}
	return string(out), nil
}

func blank(text []byte, from, to int) int {
	for i := from; i < to; i++ {
		text[i] = ' '
	}
	return to
}

// quotedLength returns the length of the quoted text that s starts with, -1 if it has no end. A doubled quote counts as
// an end and a new start.
func quotedLength(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case s[0]:
			return i + 1
		}
	}
	return -1
}

// blockCommentLength returns the length of the comment that s starts with, -1 if it has no end. They nest in ClickHouse.
func blockCommentLength(s string) int {
	level := 0
	for i := 0; i+2 <= len(s); {
		switch s[i : i+2] {
		case "/*":
			level++
			i += 2
		case "*/":
			level--
			i += 2
			if level == 0 {
				return i
			}
		default:
			i++
		}
	}
	return -1
}

// arguments splits the argument list that s starts with into its arguments without the blanks around them, and returns
// its length. There may be no list.
func arguments(s string) (args []string, length int, err error) {
	if s == "" || s[0] != '(' {
		return nil, 0, nil
	}
	level, start := 0, 1
	for i := 0; i < len(s); {
		switch s[i] {
		case '\'', '"', '`':
			n := quotedLength(s[i:])
			if n < 0 {
				return nil, 0, errors.New("a quote without an end in the arguments")
			}
			i += n
			continue
		case '(':
			level++
		case ')':
			level--
			if level == 0 {
				last := strings.TrimSpace(s[start:i])
				if len(args) > 0 || last != "" {
					args = append(args, last)
				}
				return args, i + 1, nil
			}
		case ',':
			if level == 1 {
				args = append(args, strings.TrimSpace(s[start:i]))
				start = i + 1
			}
		}
		i++
	}
	return nil, 0, errors.New("the argument list has no end")
}

// bracketSplit splits the argument list that s starts with by brackets and commas alone.
func bracketSplit(s string) (args []string) {
	level, start := 0, 1
	for i := range len(s) {
		switch s[i] {
		case '(':
			level++
		case ')':
			level--
		case ',':
			if level == 1 {
				args = append(args, s[start:i])
				start = i + 1
			}
		}
		if level == 0 {
			return append(args, s[start:i])
		}
	}
	return nil
}
