package rows

import (
	"bytes"

	"tidemark/producers/formats/container"
)

// jsonScan finds where a JSON value ends, in pieces, and where it cannot go on. It knows brackets, texts and what may
// follow what; whether a number or a word is one is left to package json.
type jsonScan struct {
	open   []byte // The brackets that are open.
	expect jsonExpect
	inText bool
	inKey  bool // The text is a key.
	escape bool
	inWord bool // A number, or true, false or null.
}

// jsonExpect is what has to come next.
type jsonExpect uint8

const (
	expectValue jsonExpect = iota
	expectFirst            // A value, or the end of the array.
	expectKey
	expectFirstKey // A key, or the end of the object.
	expectColon
	expectMore // A comma, or the end.
)

// maxDepth is how deep package json reads.
const maxDepth = 10000

// scanned is how a piece has ended.
type scanned uint8

const (
	scanMore scanned = iota // The value goes on.
	scanDone                // It has ended.
	scanBad                 // It cannot be one.
)

func (s *jsonScan) reset() { *s = jsonScan{open: s.open[:0]} }

// feed reads a piece, and returns how many bytes of it belong to the value; the byte at fault is the next one.
func (s *jsonScan) feed(p []byte) (int, scanned) {
	for i := 0; i < len(p); i++ {
		if s.inText {
			i += textLength(p[i:], s.escape)
			s.escape = false
			switch {
			case i == len(p):
				return i, scanMore
			case p[i] == '\\':
				s.escape = true
			case p[i] == '"':
				s.inText = false
				if s.after() {
					return i + 1, scanDone
				}
			default: // A control character.
				return i, scanBad
			}
			continue
		}
		if s.inWord {
			if isWord(p[i]) {
				continue
			}
			s.inWord = false
			if s.after() {
				return i, scanDone
			}
		}
		if p[i] == ' ' || p[i] == '\n' || p[i] == '\t' || p[i] == '\r' {
			continue
		}
		switch s.token(p[i]) {
		case scanBad:
			return i, scanBad
		case scanDone:
			return i + 1, scanDone
		case scanMore:
		}
	}
	return len(p), scanMore
}

// textLength is how far a text goes on without a byte that matters; skip says that the first one does not.
func textLength(p []byte, skip bool) int {
	i := 0
	if skip {
		i = 1
	}
	for i < len(p) && p[i] != '"' && p[i] != '\\' && p[i] >= ' ' {
		i++
	}
	return i
}

// token takes a byte that is neither space nor within a text or a word.
func (s *jsonScan) token(c byte) scanned {
	value := s.expect == expectValue || s.expect == expectFirst
	switch c {
	case '{', '[':
		if !value || len(s.open) == maxDepth {
			return scanBad
		}
		s.open = append(s.open, c)
		s.expect = expectFirst
		if c == '{' {
			s.expect = expectFirstKey
		}
	case '}', ']':
		if len(s.open) == 0 || s.open[len(s.open)-1] != c-2 || s.expect != expectMore && s.expect != expectFirst && s.expect != expectFirstKey {
			return scanBad
		}
		s.open = s.open[:len(s.open)-1]
		if s.after() {
			return scanDone
		}
	case '"':
		s.inKey = s.expect == expectKey || s.expect == expectFirstKey
		if !value && !s.inKey {
			return scanBad
		}
		s.inText = true
	case ':':
		if s.expect != expectColon {
			return scanBad
		}
		s.expect = expectValue
	case ',':
		if s.expect != expectMore {
			return scanBad
		}
		s.expect = expectValue
		if s.open[len(s.open)-1] == '{' {
			s.expect = expectKey
		}
	default:
		if !value || !isWord(c) {
			return scanBad
		}
		s.inWord = true
	}
	return scanMore
}

// after notes that a text, a word or what was in brackets has ended, and reports whether the whole has.
func (s *jsonScan) after() bool {
	s.expect = expectMore
	if s.inKey {
		s.inKey, s.expect = false, expectColon
		return false
	}
	return len(s.open) == 0
}

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '+' || c == '.'
}

// blank is how many bytes at the beginning are space, byte-order marks and separators between JSON values.
func blank(p []byte) int {
	n := 0
	for n < len(p) {
		switch c := p[n]; {
		case c == ' ', c == '\t', c == '\r', c == '\n', c == container.RecordSeparator:
			n++
		case bytes.HasPrefix(p[n:], []byte(container.ByteOrderMark)):
			n += len(container.ByteOrderMark)
		default:
			return n
		}
	}
	return n
}
