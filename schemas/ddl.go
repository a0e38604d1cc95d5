package schemas

import (
	"cmp"
	"fmt"
	"strings"
)

// ddl renders the statements that create and change tables and views. It is the only place that writes down the name of
// a table, its engine and its clauses: what a cluster needs beside them (replicated engines, Distributed tables, a
// statement per host) belongs here.
type ddl struct {
	database string
	comments bool // For people: statements that are sent have none.
}

// name is the name of a relation in a statement.
func (d ddl) name(relation string) string { return Ident(d.database) + "." + relation }

// createTable makes a table that is not there.
func (d ddl) createTable(t *Table) string {
	return "CREATE TABLE IF NOT EXISTS " + d.name(t.Name) + d.form(t)
}

// moveTable replaces a table by one of the new form, with the same rows. values are the expressions over the old columns
// that fill the new ones, except for those that the database computes.
func (d ddl) moveTable(t *Table, values []string) string {
	return fmt.Sprintf("CREATE OR REPLACE TABLE %[1]s%[2]s\nAS SELECT %[3]s\nFROM %[1]s", d.name(t.Name), d.form(t), strings.Join(values, ", "))
}

// form is what follows the name of a table that is made.
func (d ddl) form(t *Table) string {
	var b strings.Builder
	b.WriteString("\n(\n")
	for i, c := range t.Columns {
		d.item(&b, d.column(c), c.Comment, i+1 == len(t.Columns)+len(t.Indexes))
	}
	for i, x := range t.Indexes {
		d.item(&b, "INDEX "+x.Name+" "+x.Rest, x.Comment, i+1 == len(t.Indexes))
	}
	key := strings.Join(t.OrderBy, ", ")
	if len(t.OrderBy) > 1 {
		key = "(" + key + ")"
	}
	fmt.Fprintf(&b, ")\nENGINE = %s\nORDER BY %s", t.Engine, key)
	if t.Clauses != "" {
		b.WriteString("\n" + t.Clauses)
	}
	return b.String()
}

// item writes a line of a list, with its comment at the end, or above it if the line would get long.
func (d ddl) item(b *strings.Builder, text, comment string, last bool) {
	if !last {
		text += ","
	}
	if d.comments && comment != "" {
		if end := text + " -- " + comment; len(end) <= commentWidth && !strings.Contains(text, "\n") {
			text = end
		} else {
			for _, line := range wrap(comment, commentWidth-len("-- ")) {
				b.WriteString("    -- " + line + "\n")
			}
		}
	}
	b.WriteString("    " + text + "\n")
}

// commentWidth is where comments of statements end.
const commentWidth = 116

// wrap breaks a text into lines of some bytes at most.
func wrap(text string, width int) []string {
	var lines []string
	for _, word := range strings.Fields(text) {
		if last := len(lines) - 1; last >= 0 && len(lines[last])+1+len(word) <= width {
			lines[last] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}

func (d ddl) column(c Column) string {
	name := c.Name
	if strings.Contains(name, ".") {
		name = Ident(name)
	}
	return strings.TrimSpace(name + " " + c.Type + " " + c.Rest)
}

// addColumns adds columns of a table that are missing, each after its neighbor.
func (d ddl) addColumns(t *Table, missing map[string]bool) string {
	var parts []string
	for i, c := range t.Columns {
		if !missing[c.Name] {
			continue
		}
		place := "FIRST"
		if i > 0 {
			place = "AFTER " + Ident(t.Columns[i-1].Name)
		}
		parts = append(parts, "\n    ADD COLUMN IF NOT EXISTS "+d.column(c)+" "+place)
	}
	return "ALTER TABLE " + d.name(t.Name) + strings.Join(parts, ",")
}

// alterTable runs several commands on a table.
func (d ddl) alterTable(t *Table, commands []string) string {
	return "ALTER TABLE " + d.name(t.Name) + "\n    " + strings.Join(commands, ",\n    ")
}

func (d ddl) addIndex(t *Table, x Column) string {
	return fmt.Sprintf("ALTER TABLE %s ADD INDEX IF NOT EXISTS %s %s", d.name(t.Name), x.Name, x.Rest)
}

// createView makes a view, or replaces it: readers see the old or the new one.
func (d ddl) createView(v *View) string {
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE OR REPLACE VIEW %s AS\nSELECT\n", d.name(v.Name))
	for i, c := range v.Columns {
		text := cmp.Or(c.SQL, c.Name)
		if text != c.Name {
			text += " AS " + c.Name
		}
		d.item(&b, text, c.Comment, i+1 == len(v.Columns))
	}
	b.WriteString("FROM " + d.named(v.From))
	return b.String()
}

// named puts the names of relations into a text that has them in braces.
func (d ddl) named(text string) string { return expand(text, d.name) }

// expand replaces every {word} of a text.
func expand(text string, word func(string) string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		inner, after, _ := strings.Cut(rest, "}")
		b.WriteString(word(inner))
		text = after
	}
}
