package chhttp

import (
	"strings"
	"unicode/utf8"

	"tidemark/internal/formatclause"
)

// statement is what the front has to know of a statement's text before it can
// choose the way into the engine. The engine does all real parsing.
type statement struct {
	// keyword is the first word, upper case: SELECT, INSERT, CREATE...; "(" for
	// a SELECT in brackets.
	keyword string
	// format is the name in the FORMAT clause of a statement with output.
	format string
	// insert is set for an INSERT that brings data. head is then its text up to
	// the data without the FORMAT clause, format the data's format ("Values"
	// for VALUES), and data the offset of the data in the text.
	insert bool
	head   string
	data   int
	// input is set for an INSERT ... SELECT that reads its data from input().
	input bool
}

// parseStatement reads the shape of a statement. For an INSERT the text may
// end anywhere in its data.
func parseStatement(text string) statement {
	lexer := &lexer{text: text}
	first := lexer.next()
	s := statement{keyword: strings.ToUpper(first.text)}
	if s.keyword == "INSERT" {
		s.parseInsert(lexer)
		return s
	}
	depth := 0
	for last, tok := (token{}), first; tok.kind != tokenEnd; last, tok = tok, lexer.next() {
		switch {
		case tok.text == "(" || tok.text == "[" || tok.text == "{":
			depth++
		case tok.text == ")" || tok.text == "]" || tok.text == "}":
			depth--
		case depth == 0 && tok.is("FORMAT"):
			if name, is := lexer.formatClause(last); is {
				s.format = name.identifier()
			}
		}
	}
	return s
}

// formatClause reports whether the word FORMAT, which was read last, begins a clause, and returns the format's name. It reads
// nothing.
func (l *lexer) formatClause(before token) (name token, is bool) {
	mark := l.pos
	defer func() { l.pos = mark }()
	name = l.next()
	return name, formatclause.Is(before.text, name.text, l.next().text)
}

// parseInsert finds where the data of an INSERT begins, if it has any.
func (s *statement) parseInsert(lexer *lexer) {
	tok := lexer.next()
	if tok.is("INTO") {
		tok = lexer.next()
	}
	if tok.is("TABLE") {
		tok = lexer.next()
	}
	if tok.is("FUNCTION") {
		tok = lexer.next()
	}
	// The target may be named like a keyword: it is passed over whole.
	for tok.kind == tokenWord || tok.kind == tokenQuoted {
		mark := lexer.pos
		if dot := lexer.next(); dot.text != "." {
			lexer.pos = mark
			break
		}
		tok = lexer.next()
	}
	depth := 0
	for tok = lexer.next(); tok.kind != tokenEnd; tok = lexer.next() {
		switch {
		case tok.text == "(" || tok.text == "[" || tok.text == "{":
			depth++
		case tok.text == ")" || tok.text == "]" || tok.text == "}":
			depth--
		case depth > 0:
		case tok.is("SELECT") || tok.is("WITH") || tok.is("FROM") || tok.is("WATCH"):
			s.input = readsInput(lexer)
			return
		case tok.is("VALUES"):
			s.insert, s.format, s.head, s.data = true, "Values", lexer.text[:tok.start], lexer.pos
			return
		case tok.is("FORMAT"):
			name := lexer.next()
			if name.kind != tokenWord {
				return
			}
			s.insert, s.format, s.head, s.data = true, name.text, lexer.text[:tok.start], afterFormat(lexer.text, lexer.pos)
			return
		}
	}
}

// readsInput reports whether the rest of a statement calls input().
func readsInput(lexer *lexer) bool {
	for tok := lexer.next(); tok.kind != tokenEnd; tok = lexer.next() {
		if !tok.is("input") {
			continue
		}
		if tok = lexer.next(); tok.text == "(" {
			return true
		}
	}
	return false
}

// afterFormat returns where data begins after the name of its format: blanks and
// one line end belong to the statement.
func afterFormat(text string, pos int) int {
	for pos < len(text) && (text[pos] == ' ' || text[pos] == '\t' || text[pos] == '\f') {
		pos++
	}
	if pos < len(text) && text[pos] == '\r' {
		pos++
	}
	if pos < len(text) && text[pos] == '\n' {
		pos++
	}
	return pos
}

