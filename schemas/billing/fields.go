package billing

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"tidemark/schemas"
)

// place is an object of a file, with its path: "item 3, result 1".
type place struct {
	value
	path string
}

// where says where the object is: "line 12, item 3, result 1".
func (p place) where() string { return fmt.Sprintf("line %d, %s", p.line, p.path) }

// wrong returns an error about a field.
func (p place) wrong(field, format string, args ...any) error {
	if line := p.fields[field].line; line > 0 {
		p.line = line
	}
	return fmt.Errorf("%s: %s: %w", p.where(), field, fmt.Errorf(format, args...))
}

// words returns the set of the words of a text.
func words(text string) map[string]bool {
	set := map[string]bool{}
	for _, word := range strings.Fields(text) {
		set[word] = true
	}
	return set
}

// telling are names of fields that carry money or tokens.
var telling = regexp.MustCompile(`(?i)token|cost|amount|spend|spent|price|credit|charge|discount|fee|usd|billed`)

// known returns an error for a field that is not one of those named and that carries money or tokens: what it says would be lost.
func (p place) known(names map[string]bool) error {
	for _, name := range slices.Sorted(maps.Keys(p.fields)) {
		if names[name] {
			continue
		}
		if path := carries(name, p.fields[name], false); path != "" {
			return fmt.Errorf("%s: Tidemark does not know the field %s, which carries money or tokens", p.where(), schemas.Excerpt(path))
		}
	}
	return nil
}

// carries returns the path of a number that is not 0 in or below a field whose name tells money or tokens, if there is one.
func carries(name string, v value, within bool) string {
	tells := within || telling.MatchString(name[strings.LastIndexByte(name, '.')+1:])
	switch v.kind {
	case numberValue, stringValue:
		if amount, _, err := parseAmount(v.text, inUnits); tells && err == nil && (amount.Sign() != 0) {
			return name
		}
	case listValue:
		for _, one := range v.list {
			if path := carries(name, one, tells); path != "" {
				return path
			}
		}
	case objectValue:
		for _, inner := range slices.Sorted(maps.Keys(v.fields)) {
			if path := carries(name+"."+inner, v.fields[inner], tells); path != "" {
				return path
			}
		}
	}
	return ""
}

// maxText bounds the bytes of the texts of an observation.
const maxText = 1024

// label returns a text; that of a field that is absent or null is empty.
func (p place) label(field string) (string, error) {
	v := p.fields[field]
	switch v.kind {
	case 0, nullValue:
		return "", nil
	case stringValue:
		return checked(v.text, func(format string, args ...any) error { return p.wrong(field, format, args...) })
	}
	return "", p.wrong(field, "a text is expected")
}

// checked returns a text unless it is too long or has control characters.
func checked(text string, wrong func(format string, args ...any) error) (string, error) {
	if len(text) > maxText || strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) >= 0 {
		return "", wrong("%s is longer than %d bytes or has control characters", schemas.Excerpt(text), maxText)
	}
	return text, nil
}

// labels reads several texts.
func (p place) labels(into map[string]*string) error {
	for _, field := range slices.Sorted(maps.Keys(into)) {
		text, err := p.label(field)
		if err != nil {
			return err
		}
		*into[field] = text
	}
	return nil
}

// count returns a whole number from 0 on; nil if the field is absent or null.
func (p place) count(field string) (*uint64, error) {
	v := p.fields[field]
	switch v.kind {
	case 0, nullValue:
		return nil, nil // Not told is an answer.
	case numberValue:
		if n, err := strconv.ParseUint(v.text, 10, 63); err == nil {
			return &n, nil
		}
		return nil, p.wrong(field, "%s is not a whole number from 0 on", schemas.Excerpt(v.text))
	}
	return nil, p.wrong(field, "a number is expected")
}

// counts reads several whole numbers.
func (p place) counts(into map[string]**uint64) error {
	for _, field := range slices.Sorted(maps.Keys(into)) {
		n, err := p.count(field)
		if err != nil {
			return err
		}
		*into[field] = n
	}
	return nil
}

// amount returns the text of an amount, which may be a number or a text. It must be there.
func (p place) amount(field string) (string, error) {
	if v := p.fields[field]; v.kind == numberValue || v.kind == stringValue {
		return v.text, nil
	}
	return "", p.wrong(field, "it has no amount")
}

// list returns the objects of an array, which must be there.
func (p place) list(field, word string) ([]place, error) {
	v := p.fields[field]
	if v.kind != listValue {
		return nil, p.wrong(field, "an array is expected")
	}
	all := make([]place, len(v.list))
	for i, one := range v.list {
		if one.kind != objectValue {
			return nil, p.wrong(field, "%s %d is not an object", word, i+1)
		}
		all[i] = place{one, fmt.Sprintf("%s, %s %d", p.path, word, i+1)}
	}
	return all, nil
}

// unixSpan returns the time between two fields of seconds since 1970.
func (p place) unixSpan(from, to string) (Span, error) {
	return p.span(from, to, func(v value) (time.Time, error) {
		seconds, err := strconv.ParseInt(v.text, 10, 64)
		if v.kind != numberValue || err != nil {
			return time.Time{}, fmt.Errorf("%s is not a number of seconds since 1970", schemas.Excerpt(v.text))
		}
		return time.Unix(seconds, 0).UTC(), nil
	})
}

// textSpan returns the time between two fields as RFC 3339.
func (p place) textSpan(from, to string) (Span, error) {
	return p.span(from, to, func(v value) (time.Time, error) {
		at, err := time.Parse(time.RFC3339, v.text)
		if v.kind != stringValue || err != nil {
			return time.Time{}, fmt.Errorf("%s is not a time such as 2026-11-01T00:00:00Z", schemas.Excerpt(v.text))
		}
		return at.UTC(), nil
	})
}

func (p place) span(from, to string, parse func(value) (time.Time, error)) (s Span, err error) {
	if s.From, err = parse(p.fields[from]); err != nil {
		return s, p.wrong(from, "%w", err)
	}
	if s.To, err = parse(p.fields[to]); err != nil {
		return s, p.wrong(to, "%w", err)
	}
	if err := s.validate(); err != nil {
		return s, p.wrong(to, "%w", err)
	}
	return s, nil
}
