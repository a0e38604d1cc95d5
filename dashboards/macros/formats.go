package macros

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// format is a way to write a value into a statement, byte for byte as Grafana does (formatRegistry of grafana/scenes).
type format struct {
	// quotes says that the text is made of literals or quoted identifiers. Grafana escapes their quotes, but no backslash.
	quotes bool
	// quotesLists says the same of a list, not of a variable that takes one value.
	quotesLists bool
	// encodes says that the text has no quote and no backslash, whatever the values are.
	encodes bool
	// dollars says that a dollar stays what it is, so that a value can name a macro.
	dollars bool
	// joins says that it cannot be told from the text whether there was one value or several.
	joins bool
	text  func(name string, v Value) string
}

// formats are those of Grafana that can stand in a statement, by name; "" is what the plugin makes of a reference without
// one: a list within quotes, without any escapes, if the variable takes several values, else the value. Grafana's text is
// the label of a choice; here it is the value, which a statement has more use for.
var formats = map[string]format{
	"": {quotesLists: true, text: func(_ string, v Value) string {
		switch {
		case !v.list():
			return v.Values[0]
		case len(v.Values) == 0:
			return "''"
		}
		return each(v, plainQuoted)
	}},
	"singlequote": {quotes: true, text: func(_ string, v Value) string { return each(v, singleQuoted) }},
	"doublequote": {quotes: true, text: func(_ string, v Value) string { return each(v, doubleQuoted) }},
	"sqlstring":   {quotes: true, text: func(_ string, v Value) string { return each(v, sqlQuoted) }},
	"raw":         {text: func(_ string, v Value) string { return strings.Join(v.Values, ",") }},
	"csv":         {text: func(_ string, v Value) string { return strings.Join(v.Values, ",") }},
	"pipe":        {text: func(_ string, v Value) string { return strings.Join(v.Values, "|") }},
	"glob": {text: func(_ string, v Value) string {
		if v.list() && len(v.Values) > 1 {
			return "{" + strings.Join(v.Values, ",") + "}"
		}
		return strings.Join(v.Values, ",")
	}},
	"text": {text: func(_ string, v Value) string {
		if v.All {
			return "All"
		}
		return strings.Join(v.Values, " + ")
	}},
	"distributed": {text: func(name string, v Value) string { return strings.Join(v.Values, ","+name+"=") }},
	"regex": {text: func(_ string, v Value) string {
		escaped := make([]string, len(v.Values))
		for i, s := range v.Values {
			escaped[i] = regexEscapes.Replace(s)
		}
		if len(escaped) == 1 {
			return escaped[0]
		}
		return "(" + strings.Join(escaped, "|") + ")"
	}},
	"json": {text: func(_ string, v Value) string {
		if !v.list() {
			return v.Values[0]
		}
		return "[" + each(v, jsonText) + "]"
	}},
	"percentencode": {encodes: true, joins: true, text: func(_ string, v Value) string {
		if v.list() {
			return percentEncode("{" + strings.Join(v.Values, ",") + "}")
		}
		return percentEncode(v.Values[0])
	}},
	"queryparam": {encodes: true, dollars: true, text: queryParam},
}

// formatOf returns the format of a name, which may have arguments: customqueryparam:NAME:PREFIX.
func formatOf(name string) (format, error) {
	if base, args, _ := strings.Cut(name, ":"); base == "customqueryparam" {
		param, prefix, _ := strings.Cut(args, ":")
		return format{encodes: true, text: func(variable string, v Value) string {
			if param != "" {
				variable = param
			}
			head := percentEncode(variable) + "=" + percentEncode(prefix)
			params := make([]string, len(v.Values))
			for i, s := range v.Values {
				params[i] = head + percentEncode(s)
			}
			return strings.Join(params, "&")
		}}, nil
	}
	if f, ok := formats[name]; ok {
		return f, nil
	}
	known := slices.Concat(slices.Sorted(maps.Keys(formats))[1:], []string{"customqueryparam"})
	slices.Sort(known)
	return format{}, fmt.Errorf("unknown format %q: there are %s", name, strings.Join(known, ", "))
}

// What to write instead of a format that lets a value out of its place.
const instead = "write '${%[1]s:percentencode}' for one value and '${%[1]s:customqueryparam}' for several, within single quotes, and decode them with decodeURLComponent"

// safe returns an error unless no value whatever can leave its place, or be taken for another one or several, in Grafana.
func (f format) safe(name string, v Value, quote byte) error {
	switch {
	case !f.encodes || f.dollars:
		return fmt.Errorf("in this format Grafana lets values out of their place: "+instead, name)
	case quote == 0:
		return fmt.Errorf("an encoded value needs quotes around it: "+instead, name)
	case f.joins && v.Multi:
		return fmt.Errorf("in this format a value with a comma cannot be told from two values: "+instead, name)
	}
	return nil
}

