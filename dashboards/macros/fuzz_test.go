package macros

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// hostile are values that try to leave their place.
var hostile = []string{
	`'`, `"`, "`", `\`, `\'`, `\\'`, `''`, `' OR 1=1 --`, `\' OR 1=1 --`, `"; DROP TABLE t; --`, "x') UNION ALL SELECT 1 --", "/*", "*/", "--", "//", "#!", "# ",
	"\x00", "a\x00'b", "‘", "’ OR 1=1", "“", "\xff\xfe'", "\u2028'", "ʼ'", "$__timeFilter(x", "$__fromTime", "${tenant:raw}", "$tenant", "[[tenant]]", "$$", "$x$ ' $x$",
	"a\nb", "\r'", "{tenant:String}", "1-1", "a b", "a,b", "a;b", "(", ")", "x'41'", `\G`, "", strings.Repeat(`\`, 7), strings.Repeat(`\'`, 1000),
}

// places are statements in which a value stands, each safe with a plain word.
var places = []string{
	"SELECT ${v:singlequote}", "IN (${v:singlequote})", "${v:sqlstring}", "FROM ${v:doublequote}.t", "$v", "IN ($l)", "IN (${l:csv})", "${l:raw}", "${l:json}", "'${l:pipe}'",
	"'$v'", "LIKE '%${v:raw}%'", "`$v`", "\"$v\"", "'${l:regex}'", "${v:percentencode}", "'${v:percentencode}'", "${l:glob}", "${l:distributed}", "'${v:queryparam}'", "'${v:text}'",
	"$__conditionalAll(x = ${v:singlequote}, $v)", "$__timeFilter(f(${v:singlequote}, ')'))", "$__timeFilter($v)", "'a'${v:singlequote}'b'", "x${v:singlequote}", "a-$v-b", "a/$v*b",
	"$v.$v", "$v$v", "${v:singlequote}${v:singlequote}", "'it''s' ${v:sqlstring} -- ' $v\n`x`", "'\\'' ${v:singlequote}",
	"$all", "'$all'", "'\\\\$v'",
	"f('${v:customqueryparam}')", "f('${l:customqueryparam:x:y})')", "'${l:percentencode}'", "\"${v:percentencode}\".t",
}

func placed(value string) Scope {
	return Scope{From: time.UnixMilli(-1), To: time.UnixMilli(1e15), Interval: time.Minute, Variables: map[string]Value{
		"v": {Values: []string{value}}, "l": {Values: []string{value, value}, Multi: true},
		"all": {All: true, AllValue: "${v:singlequote}"}, "tenant": {Values: []string{"x"}},
	}}
}

func TestHostileValues(t *testing.T) {
	for _, place := range places {
		for _, value := range append(hostile, strings.Repeat("'", 1<<20), strings.Repeat("a", 1<<20)) {
			checkPlace(t, place, value)
		}
	}
}

