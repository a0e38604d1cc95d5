package numbers

import (
	"slices"
	"strings"
)

// Form is a way to write numbers. The zero value has no groups and no marks, and a decimal point.
type Form struct {
	Decimal  string   // What begins the decimals. Default a point, or a comma where a point parts thousands.
	Group    []string // What parts thousands.
	Marks    []string // Texts beside a number, such as a currency's.
	Suffixes bool     // K, M, B and T after it are read.
}

// spaces are the spaces that part thousands in exports.
var spaces = strings.NewReplacer("\u00a0", " ", "\u202f", " ", "\u2009", " ", "\u2007", " ", "\u2019", "'", "\u2212", "-")

// suffixDigits are the digits that a letter after a number stands for.
var suffixDigits = map[byte]int{'k': 3, 'm': 6, 'b': 9, 't': 12}

// Plain returns a number in the form that Decimal reads, and the digits that its suffix stands for. The problem is to
// be read after the number.
func (f *Form) Plain(text string) (number string, digits int, problem string) {
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
	if f.Suffixes && number != "" {
		if n, has := suffixDigits[number[len(number)-1]|0x20]; has {
			digits, number = n, strings.TrimSpace(number[:len(number)-1])
		}
	}
	whole, fraction, ok := f.parts(number)
	if !ok {
		if slices.ContainsFunc(f.Group, func(mark string) bool { return strings.Contains(number, mark) }) && strings.Trim(number, "0123456789,. '_") == "" {
			return "", 0, "is not grouped in threes"
		}
		return "", 0, NotNumber
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

// parts returns the digits before the decimals, and the decimals. A mark that parts thousands and begins the decimals,
// as the columns of one file may have it, parts thousands where three digits follow it.
func (f *Form) parts(number string) (whole, fraction string, ok bool) {
	if slices.Contains(f.Group, f.Decimal) && !strings.HasPrefix(number, "0") {
		if whole, ok := f.ungrouped(number); ok && IsDigits(whole) {
			return whole, "", true
		}
	}
	at := strings.LastIndex(number, f.Decimal)
	if at < 0 {
		whole, ok = f.ungrouped(number)
		return whole, "", ok
	}
	whole, fraction = number[:at], number[at+len(f.Decimal):]
	if strings.Contains(whole, f.Decimal) || strings.ContainsAny(fraction, ",. '_") {
		return "", "", false
	}
	whole, ok = f.ungrouped(whole)
	return whole, fraction, ok
}

// unmarked returns the number without a mark before and one after it.
func (f *Form) unmarked(number string) string {
	number = strings.TrimSpace(number)
	for _, mark := range f.Marks {
		if rest, ok := strings.CutPrefix(number, mark); ok {
			number = strings.TrimSpace(rest)
			break
		}
	}
	for _, mark := range f.Marks {
		if rest, ok := strings.CutSuffix(number, mark); ok {
			return strings.TrimSpace(rest)
		}
	}
	return number
}

// ungrouped returns the digits before the decimals without what parts them: one mark all along, and three digits after
// the last, two or three between, since some part lakhs.
func (f *Form) ungrouped(whole string) (string, bool) {
	for _, mark := range f.Group {
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

// Rounded reports whether a number has an exponent and fewer digits than are before its point, as spreadsheets and
// printf write long ones: the others are lost. Java and others write exact numbers so, without a plus. What is not
// strict may be short because it ended in zeros.
func Rounded(text string, strict bool) bool {
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

// IsDigits reports whether a text is a whole number as programs write it.
func IsDigits(text string) bool {
	for i := range len(text) {
		if text[i]-'0' > 9 {
			return false
		}
	}
	return text != ""
}

// LostDigits reports whether an identifier is a long number that a spreadsheet has rounded.
func LostDigits(text string) bool {
	const kept, long = 15, 19 // Digits that a spreadsheet keeps, and of a number that is an id.
	if len(text) >= long && IsDigits(text) && strings.Trim(text[kept:], "0") == "" {
		return true
	}
	return strings.IndexByte(text, '+') > 0 && Rounded(text, true)
}
