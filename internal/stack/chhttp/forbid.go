package chhttp

import (
	"slices"
	"strings"

	"tidemark/internal/stack/chdb"
)

// databaseEngines keep their tables in the engine's own folder, or nowhere.
var databaseEngines = []string{"Atomic", "Memory", "Ordinary", "Lazy"}

// forbid refuses the statements that reach files or machines and that the engine's access control (see chdb) lets
// through. INTO OUTFILE and FROM INFILE are a client's work to it; it connects for RESTORE before it looks at the grants;
// and it asks for the grant of some engines of tables and databases only. OwnTable says which table engines are served.
func forbid(text string, ownTable func(engine string) bool) error {
	lexer := &lexer{text: text}
	first := lexer.next()
	if first.is("RESTORE") {
		return accessDenied("RESTORE reads files or another server")
	}
	creates := first.is("CREATE") || first.is("ATTACH") || first.is("REPLACE")
	database, second, last := false, true, first
	for tok := lexer.next(); tok.kind != tokenEnd; tok = lexer.next() {
		switch {
		case last.is("INTO") && tok.is("OUTFILE"):
			return accessDenied("INTO OUTFILE writes a file; send the result where you want it from your side")
		case last.is("FROM") && tok.is("INFILE"):
			return accessDenied("FROM INFILE reads a file; send its content as the body of the request")
		case second && tok.is("DATABASE"):
			database = true
		case creates && tok.is("ENGINE"):
			tok = engineName(lexer)
			if name := tok.identifier(); database && !slices.Contains(databaseEngines, name) || !database && !ownTable(name) {
				return accessDenied("the engine " + name + " reaches files or other servers, or runs programs")
			}
		}
		last, second = tok, false
	}
	return nil
}

func accessDenied(why string) error {
	return chdb.NewError(codeAccessDenied, "ACCESS_DENIED", "Statements that come through the port may not leave the data folder: "+why+".")
}

// engineName reads the name behind ENGINE and an equals sign that may be missing.
func engineName(lexer *lexer) token {
	tok := lexer.next()
	if tok.text == "=" {
		tok = lexer.next()
	}
	return tok
}

// identifier returns the name that a token is, without its quotes and escapes.
func (t token) identifier() string {
	if t.kind != tokenQuoted || strings.HasPrefix(t.text, "'") {
		return t.text
	}
	return unescape(strings.Trim(t.text, "`\"\u201c\u201d"))
}

// unescape resolves \xHH and drops the backslash before any other character.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		if i++; s[i] != 'x' || i+2 >= len(s) {
			b.WriteByte(s[i])
			continue
		}
		b.WriteByte(hexDigit(s[i+1])<<4 | hexDigit(s[i+2]))
		i += 2
	}
	return b.String()
}

func hexDigit(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}
