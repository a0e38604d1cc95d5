package schemas

import "strings"

var (
	literalEscapes    = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\x00", `\0`)
	identifierEscapes = strings.NewReplacer(`\`, `\\`, "`", "\\`", "\x00", `\0`)
)

// Quote returns s as a ClickHouse string literal.
func Quote(s string) string { return "'" + literalEscapes.Replace(s) + "'" }

// QuoteAll returns texts as ClickHouse string literals with commas between.
func QuoteAll(texts []string) string {
	var quoted []string
	for _, text := range texts {
		quoted = append(quoted, Quote(text))
	}
	return strings.Join(quoted, ", ")
}

// Ident returns s as a quoted ClickHouse identifier.
func Ident(s string) string { return "`" + identifierEscapes.Replace(s) + "`" }
