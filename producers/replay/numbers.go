package replay

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// numberForm says how people write numbers. The zero value is a form without groups and marks, and with a decimal point.
type numberForm struct {
	decimal  string   // What begins the decimals. Default a point, or a comma where a point parts thousands.
	group    []string // What parts thousands.
	marks    []string // Texts beside a number, such as a currency's.
	suffixes bool     // K, M, B and T after it are read.
}

var numberKeys = []string{"decimal", "group", "marks", "suffixes"}

// groupMarks are what may part thousands; a space is any space.
var groupMarks = []string{",", ".", " ", "'", "_"}

// numberForm reads the form of numbers.
func (p *mappingParser) numberForm(what string, n *yaml.Node) *numberForm {
	f := &numberForm{}
	if n.Kind != yaml.MappingNode {
		p.bad(n.Line, what+" is "+kindName(n), "write the keys "+strings.Join(numberKeys, ", "))
		return f
	}
	p.pairs(n, numberKeys, func(key string, _, value *yaml.Node) {
		switch key {
		case "decimal":
			f.decimal, _ = p.text(value, what+".decimal")
			if f.decimal != "." && f.decimal != "," {
				p.bad(value.Line, what+".decimal is neither a point nor a comma", `write "." or ","`)
			}
		case "group":
			f.group = p.list(what+".group", value)
			for _, mark := range f.group {
				if !slices.Contains(groupMarks, mark) {
					p.bad(value.Line, what+".group has "+quote(mark), `use one or several of "`+strings.Join(groupMarks, `" "`)+`"`)
				}
			}
		case "marks":
			f.marks = p.list(what+".marks", value)
		case "suffixes":
			text, ok := p.text(value, what+".suffixes")
			truth, known := truths[text]
			if ok && !known {
				p.bad(value.Line, what+".suffixes is neither true nor false", "write true if K, M, B and T after a number are a thousand, a million and so on")
			}
			f.suffixes = truth
		}
	})
	if f.decimal == "" {
		f.decimal = "."
		if slices.Contains(f.group, ".") {
			f.decimal = ","
		}
	}
	return f
}

// spaces are the spaces that part thousands in exports.
var spaces = strings.NewReplacer("\u00a0", " ", "\u202f", " ", "\u2009", " ", "\u2007", " ", "\u2019", "'", "\u2212", "-")

// suffixDigits are the digits that a letter after a number stands for.
var suffixDigits = map[byte]int{'k': 3, 'm': 6, 'b': 9, 't': 12}

// plain returns a number as decimal reads it, and the digits that its suffix stands for. The problem is to be read after
// the number.
func (f *numberForm) plain(text string) (number string, digits int, problem string) {
	number = spaces.Replace(text)
	negative := false
	if inner, ok := strings.CutPrefix(number, "("); ok && strings.HasSuffix(inner, ")") {
		number, negative = strings.TrimSuffix(inner, ")"), true
	}
	number = f.unmarked(number)
	if rest, ok := strings.CutPrefix(number, "-"); ok && !negative {
		number, negative = f.unmarked(rest), true
	} else if rest, ok := strings.CutSuffix(number, "-"); ok && !negative {
		number, negative = rest, true
	}
	number = strings.TrimPrefix(number, "+")
	if f.suffixes && number != "" {
		if n, has := suffixDigits[number[len(number)-1]|0x20]; has {
			digits, number = n, strings.TrimSpace(number[:len(number)-1])
		}
	}
	whole, fraction, ok := f.parts(number)
	if !ok {
		if slices.ContainsFunc(f.group, func(mark string) bool { return strings.Contains(number, mark) }) && strings.Trim(number, "0123456789,. '_") == "" {
			return "", 0, "is not grouped in threes"
		}
		return "", 0, "is not a number" + f.hint(text)
	}
	number = whole
	if fraction != "" {
		number += "." + fraction
	}
	if negative {
		number = "-" + number
	}
	return number, digits, ""
}

