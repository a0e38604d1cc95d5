package macros

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tidemark/schemas"
)

func (e *expander) unknownVariable(name string) error {
	known := slices.Sorted(maps.Keys(e.scope.Variables))
	if len(known) == 0 {
		return fmt.Errorf("unknown variable %q: the dashboard has none", name)
	}
	return fmt.Errorf("unknown variable %q: the dashboard has %s", name, strings.Join(known, ", "))
}

// variable returns the text for a template variable.
func (e *expander) variable(ref reference, quote byte, depth int) (string, error) {
	value, ok := e.scope.Variables[ref.name]
	if !ok {
		err := e.unknownVariable(ref.name)
		if strings.HasPrefix(ref.text, "[[") {
			err = fmt.Errorf("%w (an array within an array is written [ [x] ])", err)
		}
		return "", err
	}
	format, ok := formats[ref.format]
	if !ok {
		return "", fmt.Errorf("unknown format %q: there are %s", ref.format, strings.Join(slices.Sorted(maps.Keys(formats))[1:], ", "))
	}
	if e.used != nil {
		e.used[ref.name] = true
	}
	if value.All && value.AllValue != "" {
		return e.allValue(ref, value.AllValue, quote, depth)
	}
	if e.used != nil {
		return "", nil
	}
	if !value.list() && len(value.Values) != 1 {
		return "", fmt.Errorf("%d values for a variable that takes one", len(value.Values))
	}
	quotes := format.quotes || ref.format == "" && value.list()
	if quotes && quote != 0 {
		return "", fmt.Errorf("a quoted value within quotes: take the %c around it away", quote)
	}
	if !quotes {
		for _, v := range value.Values {
			if err := harmless(v, quote); err != nil {
				return "", err
			}
		}
		if quote == 0 && (len(value.Values) == 0 || slices.Contains(value.Values, "")) {
			return "", errors.New("an empty value needs a format that quotes, such as singlequote")
		}
	}
	text := format.text(ref.name, value)
	if quote != 0 && strings.ContainsAny(text, `\`+string(rune(quote))) {
		return "", fmt.Errorf("the value in this format has a %c or backslash, and stands within quotes", quote)
	}
	return text, nil
}

// allValue returns what stands for "All" where the dashboard says it itself. Grafana formats it in three formats only.
func (e *expander) allValue(ref reference, text string, quote byte, depth int) (string, error) {
	switch ref.format {
	case "text":
		return "All", nil
	case "queryparam":
		return formats["queryparam"].text(ref.name, Value{All: true}), nil
	}
	text, err := e.expand(text, depth+1)
	if err != nil {
		return "", fmt.Errorf("allValue: %w", err)
	}
	if ref.format == "percentencode" {
		text = percentEncode(text)
	}
	if quote != 0 && strings.ContainsAny(text, "'\"`\\") {
		return "", errors.New("an allValue with quotes or backslashes cannot stand within quotes")
	}
	return text, nil
}

// harmless returns an error if value could be more than a word where it is put without quotes of its own.
func harmless(value string, quote byte) error {
	if quote != 0 {
		if i := strings.IndexFunc(value, func(r rune) bool { return r < ' ' || strings.ContainsRune("'\"`\\", r) }); i >= 0 {
			return fmt.Errorf("the value %s has a quote, backslash or control character, and stands within quotes: use a format that quotes, without quotes around it", excerpt(value))
		}
		return nil
	}
	integer, fraction, decimal := strings.Cut(value, ".")
	if wordLength(value) == len(value) || decimal && isNumber(integer) && isNumber(fraction) {
		return nil
	}
	return fmt.Errorf("the value %s is not a plain word or number: use a format that quotes, such as singlequote", excerpt(value))
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// excerpt is a value for an error's text.
func excerpt(value string) string {
	const longest = 40
	if len(value) > longest {
		return strconv.Quote(strings.ToValidUTF8(value[:longest], "")) + "..."
	}
	return strconv.Quote(value)
}

// format is a way to write a value into a statement.
type format struct {
	quotes bool // Whatever the values are, the text is made of literals.
	text   func(name string, v Value) string
}

// formats are Grafana's, by name; "" is what the plugin makes of a reference without one: a quoted list if the variable
// takes several values, else the value. Grafana's text is the label of a choice; here it is the value, which a
// statement has more use for.
var formats = map[string]format{
	"": {text: func(_ string, v Value) string {
		if !v.list() {
			return v.Values[0]
		}
		if len(v.Values) == 0 {
			return "''"
		}
		return each(v, schemas.Quote)
	}},
	"singlequote": {quotes: true, text: func(_ string, v Value) string { return each(v, schemas.Quote) }},
	"doublequote": {quotes: true, text: func(_ string, v Value) string {
		return each(v, func(s string) string { return `"` + doubleEscapes.Replace(s) + `"` })
	}},
	"sqlstring": {quotes: true, text: func(_ string, v Value) string {
		return each(v, func(s string) string { return "'" + sqlEscapes.Replace(s) + "'" })
	}},
	"raw":  {text: func(_ string, v Value) string { return strings.Join(v.Values, ",") }},
	"csv":  {text: func(_ string, v Value) string { return strings.Join(v.Values, ",") }},
	"pipe": {text: func(_ string, v Value) string { return strings.Join(v.Values, "|") }},
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
		// What needs an escape in JSON is not let through without quotes of its own.
		return "[" + each(v, func(s string) string { return `"` + s + `"` }) + "]"
	}},
	"percentencode": {text: func(_ string, v Value) string {
		if v.list() {
			return percentEncode("{" + strings.Join(v.Values, ",") + "}")
		}
		return percentEncode(v.Values[0])
	}},
	"queryparam": {text: func(name string, v Value) string {
		if v.All {
			return "var-" + name + "=$__all"
		}
		params := make([]string, len(v.Values))
		for i, s := range v.Values {
			params[i] = "var-" + name + "=" + percentEncode(s)
		}
		return strings.Join(params, "&")
	}},
}

var (
	doubleEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\x00", `\0`)
	sqlEscapes    = strings.NewReplacer(`\`, `\\`, `'`, `''`, `"`, `\"`, "\x00", `\0`)
	regexEscapes  = strings.NewReplacer(`\`, `\\`, `^`, `\^`, `$`, `\$`, `*`, `\*`, `+`, `\+`, `?`, `\?`, `.`, `\.`,
		`(`, `\(`, `)`, `\)`, `|`, `\|`, `{`, `\{`, `}`, `\}`, `[`, `\[`, `]`, `\]`, `/`, `\/`)
)

func each(v Value, quoted func(string) string) string {
	texts := make([]string, len(v.Values))
	for i, s := range v.Values {
		texts[i] = quoted(s)
	}
	return strings.Join(texts, ",")
}

// percentEncode is JavaScript's encodeURIComponent with !'()* encoded too.
func percentEncode(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
