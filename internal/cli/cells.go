package cli

import "strconv"

// dash returns the text of a cell, "-" for an empty one.
func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// clip shortens s to n runes.
func clip(s string, n int) string {
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	return string(runes[:n-1]) + "…"
}

// printable returns a text that fits into one cell of a terminal.
func printable(text string) string {
	const most = 32
	if cut := []rune(text); len(cut) > most {
		text = string(cut[:most]) + "..."
	}
	if quoted := strconv.Quote(text); quoted != `"`+text+`"` {
		return quoted
	}
	return text
}
