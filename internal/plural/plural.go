// Package plural writes numbers of things as people say them: "1 row", "2 rows".
package plural

import (
	"fmt"
	"strings"
)

// Number is what things are counted in.
type Number interface {
	~int | ~int32 | ~int64 | ~uint | ~uint32 | ~uint64
}

// verbs of one thing, and of several.
var verbs = map[string]string{
	"is": "are", "was": "were", "has": "have", "does": "do", "takes": "take", "keeps": "keep", "counts": "count", "lies": "lie",
	"repeats": "repeat", "replaces": "replace", "contradicts": "contradict", "differs": "differ",
}

// Of returns a number of things. what names one of them, such as "row" or "dead letter", and may end in what it does: "row was".
func Of[N Number](n N, what string) string {
	return fmt.Sprintf("%d %s", n, Name(n, what))
}

// Text returns a number of things whose number is written already, such as "1" or "12,345".
func Text(number, what string) string {
	if number == "1" {
		return number + " " + what
	}
	return number + " " + Name(0, what)
}

// Name returns what so many things are called.
func Name[N Number](n N, what string) string {
	if n == 1 {
		return what
	}
	if at := strings.LastIndexByte(what, ' '); at > 0 && verbs[what[at+1:]] != "" {
		return several(what[:at]) + " " + verbs[what[at+1:]]
	}
	return several(what)
}

// several returns the plural of what one thing is called.
func several(what string) string {
	stem, isY := strings.CutSuffix(what, "y")
	switch {
	case isY && !strings.ContainsAny(stem[len(stem)-1:], "aeiou"):
		return stem + "ies"
	case strings.HasSuffix(what, "s"):
		return what + "es"
	}
	return what + "s"
}
