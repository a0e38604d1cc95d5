package prices

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"tidemark/schemas"
)

// genaiClause says which names a model has. All but regex compare letters without their case.
type genaiClause struct {
	op    string // equals, starts_with, ends_with, contains, regex; or, and: of others. Another one is of a newer table.
	text  string
	parts []genaiClause
	regex *regexp.Regexp // Nil if it may match anything.
	begin string         // Of a regex: with what all that it matches begins.
}

// Bounds of the clauses of a provider: how deep they are within others, and how many there are. Each is compared with all.
const (
	maxDepth   = 20
	maxClauses = 20_000
)

// UnmarshalJSON implements json.Unmarshaler.
func (c *genaiClause) UnmarshalJSON(raw []byte) error { return c.read(raw, 0) }

func (c *genaiClause) read(raw []byte, depth int) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return fmt.Errorf("%s is no condition of a name", schemas.Excerpt(string(raw)))
	}
	if len(fields) != 1 || depth > maxDepth {
		return fmt.Errorf("%s is not one condition of a name", schemas.Excerpt(string(raw)))
	}
	c.op = sortedKeys(fields)[0]
	value := fields[c.op]
	switch c.op {
	case "or", "and":
		var parts []json.RawMessage
		if err := json.Unmarshal(value, &parts); err != nil {
			return fmt.Errorf("%s is no list of conditions of a name", schemas.Excerpt(string(value)))
		}
		c.parts = make([]genaiClause, len(parts))
		for i := range parts {
			if err := c.parts[i].read(parts[i], depth+1); err != nil {
				return err
			}
		}
	case "equals", "starts_with", "ends_with", "contains", "regex":
		if err := json.Unmarshal(value, &c.text); err != nil {
			return fmt.Errorf("%s: %s is no text", c.op, schemas.Excerpt(string(value)))
		}
		if c.op == "regex" {
			// What looks ahead or behind is left out: what is left matches at least as much.
			c.regex, _ = regexp.Compile(lookaround.ReplaceAllString(c.text, ""))
			c.begin = beginning(c.regex)
		}
	}
	return nil
}

var lookaround = regexp.MustCompile(`\(\?<?[!=][^()]*\)`)

// matches reports whether a name is one of the model's, or may be.
func (c genaiClause) matches(name string) bool {
	low, text := strings.ToLower(name), strings.ToLower(c.text)
	switch c.op {
	case "equals":
		return low == text
	case "starts_with":
		return strings.HasPrefix(low, text)
	case "ends_with":
		return strings.HasSuffix(low, text)
	case "contains":
		return strings.Contains(low, text)
	case "or":
		return slices.ContainsFunc(c.parts, func(p genaiClause) bool { return p.matches(name) })
	case "and":
		return !slices.ContainsFunc(c.parts, func(p genaiClause) bool { return !p.matches(name) })
	}
	return c.regex == nil || c.regex.MatchString(name)
}

// alternatives returns the clauses of which any one is enough.
func (c genaiClause) alternatives() []genaiClause {
	if c.op != "or" {
		return []genaiClause{c}
	}
	var all []genaiClause
	for _, p := range c.parts {
		all = append(all, p.alternatives()...)
	}
	return all
}

// simple reports whether an alias says the same.
func (c genaiClause) simple() bool { return c.op == "equals" || c.op == "starts_with" }

// count returns how many clauses there are in it.
func (c genaiClause) count() int {
	n := 1
	for _, p := range c.parts {
		n += p.count()
	}
	return n
}

// beginning returns the text with which all that a regular expression matches begins.
func beginning(r *regexp.Regexp) string {
	if r == nil {
		return ""
	}
	anywhere, err := regexp.Compile(strings.TrimPrefix(r.String(), "^"))
	if err != nil {
		return ""
	}
	literal, _ := anywhere.LiteralPrefix()
	return literal
}

// beginnings returns texts with which names that the clause matches begin, as far as it says so.
func (c genaiClause) beginnings() []string {
	switch c.op {
	case "regex":
		return []string{c.begin}
	case "or", "and":
		var all []string
		for _, p := range c.parts {
			all = append(all, p.beginnings()...)
		}
		return all
	}
	return []string{c.text}
}

// String writes the clause as messages have it.
func (c genaiClause) String() string {
	if c.parts == nil {
		return c.op + " " + schemas.Excerpt(c.text)
	}
	var parts []string
	for _, p := range c.parts {
		parts = append(parts, p.String())
	}
	return "(" + strings.Join(parts, " "+c.op+" ") + ")"
}

// owner returns the model that a name is of, as the table says: the first one that matches. It is -1 if there is none.
func (p genaiProvider) owner(name string) int {
	return slices.IndexFunc(p.Models, func(m genaiModel) bool { return m.names.matches(name) })
}

// aliases adds the names of models that have prices: those that are equal to a text or begin with it. Another pattern is not taken, and neither is one
// whose names might be those of another model.
func (p genaiProvider) aliases(table *Table, seller string, named map[string]bool) {
	for i, m := range p.Models {
		if !named[m.ID] {
			continue
		}
		entry := p.ID + "/" + m.ID
		for _, c := range m.names.alternatives() {
			if !c.simple() {
				table.notTaken(entry, "the names that match %s: only equals and starts_with make an alias", c)
				continue
			}
			if owner := p.owner(c.text); owner != i {
				table.notTaken(entry, "the names that match %s: %s comes first", c, p.Models[owner].ID)
				continue
			}
			if c.op == "equals" {
				if c.text != m.ID {
					table.Aliases = append(table.Aliases, Alias{seller, Exact, c.text, m.ID})
				}
				continue
			}
			if other := p.among(i, c.text); other != "" {
				table.notTaken(entry, "the names that match %s: some of them are those of %s, whose pattern is not taken", c, other)
				continue
			}
			table.Aliases = append(table.Aliases, Alias{seller, Prefix, c.text, m.ID})
		}
	}
}

// among returns a model other than that at a place some of whose names begin with a text, and are not all found by aliases of its own.
func (p genaiProvider) among(at int, text string) string {
	text = strings.ToLower(text)
	for i, m := range p.Models {
		if i == at {
			continue
		}
		for _, c := range m.names.alternatives() {
			if c.simple() {
				continue
			}
			for _, begin := range append(c.beginnings(), m.ID) {
				begin = strings.ToLower(begin)
				if strings.HasPrefix(begin, text) || i < at && c.op == "regex" && strings.HasPrefix(text, begin) {
					return m.ID
				}
			}
		}
	}
	return ""
}