// checkPlace expands a statement with a value and with a harmless one: either the value is refused, or it changes the
// content of literals alone, not where they are.
func checkPlace(t *testing.T, place, value string) {
	t.Helper()
	got, err := Expand(place, placed(value))
	if err != nil {
		if Safe(place, placed(value)) == nil {
			t.Errorf("%q is safe, but refuses %.60q: %v", place, value, err)
		}
		if len(err.Error()) > 1000+len(place) {
			t.Errorf("the error for %q repeats the value: %d bytes", place, len(err.Error()))
		}
		return
	}
	plain, err := Expand(place, placed("word"))
	if err != nil {
		t.Fatalf("%q accepts %.60q but not a word: %v", place, value, err)
	}
	// A condition that the empty value drops is no escape.
	if value == "" && strings.Contains(place, "$__conditionalAll") {
		return
	}
	literals, shape := lex(got)
	_, want := lex(plain)
	if shape != want {
		t.Errorf("%q with %.60q is of another shape than with a word:\n got %.200q\nfrom %.200q", place, value, shape, got)
	}
	switch place {
	case "SELECT ${v:singlequote}", "${v:sqlstring}", "FROM ${v:doublequote}.t":
		// A backslash stays what it is in Grafana, so that the literal means another text.
		if len(literals) != 1 || literals[0] != value && !strings.Contains(value, `\`) {
			t.Errorf("%q with %.60q means %.60q", place, value, literals)
		}
	}
}

// lex reads a statement as ClickHouse's lexer does (src/Parsers/Lexer.cpp), as far as quotes and comments go. It returns
// what the quoted parts mean, and the statement without them: the kinds of its parts in order.
func lex(sql string) (literals []string, shape string) {
	var kinds strings.Builder
	for i := 0; i < len(sql); {
		switch rest := sql[i:]; {
		case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "//"), strings.HasPrefix(rest, "# "), strings.HasPrefix(rest, "#!"):
			kinds.WriteString("comment ")
			if n := strings.IndexByte(rest, '\n'); n >= 0 {
				i += n
				continue
			}
			return literals, kinds.String()
		case strings.HasPrefix(rest, "/*"):
			kinds.WriteString("comment* ")
			i += 2 // Where it ends does not matter: there must be none.
		case strings.HasPrefix(rest, "‘"), strings.HasPrefix(rest, "’"), strings.HasPrefix(rest, "“"), strings.HasPrefix(rest, "”"):
			kinds.WriteString("typographic ")
			i += len("‘")
		case rest[0] == '$':
			kinds.WriteString("heredoc ")
			i++
		case rest[0] == ';' || rest[0] == '(' || rest[0] == ')':
			kinds.WriteByte(rest[0])
			i++
		case rest[0] == '\'' || rest[0] == '"' || rest[0] == '`':
			text, length := unquote(rest)
			fmt.Fprintf(&kinds, "%c ", rest[0])
			if length < 0 {
				return literals, kinds.String() + "unfinished"
			}
			literals = append(literals, text)
			i += length
		default:
			i++
		}
	}
	return literals, kinds.String()
}

// unquote returns what the quoted text at the start of s means, and its length, -1 if it has no end.
func unquote(s string) (text string, length int) {
	var out strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			if i++; i == len(s) {
				return "", -1
			}
			if s[i] == '0' {
				out.WriteByte(0)
			} else {
				out.WriteByte(s[i])
			}
		case s[i] == s[0] && i+1 < len(s) && s[i+1] == s[0]:
			i++
			out.WriteByte(s[0])
		case s[i] == s[0]:
			return out.String(), i + 1
		default:
			out.WriteByte(s[i])
		}
	}
	return "", -1
}

// FuzzValue puts any value into every place.
func FuzzValue(f *testing.F) {
	for _, value := range hostile {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, place := range places {
			checkPlace(t, place, value)
		}
	})
}

// FuzzExpand puts any value into any statement: nothing panics, and no value changes the shape of a statement.
func FuzzExpand(f *testing.F) {
	for i, place := range places {
		f.Add(place, hostile[i%len(hostile)])
	}
	f.Add(everything, "x")
	f.Add("$__columns('$v', [[l:csv]], ${v:nope}) /* '", "'")
	f.Fuzz(func(t *testing.T, sql, value string) {
		if !utf8.ValidString(sql) || strings.Contains(sql, "$__conditionalAll") && value == "" {
			t.Skip()
		}
		if _, err := References(sql, placed(value)); err != nil {
			if _, err := Expand(sql, placed(value)); err == nil {
				t.Errorf("%q has no references but an expansion", sql)
			}
		}
		got, err := Expand(sql, placed(value))
		if err != nil {
			return
		}
		plain, err := Expand(sql, placed("word"))
		if err != nil {
			// Such as the period of $__timeGroup: a word is none.
			return
		}
		_, shape := lex(got)
		if _, want := lex(plain); shape != want {
			t.Errorf("%q with %q is of another shape than with a word:\n got %q\nwant %q\nfrom %q", sql, value, shape, want, got)
		}
	})
}