// fits returns an error if what Grafana would send in this format is more than a value in its place: the text is never
// mended, since a statement that works here alone would be no help.
func (f format) fits(text string, v Value, quote byte) error {
	quotes := f.quotes || f.quotesLists && v.list()
	switch {
	case quotes && quote != 0:
		return fmt.Errorf("a quoted value within quotes: take the %c around it away", quote)
	case quotes:
		return f.whole(v)
	case f.encodes && quote != 0:
		return nil
	case f.encodes:
		return harmless(text, 0)
	}
	for _, value := range v.Values {
		if err := harmless(value, quote); err != nil {
			return err
		}
	}
	if quote == 0 && (len(v.Values) == 0 || slices.Contains(v.Values, "")) {
		return errors.New("an empty value needs a format that quotes, such as singlequote")
	}
	if quote != 0 && strings.ContainsAny(text, `\`+string(rune(quote))) {
		return fmt.Errorf("the value in this format has a %c or backslash, and stands within quotes", quote)
	}
	return nil
}

// whole returns an error if one of the values, written as Grafana does, is not read as one literal from its first to its
// last byte: a backslash at its end takes the closing quote away, one before a quote lets the rest out.
func (f format) whole(v Value) error {
	for _, value := range v.Values {
		text := f.text("", Value{Values: []string{value}, Multi: true})
		if literalLength(text) != len(text) {
			return fmt.Errorf("the value %s ends its literal early, since Grafana escapes no backslash: use percentencode or customqueryparam within single quotes", excerpt(value))
		}
	}
	return nil
}

// literalLength returns the length of the literal that s starts with, whose quote may stand in it doubled; -1 if it has no
// end.
func literalLength(s string) int {
	length := 0
	for {
		n := quotedLength(s[length:])
		if n < 0 {
			return -1
		}
		length += n
		if length == len(s) || s[length] != s[0] {
			return length
		}
	}
}

// pluginMacro finds what the plugin's back end, which sees the statement with the values in it, would replace in a value.
var pluginMacro = regexp.MustCompile(`\$(__\w+)`)

// replaced returns an error if the plugin would replace something in the text of a value.
func replaced(text string) error {
	for _, m := range pluginMacro.FindAllStringSubmatch(text, -1) {
		for name := range plugin {
			if strings.HasPrefix(m[1], name) {
				return fmt.Errorf("the value has $%s in it, which the plugin would replace: use percentencode or customqueryparam within single quotes", name)
			}
		}
	}
	return nil
}

func plainQuoted(s string) string  { return "'" + s + "'" }
func singleQuoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `\'`) + "'" }
func doubleQuoted(s string) string { return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"` }
func sqlQuoted(s string) string    { return "'" + sqlEscapes.Replace(s) + "'" }

var (
	sqlEscapes   = strings.NewReplacer(`'`, `''`, `"`, `\"`)
	regexEscapes = strings.NewReplacer(`\`, `\\`, `^`, `\^`, `$`, `\$`, `*`, `\*`, `+`, `\+`, `?`, `\?`, `.`, `\.`,
		`(`, `\(`, `)`, `\)`, `|`, `\|`, `{`, `\{`, `}`, `\}`, `[`, `\[`, `]`, `\]`, `/`, `\/`)
	separators = strings.NewReplacer(`\u2028`, "\u2028", `\u2029`, "\u2029", `\\`, `\\`)
)

// jsonText is JavaScript's JSON.stringify, which leaves the separators of lines and paragraphs as they are.
func jsonText(s string) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s); err != nil {
		return `""` // Not reached: every text has JSON.
	}
	return separators.Replace(strings.TrimSuffix(out.String(), "\n"))
}

// queryParam is what stands in an address, where some characters stay readable.
func queryParam(name string, v Value) string {
	if v.All {
		return "var-" + name + "=$__all"
	}
	params := make([]string, len(v.Values))
	for i, s := range v.Values {
		params[i] = "var-" + name + "=" + readable.Replace(percentEncode(s))
	}
	return strings.Join(params, "&")
}

var readable = strings.NewReplacer("%40", "@", "%3A", ":", "%24", "$", "%2C", ",", "%3B", ";")

func each(v Value, quoted func(string) string) string {
	texts := make([]string, len(v.Values))
	for i, s := range v.Values {
		texts[i] = quoted(s)
	}
	return strings.Join(texts, ",")
}

// percentEncode is JavaScript's encodeURIComponent with !'()* encoded too. Its texts are whole characters: bytes that are
// no UTF-8 are the replacement character by the time Grafana has them.
func percentEncode(s string) string {
	return strings.ReplaceAll(url.QueryEscape(strings.ToValidUTF8(s, "\uFFFD")), "+", "%20")
}