// parts returns the digits before the decimals, and the decimals. A mark that parts thousands and begins the decimals, as the
// columns of one file may have it, parts thousands where three digits follow it.
func (f *numberForm) parts(number string) (whole, fraction string, ok bool) {
	if slices.Contains(f.group, f.decimal) && !strings.HasPrefix(number, "0") {
		if whole, ok := f.ungrouped(number); ok && isDigits(whole) {
			return whole, "", true
		}
	}
	at := strings.LastIndex(number, f.decimal)
	if at < 0 {
		whole, ok = f.ungrouped(number)
		return whole, "", ok
	}
	whole, fraction = number[:at], number[at+len(f.decimal):]
	if strings.Contains(whole, f.decimal) || strings.ContainsAny(fraction, ",. '_") {
		return "", "", false
	}
	whole, ok = f.ungrouped(whole)
	return whole, fraction, ok
}

// unmarked returns the number without a mark before and one after it.
func (f *numberForm) unmarked(number string) string {
	number = strings.TrimSpace(number)
	for _, mark := range f.marks {
		if rest, ok := strings.CutPrefix(number, mark); ok {
			number = strings.TrimSpace(rest)
			break
		}
	}
	for _, mark := range f.marks {
		if rest, ok := strings.CutSuffix(number, mark); ok {
			return strings.TrimSpace(rest)
		}
	}
	return number
}

// ungrouped returns the digits before the decimals without what parts them: one mark all along, and three digits after the
// last, two or three between, since some part lakhs.
func (f *numberForm) ungrouped(whole string) (string, bool) {
	for _, mark := range f.group {
		parts := strings.Split(whole, mark)
		if len(parts) == 1 {
			continue
		}
		for i, part := range parts {
			last := i == len(parts)-1
			switch {
			case i == 0 && (part == "" || len(part) > 3 || part[0] == '0'), // No number with thousands begins so.
				last && len(part) != 3,
				i > 0 && !last && len(part) != 3 && len(part) != 2:
				return "", false
			}
		}
		return strings.Join(parts, ""), true
	}
	return whole, !strings.ContainsAny(whole, ",' _")
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
func (f *numberForm) hint(text string) string {
	switch {
	case isNothing(text):
		return ": if it stands for nothing, list it in the mapping, null: [" + yamlText(text) + "]"
	case marked.MatchString(text):
		return `: say in the mapping what is beside numbers, numbers: {marks: ["$"]}`
	case suffixed.MatchString(text) && (f == nil || !f.suffixes):
		return ": say in the mapping that letters stand for thousands, numbers: {suffixes: true}"
	case bracketed.MatchString(text) && f == nil:
		return ": if that is a negative number, say in the mapping how numbers are written, numbers: {decimal: \".\"}"
	case grouped.MatchString(text) || commaed.MatchString(text):
		return `: say in the mapping how numbers are written, numbers: {decimal: ",", group: "."} or {decimal: ".", group: ","}`
	}
	return ""
}

// yamlText writes a text so that YAML reads it as that.
func yamlText(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// rounded reports whether a number has an exponent and fewer digits than are before its point, as spreadsheets and printf
// write long ones: the others are lost. Java and others write exact numbers so, without a plus. What is not strict may be
// short because it ended in zeros.
func rounded(text string, strict bool) bool {
	if strings.IndexByte(text, '+') < 0 {
		return false
	}
	at := strings.IndexAny(text, "eE")
	if at < 1 || at+1 == len(text) || text[at+1] != '+' {
		return false
	}
	digits, exponent, ok := cutExponent(text)
	if !ok {
		return false
	}
	whole, fraction, _ := strings.Cut(strings.TrimLeft(digits, "+-"), ".")
	const shown = 6 // Significant digits of printf's %g and of a narrow cell.
	count := len(whole) + len(fraction)
	return len(whole) == 1 && exponent > len(fraction) && (strict || count >= shown)
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

// isDigits reports whether a text is a whole number as programs write it.
func isDigits(text string) bool {
	for i := range len(text) {
		if text[i]-'0' > 9 {
			return false
		}
	}
	return text != ""
}

// isASCII reports whether a text has no other characters.
func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
