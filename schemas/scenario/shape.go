package scenario

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// kind is what a node has to be.
type kind uint8

const (
	kindObject  kind = iota
	kindMap          // Free keys that match key, values of the shape item.
	kindList         // Of the shape item.
	kindText         // That matches pattern.
	kindNumber       // From low to high; above low where aboveLow.
	kindInteger      // The same without a fraction.
	kindDate
	kindBool
)

// shape is what a node of the file may be. The JSON Schema is made from the same shapes.
type shape struct {
	kind     kind
	fields   []field // Of an object, in the order of the documentation.
	item     *shape
	key      *regexp.Regexp
	least    int // Items or keys.
	pattern  *regexp.Regexp
	choices  []string // Of a text: nothing else.
	low      float64
	high     float64
	aboveLow bool
	remedy   string // What to write, where it is not obvious.
}

// field is one field of an object.
type field struct {
	name     string
	required bool
	doc      string
	shape    *shape
}

func object(fields ...field) *shape { return &shape{kind: kindObject, fields: fields} }

func list(item *shape, least int) *shape { return &shape{kind: kindList, item: item, least: least} }

// mapOf has names of its own that match a pattern, whose remedy says which.
func mapOf(key, remedy string, item *shape) *shape {
	return &shape{kind: kindMap, key: regexp.MustCompile(key), remedy: remedy, item: item, least: 1}
}

// text is a text of 1 to limit characters without control characters.
func text(limit int) *shape {
	return &shape{kind: kindText, pattern: regexp.MustCompile(fmt.Sprintf(`^[^\x00-\x1F]{1,%d}$`, limit)), remedy: fmt.Sprintf("write 1 to %d characters on a line", limit)}
}

// longText may have several lines.
func longText() *shape {
	return &shape{kind: kindText, pattern: regexp.MustCompile(`\S`), remedy: "write at least a word"}
}

func matching(pattern, remedy string) *shape {
	return &shape{kind: kindText, pattern: regexp.MustCompile(pattern), remedy: remedy}
}

func oneOf(choices ...string) *shape {
	return &shape{kind: kindText, choices: choices, remedy: "write " + strings.Join(choices, " or ")}
}

func number(low, high float64) *shape { return &shape{kind: kindNumber, low: low, high: high} }

func above(low, high float64) *shape {
	return &shape{kind: kindNumber, low: low, high: high, aboveLow: true}
}

func integer(low, high float64) *shape { return &shape{kind: kindInteger, low: low, high: high} }

func date() *shape { return &shape{kind: kindDate, remedy: dateRemedy} }

func boolean() *shape { return &shape{kind: kindBool, remedy: "write true or false"} }

func must(name, doc string, s *shape) field {
	return field{name: name, required: true, doc: doc, shape: s}
}
func may(name, doc string, s *shape) field { return field{name: name, doc: doc, shape: s} }

// walk holds a document against a shape and remembers where each field is.
type walk struct {
	*problems
	at map[string]position // By path.
}

// maxDepth bounds what a file can make the walk do; the deepest shape has seven levels.
const maxDepth = 16

func (w *walk) check(node *yaml.Node, s *shape, path string, depth int) {
	at := position{node.Line, node.Column}
	w.at[path] = at
	switch {
	case depth > maxDepth:
		w.add(at, path, "remove what is not a scenario", "is nested too deeply")
		return
	case node.Kind == yaml.AliasNode || node.Anchor != "":
		w.add(at, path, "write the value out", "uses an anchor or an alias")
		return
	}
	switch s.kind {
	case kindObject, kindMap:
		w.checkMapping(node, s, path, depth)
	case kindList:
		if node.Kind != yaml.SequenceNode {
			w.add(at, path, "write a list: lines that begin with a dash", "is %s, not a list", nodeName(node))
			return
		}
		if len(node.Content) < s.least {
			w.add(at, path, "add some", "has %d items, not at least %d", len(node.Content), s.least)
		}
		for i, item := range node.Content {
			w.check(item, s.item, fmt.Sprintf("%s[%d]", path, i), depth+1)
		}
	default:
		w.checkScalar(node, s, path)
	}
}

