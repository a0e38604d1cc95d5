package mapping

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"tidemark/producers/formats/faults"
)

// condition selects rows: it holds if all tests of one of its alternatives hold. Without alternatives it holds for
// every row.
type condition [][]test

// test is about the text of one column.
type test struct {
	column  *ref
	not     bool
	texts   []string // The text is one of them.
	pattern *regexp.Regexp
}

// holds reports whether the condition holds for the row.
func (c condition) holds(values []string) bool {
	if len(c) == 0 {
		return true
	}
	for _, all := range c {
		if !slices.ContainsFunc(all, func(t test) bool { return !t.holds(values[t.column.at]) }) {
			return true
		}
	}
	return false
}

// columns are the columns of the tests.
func (c condition) columns() []*ref {
	var all []*ref
	for _, tests := range c {
		for _, t := range tests {
			if !slices.Contains(all, t.column) {
				all = append(all, t.column)
			}
		}
	}
	return all
}

func (t test) holds(text string) bool {
	is := slices.Contains(t.texts, text)
	if t.pattern != nil {
		is = t.pattern.MatchString(text)
	}
	return is != t.not
}

var testKeys = []string{"is", "not", "matches"}

// condition reads lines COLUMN: VALUE, or a list of groups of such lines, of which one must hold.
func (p *mappingParser) condition(what string, n *yaml.Node) condition {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	var c condition
	for _, item := range items {
		if item.Kind != yaml.MappingNode || len(item.Content) == 0 {
			p.bad(item.Line, what+" is "+kindName(item), "write lines COLUMN: VALUE, COLUMN: [VALUE, VALUE], COLUMN: {not: VALUE} or COLUMN: {matches: REGEXP}")
			continue
		}
		var all []test
		p.pairs(item, nil, func(key string, keyNode, value *yaml.Node) {
			all = append(all, p.tests(what+"."+key, p.column(key, keyNode.Line), value)...)
		})
		c = append(c, all)
	}
	return c
}

// tests reads the tests of one column.
func (p *mappingParser) tests(what string, column *ref, n *yaml.Node) []test {
	if n.Kind != yaml.MappingNode {
		return []test{{column: column, texts: p.texts(what, n)}}
	}
	var all []test
	p.pairs(n, testKeys, func(key string, _, value *yaml.Node) {
		switch key {
		case "is", "not":
			all = append(all, test{column: column, not: key == "not", texts: p.texts(what+"."+key, value)})
		case "matches":
			text, ok := p.text(value, what+"."+key)
			if !ok {
				return
			}
			pattern, err := regexp.Compile(text)
			if err != nil {
				p.bad(value.Line, what+".matches is no regular expression: "+err.Error(), "correct it, see golang.org/s/re2syntax")
				return
			}
			all = append(all, test{column: column, pattern: pattern})
		}
	})
	return all
}

// texts returns the texts that a column may have, the empty one among them.
func (p *mappingParser) texts(what string, n *yaml.Node) []string {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	var texts []string
	for _, item := range items {
		if item.Kind != yaml.ScalarNode {
			p.bad(item.Line, what+" has "+kindName(item), `write texts; "" is a column that is empty`)
			continue
		}
		text := item.Value
		if item.Tag == "!!null" {
			text = ""
		}
		texts = append(texts, text)
	}
	return texts
}

// each reads the path to the arrays whose elements are the rows.
func (p *mappingParser) each(n *yaml.Node) {
	p.mapping.each = strings.Split(strings.Join(p.list("each", n), "."), ".")
	if slices.Contains(p.mapping.each, "") {
		p.bad(n.Line, "each has an empty part", "write the path to the array, such as data.results")
	}
}

func (p *mappingParser) delimiter(n *yaml.Node) {
	text, ok := p.text(n, "delimiter")
	names := map[string]string{"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
	if name, known := names[text]; known {
		text = name
	}
	switch {
	case !ok:
	case len(text) != 1 || !isASCII(text) || strings.ContainsAny(text, "\"\r\n"):
		p.bad(n.Line, "delimiter "+faults.Quote(text)+" is not one character", "use "+faults.Keys(names)+", or the character")
	default:
		p.mapping.delimiter = text[0]
	}
}

// isASCII reports whether a text has only ASCII characters.
func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
