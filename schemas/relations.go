package schemas

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Relation is a table or a view of the database, as the migrations make it.
type Relation struct {
	Name    string   // Without database.
	Columns []string // In order.
}

// Has reports whether the relation has the column.
func (r Relation) Has(column string) bool { return slices.Contains(r.Columns, column) }

// Relations returns the tables and views that the migrations make, by name. They are read from the statements
// themselves, so that whoever writes SQL can check a name without a database. A view has a column only if the
// relation it takes it from has it too: a column renamed in one file alone is missing, and the view is broken.
func Relations() (map[string]Relation, error) {
	all := make(map[string]Relation)
	for _, m := range Migrations("d") {
		r, err := readRelation(m.SQL, all)
		if err != nil {
			return nil, fmt.Errorf("migration %d, %s: %w", m.Version, m.Name, err)
		}
		if r.Name != "" {
			all[r.Name] = r
		}
	}
	return all, nil
}

var (
	lineComment = regexp.MustCompile(`--[^\n]*`)
	createTable = regexp.MustCompile("(?s)^CREATE (?:TABLE IF NOT EXISTS|OR REPLACE TABLE) `d`\\.(\\w+)\\s*\\((.*)\\)\\s*ENGINE")
	createView  = regexp.MustCompile("(?s)^CREATE OR REPLACE VIEW `d`\\.(\\w+) AS\\s+(.*)$")
	dropTable   = regexp.MustCompile("^DROP TABLE IF EXISTS `d`\\.(\\w+)$")
	insertRows  = regexp.MustCompile("^INSERT INTO `d`\\.\\w+ \\(")
	addIndex    = regexp.MustCompile("^ALTER TABLE `d`\\.\\w+ ADD INDEX IF NOT EXISTS ")
	addColumns  = regexp.MustCompile("(?s)^ALTER TABLE `d`\\.(\\w+)\\s+(ADD COLUMN IF NOT EXISTS .*)$")
	addColumn   = regexp.MustCompile(`^ADD COLUMN IF NOT EXISTS ([\w.]+) \w`)
	firstSource = regexp.MustCompile("`d`\\.(\\w+)")
	plainName   = regexp.MustCompile(`^(?:\w+\.)?(\w+)$`)
	itemAlias   = regexp.MustCompile(`(?s)\sAS\s+(\w+)$`)
)

// readRelation reads one statement. Anything but the forms that the files have is an error, so that a new form is not
// passed over. A statement that leaves the columns as they are gives a relation without a name; one that drops a
// relation takes it from those known.
func readRelation(sql string, known map[string]Relation) (Relation, error) {
	sql = strings.TrimSpace(lineComment.ReplaceAllString(sql, ""))
	if m := createTable.FindStringSubmatch(sql); m != nil {
		r := Relation{Name: m[1]}
		for _, item := range splitList(m[2]) {
			name, rest, _ := strings.Cut(item, " ")
			switch {
			case name == "INDEX" || name == "CONSTRAINT" || name == "PROJECTION":
			case strings.HasPrefix(strings.TrimSpace(rest), "Nested"):
				inner := rest[strings.Index(rest, "(")+1 : strings.LastIndex(rest, ")")]
				for _, field := range splitList(inner) {
					sub, _, _ := strings.Cut(field, " ")
					r.Columns = append(r.Columns, strings.TrimSpace(name)+"."+sub)
				}
			default:
				r.Columns = append(r.Columns, strings.TrimSpace(name))
			}
		}
		return r, nil
	}
	if m := createView.FindStringSubmatch(sql); m != nil {
		return readView(m[1], m[2], known)
	}
	if m := dropTable.FindStringSubmatch(sql); m != nil {
		delete(known, m[1])
		return Relation{}, nil
	}
	if m := addColumns.FindStringSubmatch(sql); m != nil {
		return widened(known[m[1]], m[1], m[2])
	}
	if addIndex.MatchString(sql) || insertRows.MatchString(sql) {
		return Relation{}, nil
	}
	return Relation{}, fmt.Errorf("neither a table nor a view: %.60q", sql)
}

// widened returns a relation with the columns that a statement adds.
func widened(r Relation, name, list string) (Relation, error) {
	if r.Name == "" {
		return r, fmt.Errorf("adds columns to %s, which no migration before it makes", name)
	}
	r.Columns = slices.Clone(r.Columns)
	for _, item := range splitList(list) {
		m := addColumn.FindStringSubmatch(item)
		if m == nil {
			return r, fmt.Errorf("not a column that is added: %.60q", item)
		}
		if !r.Has(m[1]) {
			r.Columns = append(r.Columns, m[1])
		}
	}
	return r, nil
}

// readView reads the columns of a view from its outermost SELECT.
func readView(name, query string, known map[string]Relation) (Relation, error) {
	r := Relation{Name: name}
	rest, ok := strings.CutPrefix(strings.TrimLeft(query, " \n"), "SELECT")
	if !ok {
		return r, fmt.Errorf("view %s: does not begin with SELECT", name)
	}
	list, from, ok := cutTop(rest, "FROM")
	if !ok {
		return r, fmt.Errorf("view %s: has no FROM", name)
	}
	var source Relation
	if m := firstSource.FindStringSubmatch(from); m != nil {
		if source, ok = known[m[1]]; !ok {
			return r, fmt.Errorf("view %s: reads %s, which no migration before it makes", name, m[1])
		}
	}
	direct := strings.HasPrefix(strings.TrimSpace(from), "`d`.") // Not of a subquery.
	for _, item := range splitList(list) {
		switch alias := itemAlias.FindStringSubmatch(item); {
		case alias != nil:
			r.Columns = append(r.Columns, alias[1])
		case item == "*":
			for _, column := range source.Columns {
				if !slices.Contains(r.Columns, column) {
					r.Columns = append(r.Columns, column)
				}
			}
		default:
			plain := plainName.FindStringSubmatch(item)
			if plain == nil {
				return r, fmt.Errorf("view %s: %.60q has no name", name, item)
			}
			if (!direct || source.Has(plain[1])) && !r.Has(plain[1]) {
				r.Columns = append(r.Columns, plain[1])
			}
		}
	}
	return r, nil
}

// splitList splits at the commas outside of brackets and quotes, and trims each part.
func splitList(s string) []string {
	var parts []string
	depth, start, quoted := 0, 0, false
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\'' && (i == 0 || s[i-1] != '\\'):
			quoted = !quoted
		case quoted:
		case c == '(' || c == '[':
			depth++
		case c == ')' || c == ']':
			depth--
		case c == ',' && depth == 0:
			parts = append(parts, strings.TrimSpace(s[start:i]))
			start = i + 1
		}
	}
	if last := strings.TrimSpace(s[start:]); last != "" {
		parts = append(parts, last)
	}
	return parts
}

// cutTop cuts at the first occurrence of a word outside of brackets.
func cutTop(s, word string) (before, after string, ok bool) {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth == 0 && strings.HasPrefix(s[i:], word) && wordEnds(s, i-1) && wordEnds(s, i+len(word)) {
			return s[:i], s[i+len(word):], true
		}
	}
	return s, "", false
}

// wordEnds reports that no word goes on at i.
func wordEnds(s string, i int) bool {
	return i < 0 || i >= len(s) || s[i] == ' ' || s[i] == '\n' || s[i] == '(' || s[i] == ')'
}
