package prices

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

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

// genaiOperators are the operators of conditions.
var genaiOperators = []string{"or", "and", "equals", "starts_with", "ends_with", "contains", "regex"}

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
		if err := json.Unmarshal(value, &parts); err != nil || parts == nil {
			return fmt.Errorf("%s is no list of conditions of a name", schemas.Excerpt(string(value)))
		}
		c.parts = make([]genaiClause, len(parts))
		for i := range parts {
			if err := c.parts[i].read(parts[i], depth+1); err != nil {
				return err
			}
		}
	case "equals", "starts_with", "ends_with", "contains", "regex":
		if err := json.Unmarshal(value, &c.text); err != nil || string(value) == "null" {
			return fmt.Errorf("%s: %s is no text", c.op, schemas.Excerpt(string(value)))
		}
		if c.op == "regex" {
			return c.compile()
		}
	}
	return nil
}

var lookaround = regexp.MustCompile(`\(\?<?[!=][^()]*\)`)

// brokenRegex are the faults of a regular expression that no kind of them allows.
var brokenRegex = []syntax.ErrorCode{syntax.ErrMissingParen, syntax.ErrUnexpectedParen, syntax.ErrMissingBracket, syntax.ErrTrailingBackslash, syntax.ErrMissingRepeatArgument}

// compile reads a regular expression. What looks ahead or behind is left out: what is left matches at least as much.
func (c *genaiClause) compile() error {
	seen := lookaround.ReplaceAllString(c.text, "")
	var err error
	c.regex, err = regexp.Compile(seen)
	c.begin = beginning(c.regex)
	var broken *syntax.Error
	if seen == c.text && errors.As(err, &broken) && slices.Contains(brokenRegex, broken.Code) {
		return fmt.Errorf("regex: %s is no regular expression: %s", schemas.Excerpt(c.text), broken.Code)
	}
	return nil
}

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
func (c genaiClause) simple() bool {
	return (c.op == "equals" || c.op == "starts_with") && c.text != ""
}

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

// unknown returns the operator of a condition that Tidemark does not know, empty if it knows all.
func (c genaiClause) unknown() string {
	if !slices.Contains(genaiOperators, c.op) {
		return c.op
	}
	for _, p := range c.parts {
		if op := p.unknown(); op != "" {
			return op
		}
	}
	return ""
}

// maxID bounds the characters of an id, as genai-prices does.
const maxID = 100

// genaiCheck refuses ids that genai-prices refuses. The error names the entry.
func genaiCheck(all []genaiProvider) error {
	providers := map[string]bool{}
	for i, p := range all {
		if err := genaiID(p.ID); err != nil {
			return fmt.Errorf("provider %d: %w", i+1, err)
		}
		switch {
		case p.ID != strings.ToLower(p.ID):
			return fmt.Errorf("%s: the id of a provider has no capital letters", p.ID)
		case providers[p.ID]:
			return fmt.Errorf("%s: two providers have this id", p.ID)
		}
		providers[p.ID] = true
		models := map[string]bool{}
		for j, m := range p.Models {
			if err := genaiID(m.ID); err != nil {
				return fmt.Errorf("%s: model %d: %w", p.ID, j+1, err)
			}
			if models[m.ID] {
				return fmt.Errorf("%s/%s: two models of the provider have this id", p.ID, m.ID)
			}
			models[m.ID] = true
		}
	}
	return nil
}

func genaiID(id string) error {
	switch {
	case id == "":
		return errors.New("it has no id")
	case utf8.RuneCountInString(id) > maxID:
		return fmt.Errorf("its id, %s, has more than %d characters", schemas.Excerpt(id), maxID)
	case strings.ContainsFunc(id, unicode.IsSpace):
		return fmt.Errorf("its id, %s, has a blank", schemas.Excerpt(id))
	}
	return nil
}

// name returns the name by which the prices of a model are found: its id or, if its conditions do not match that, the first text that they are equal to, else
// begin with. genai-prices finds a model by its conditions alone, so a model without such a name has none, with the reason.
func (p genaiProvider) name(at int) (name, reason string) {
	m := p.Models[at]
	if op := m.names.unknown(); op != "" {
		return "", fmt.Sprintf("its names have the condition %s, which Tidemark does not know", schemas.Excerpt(op))
	}
	switch owner := p.owner(m.ID); {
	case owner == at:
		return m.ID, ""
	case owner >= 0:
		return "", fmt.Sprintf("its name is one of %s", p.Models[owner].ID)
	}
	for _, op := range []string{"equals", "starts_with"} {
		for _, c := range m.names.alternatives() {
			if c.op == op && c.simple() && p.owner(c.text) == at {
				return c.text, ""
			}
		}
	}
	return "", fmt.Sprintf("its id is none of its names: only what matches %s is", m.names)
}

// aliases adds the names of models that have prices: those that are equal to a text or begin with it. Another pattern is not taken, and neither is one
// whose names might be those of another model.
func (p genaiProvider) aliases(table *Table, seller string, names []string) {
	for i, m := range p.Models {
		if names[i] == "" {
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
				if c.text != names[i] {
					table.Aliases = append(table.Aliases, Alias{seller, Exact, c.text, names[i]})
				}
				continue
			}
			if other := p.among(i, c.text); other != "" {
				table.notTaken(entry, "the names that match %s: some of them are those of %s, whose pattern is not taken", c, other)
				continue
			}
			table.Aliases = append(table.Aliases, Alias{seller, Prefix, c.text, names[i]})
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