type tokenKind int

const (
	tokenEnd    tokenKind = iota
	tokenWord             // identifier, keyword or number
	tokenQuoted           // string or quoted identifier, whole or cut off by the end
	tokenOther            // one other character
)

type token struct {
	kind  tokenKind
	text  string
	start int
}

func (t token) is(keyword string) bool {
	return t.kind == tokenWord && strings.EqualFold(t.text, keyword)
}

// lexer splits SQL into tokens and passes over blanks and comments.
type lexer struct {
	text string
	pos  int
}

func (l *lexer) next() token {
	l.skip()
	start := l.pos
	if start >= len(l.text) {
		return token{kind: tokenEnd, start: start}
	}
	c := l.text[start]
	switch {
	case c == '\'' || c == '"' || c == '`':
		l.quoted(c)
		return token{tokenQuoted, l.text[start:l.pos], start}
	case formatclause.IsWord(c):
		for l.pos < len(l.text) && formatclause.IsWord(l.text[l.pos]) {
			l.pos++
		}
		return token{tokenWord, l.text[start:l.pos], start}
	case strings.HasPrefix(l.text[start:], "\u2018"):
		l.typographic("\u2019")
		return token{tokenQuoted, l.text[start:l.pos], start}
	case strings.HasPrefix(l.text[start:], "\u201c"):
		l.typographic("\u201d")
		return token{tokenQuoted, l.text[start:l.pos], start}
	case c == '$':
		if l.heredoc() {
			return token{tokenQuoted, l.text[start:l.pos], start}
		}
	}
	l.pos++
	return token{tokenOther, l.text[start:l.pos], start}
}

// skip passes over blanks and comments.
func (l *lexer) skip() {
	for l.pos < len(l.text) {
		rest := l.text[l.pos:]
		switch {
		case strings.IndexByte(" \t\r\n\f\v", rest[0]) >= 0:
			l.pos++
		case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "#!"), strings.HasPrefix(rest, "# "):
			end := strings.IndexByte(rest, '\n')
			if end < 0 {
				end = len(rest)
			}
			l.pos += end
		case strings.HasPrefix(rest, "/*"):
			l.comment()
		case rest[0] >= utf8.RuneSelf && !strings.HasPrefix(rest, "\u2018") && !strings.HasPrefix(rest, "\u201c"):
			l.pos++ // Blanks of other scripts; the engine takes nothing else of them outside of quotes.
		default:
			return
		}
	}
}

// comment passes over a block comment; they nest.
func (l *lexer) comment() {
	depth := 0
	for l.pos < len(l.text) {
		switch rest := l.text[l.pos:]; {
		case strings.HasPrefix(rest, "/*"):
			depth++
			l.pos += 2
		case strings.HasPrefix(rest, "*/"):
			depth--
			l.pos += 2
			if depth == 0 {
				return
			}
		default:
			l.pos++
		}
	}
}

// quoted passes over a literal; a doubled quote or a backslash continues it.
func (l *lexer) quoted(quote byte) {
	for l.pos++; l.pos < len(l.text); l.pos++ {
		switch l.text[l.pos] {
		case '\\':
			l.pos++
		case quote:
			if l.pos+1 >= len(l.text) || l.text[l.pos+1] != quote {
				l.pos++
				return
			}
			l.pos++
		}
	}
	l.pos = len(l.text)
}

// typographic passes over a literal in typographic quotes, which the engine takes too. Nothing continues it.
func (l *lexer) typographic(closing string) {
	if end := strings.Index(l.text[l.pos:], closing); end >= 0 {
		l.pos += end + len(closing)
		return
	}
	l.pos = len(l.text)
}

// heredoc passes over $tag$ ... $tag$ and reports whether there is one. As for the engine, the tag is whatever lies
// between two dollar signs.
func (l *lexer) heredoc() bool {
	rest := l.text[l.pos:]
	end := 1 + strings.IndexByte(rest[1:], '$')
	if end == 0 {
		return false
	}
	tag := rest[:end+1]
	closing := strings.Index(rest[len(tag):], tag)
	if closing < 0 {
		return false
	}
	l.pos += len(tag) + closing + len(tag)
	return true
}
