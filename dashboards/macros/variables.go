package macros

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
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
	format, err := formatOf(ref.format)
	if err != nil {
		return "", err
	}
	if e.used != nil {
		e.used[ref.name] = true
	}
	if e.strict {
		if err := format.safe(ref.name, value, quote); err != nil {
			return "", err
		}
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
	text := format.text(ref.name, value)
	if err := format.fits(text, value, quote); err != nil {
		return "", err
	}
	return text, replaced(text)
}

// allValue returns what stands for "All" where the dashboard says it itself. Grafana formats it in three formats only.
func (e *expander) allValue(ref reference, text string, quote byte, depth int) (string, error) {
	switch ref.format {
	case "text":
		return "All", nil
	case "queryparam":
		return queryParam(ref.name, Value{All: true}), nil
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