func (w *walk) checkMapping(node *yaml.Node, s *shape, path string, depth int) {
	at := position{node.Line, node.Column}
	if node.Kind != yaml.MappingNode {
		w.add(at, path, "write lines of name: value", "is %s, not names with values", nodeName(node))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		keyAt := position{key.Line, key.Column}
		name := key.Value
		if key.Kind != yaml.ScalarNode || key.Anchor != "" {
			w.add(keyAt, path, "write a plain name", "has %s for a name", nodeName(key))
			continue
		}
		inner := strings.TrimPrefix(path+"."+name, ".")
		if seen[name] {
			w.add(keyAt, inner, "keep one of them", "is there twice")
			continue
		}
		seen[name] = true
		item := s.item
		if s.kind == kindObject {
			known := slices.IndexFunc(s.fields, func(f field) bool { return f.name == name })
			if known < 0 {
				w.add(keyAt, inner, "the names here are "+s.names(), "is not a known name")
				continue
			}
			item = s.fields[known].shape
		} else if !s.key.MatchString(name) {
			w.add(keyAt, inner, s.remedy, "has a bad name")
			continue
		}
		w.check(value, item, inner, depth+1)
	}
	for _, f := range s.fields {
		if f.required && !seen[f.name] {
			w.add(at, strings.TrimPrefix(path+"."+f.name, "."), "add it: "+f.doc, "is missing")
		}
	}
	if s.kind == kindMap && len(seen) < s.least {
		w.add(at, path, "add some", "is empty")
	}
}

// names lists the fields of an object.
func (s *shape) names() string {
	names := make([]string, len(s.fields))
	for i, f := range s.fields {
		names[i] = f.name
	}
	return strings.Join(names, ", ")
}

func (w *walk) checkScalar(node *yaml.Node, s *shape, path string) {
	at := position{node.Line, node.Column}
	tag := node.ShortTag()
	if node.Kind != yaml.ScalarNode || tag == "!!null" || tag == "!!binary" || strings.HasPrefix(tag, "!") && !strings.HasPrefix(tag, "!!") {
		w.add(at, path, s.toWrite(), "is %s", nodeName(node))
		return
	}
	switch s.kind {
	case kindText:
		switch {
		case s.choices != nil && !slices.Contains(s.choices, node.Value),
			s.choices == nil && !s.pattern.MatchString(node.Value):
			w.add(at, path, s.toWrite(), "is %s", quote(node.Value))
		}
	case kindNumber, kindInteger:
		x, ok := parseNumber(node)
		switch {
		case ok && leadingZero.MatchString(node.Value):
			w.add(at, path, "write it without the zero in front", "is %s, which begins with a zero as octal numbers do", node.Value)
		case !ok || s.kind == kindInteger && tag != "!!int":
			w.add(at, path, s.toWrite(), "is %s", quote(node.Value))
		case x < s.low || x > s.high || s.aboveLow && x == s.low:
			w.add(at, path, s.toWrite(), "is %s", node.Value)
		}
	case kindDate:
		if _, ok := parseDate(node.Value); !ok {
			w.add(at, path, s.toWrite(), "is %s, not a date", quote(node.Value))
		}
	case kindBool:
		if tag != "!!bool" || node.Value != "true" && node.Value != "false" {
			w.add(at, path, s.toWrite(), "is %s", quote(node.Value))
		}
	}
}

// leadingZero begins a number that the YAML library reads in base 8 where it can, and parseNumber in base 10.
var leadingZero = regexp.MustCompile(`^[-+]?0[0-9]`)

// parseNumber returns the number that a node is, and whether it is a finite one.
func parseNumber(node *yaml.Node) (float64, bool) {
	if tag := node.ShortTag(); tag != "!!int" && tag != "!!float" || node.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		return 0, false
	}
	x, err := strconv.ParseFloat(node.Value, 64) // Decimal alone: no underscores, no other bases.
	return x, err == nil && !math.IsInf(x, 0) && !math.IsNaN(x) && !strings.ContainsAny(node.Value, "xXpP_")
}

// toWrite says what the shape would accept.
func (s *shape) toWrite() string {
	if s.remedy != "" {
		return s.remedy
	}
	if s.kind == kindInteger {
		return fmt.Sprintf("write a whole number from %.0f to %.0f", s.low, s.high)
	}
	if s.aboveLow {
		return fmt.Sprintf("write a number above %g, up to %g", s.low, s.high)
	}
	return fmt.Sprintf("write a number from %g to %g", s.low, s.high)
}

func nodeName(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "a block of names"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	if node.ShortTag() == "!!null" {
		return "empty"
	}
	return quote(node.Value)
}

const shownText = 40

func quote(s string) string {
	if len(s) > shownText {
		return strconv.QuoteToASCII(s[:shownText]) + "..."
	}
	return strconv.QuoteToASCII(s)
}
