package mapping

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"tidemark/producers/formats/faults"
	"tidemark/producers/formats/fields"
	"tidemark/producers/formats/numbers"
)

var numberKeys = []string{"decimal", "group", "marks", "suffixes"}

// groupMarks are what may part thousands; a space is any space.
var groupMarks = []string{",", ".", " ", "'", "_"}

// numberForm reads the form of numbers.
func (p *mappingParser) numberForm(what string, n *yaml.Node) *numbers.Form {
	f := &numbers.Form{}
	if n.Kind != yaml.MappingNode {
		p.bad(n.Line, what+" is "+kindName(n), "write the keys "+strings.Join(numberKeys, ", "))
		return f
	}
	p.pairs(n, numberKeys, func(key string, _, value *yaml.Node) {
		switch key {
		case "decimal":
			f.Decimal, _ = p.text(value, what+".decimal")
			if f.Decimal != "." && f.Decimal != "," {
				p.bad(value.Line, what+".decimal is neither a point nor a comma", `write "." or ","`)
			}
		case "group":
			f.Group = p.list(what+".group", value)
			for _, mark := range f.Group {
				if !slices.Contains(groupMarks, mark) {
					p.bad(value.Line, what+".group has "+faults.Quote(mark), `use one or several of "`+strings.Join(groupMarks, `" "`)+`"`)
				}
			}
		case "marks":
			f.Marks = p.list(what+".marks", value)
		case "suffixes":
			text, ok := p.text(value, what+".suffixes")
			truth, known := fields.Truths[text]
			if ok && !known {
				p.bad(value.Line, what+".suffixes is neither true nor false", "write true if K, M, B and T after a number are a thousand, a million and so on")
			}
			f.Suffixes = truth
		}
	})
	if f.Decimal == "" {
		f.Decimal = "."
		if slices.Contains(f.Group, ".") {
			f.Decimal = ","
		}
	}
	return f
}

var (
	grouped   = regexp.MustCompile(`^[-+(]?\d{1,3}([., '’_\x{a0}\x{202f}\x{2009}]\d{2,3})*[., '’_\x{a0}\x{202f}\x{2009}]\d{3}\)?$`)
	suffixed  = regexp.MustCompile(`^[0-9.,]+ ?[kKmMbBtT]$`)
	commaed   = regexp.MustCompile(`^[-+]?\d*,\d+$`)
	marked    = regexp.MustCompile(`^[-+(]?(\p{Sc}|[A-Z]{3}) ?[-+]?[0-9.,]+\)?$|^[-+(]?[0-9.,]+ ?(\p{Sc}|[A-Z]{3})\)?$`)
	bracketed = regexp.MustCompile(`^\([0-9.,]+\)$`)
	// thousands is a whole number or one with a point that parts thousands: nobody can tell.
	thousands = regexp.MustCompile(`^[1-9]\d{0,2}\.\d{3}$`)
)

// hint names what in a mapping would make a number of a text; empty if nothing would.
func hint(f *numbers.Form, text string) string {
	switch {
	case isNothing(text):
		return ": if it stands for nothing, list it in the mapping, null: [" + yamlText(text) + "]"
	case marked.MatchString(text):
		return `: say in the mapping what is beside numbers, numbers: {marks: ["$"]}`
	case suffixed.MatchString(text) && (f == nil || !f.Suffixes):
		return ": say in the mapping that letters stand for thousands, numbers: {suffixes: true}"
	case bracketed.MatchString(text) && f == nil:
		return ": if that is a negative number, say in the mapping how numbers are written, numbers: {decimal: \".\"}"
	case grouped.MatchString(text) || commaed.MatchString(text):
		return `: say in the mapping how numbers are written, numbers: {decimal: ",", group: "."} or {decimal: ".", group: ","}`
	}
	return ""
}

// words are texts of one meaning.
type words struct {
	said bool // The mapping says which they are, none of them maybe.
	set  map[string]bool
}

// none reports whether the mapping says that no text stands for nothing.
func (w words) none() bool { return w.said && len(w.set) == 0 }

// words reads a list of texts, which may be empty or hold the empty text.
func (p *mappingParser) words(what string, n *yaml.Node) words {
	w := words{said: true, set: map[string]bool{}}
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	for _, item := range items {
		switch {
		case item.Kind != yaml.ScalarNode:
			p.bad(item.Line, what+" has "+kindName(item), "list texts")
		case item.Value == "" && item.Tag == "!!null": // YAML's own null is written so, too.
		default:
			w.set[item.Value] = true
		}
	}
	return w
}

// nothings are the words for nothing that programs and people write, in lower case.
var nothings = []string{"null", "(null)", "<null>", "none", "nil", "nan", "n/a", "#n/a", "<na>", `\n`, "undefined", "(not set)", "(none)", "-", "--", "—", "#ref!", "#value!", "#name?", "#div/0!", "#num!", "########"}

// isNothing reports whether a text most likely stands for nothing.
func isNothing(text string) bool {
	const longest = 9
	return text != "" && len(text) <= longest && slices.Contains(nothings, strings.ToLower(text))
}
