package mapping

import (
	"go.yaml.in/yaml/v3"

	"tidemark/producers/formats/faults"
	"tidemark/producers/formats/fields"
)

// repetition is what the rows of one id are to each other.
type repetition uint8

// What the rows of one id may be.
const (
	repeatsLast  repetition = iota // Statements of one event: the newest counts, see replay.
	repeatsFirst                   // Statements of one event: the first counts.
	repeatsParts                   // Parts of one event, which say different things of it.
	repeatsSum                     // Parts of one event, whose quantities add up.
)

// repeatsNames are the kinds by their words in a mapping.
var repeatsNames = map[string]repetition{"last": repeatsLast, "first": repeatsFirst, "parts": repeatsParts, "sum": repeatsSum}

// joins reports whether several rows make one event, which can be validated only when it is whole.
func (r repetition) joins() bool { return r == repeatsParts || r == repeatsSum }

// repeats reads the key repeats. Its default is parts if rows set different fields, and last otherwise.
func (p *mappingParser) repeats(n *yaml.Node, hasID bool) {
	m := p.mapping
	parts := m.pivot != nil
	for i := range m.rules {
		parts = parts || len(m.rules[i].where) > 0 && fields.Units(m.rules[i].field) != nil
	}
	if parts && hasID {
		m.repeats = repeatsParts
	}
	if n != nil {
		text, ok := p.text(n, "repeats")
		kind, known := repeatsNames[text]
		switch {
		case ok && !known:
			p.bad(n.Line, "repeats "+faults.Quote(text)+" is not known", "use one of "+faults.Keys(repeatsNames))
		case !hasID:
			p.bad(n.Line, "repeats has no use without id", "add id: COLUMN, by which rows that belong together are known")
		}
		m.repeats = kind
	}
	if line := m.lines[fields.Requests]; parts && !hasID && line == 0 && m.typ.String() != "" {
		p.bad(m.lines["pivot"], "pivot without id makes a call of each row", `add id: COLUMN, which rows of one call have in common, or requests: {constant: "0"} under fields where nothing says how many calls there were`)
	}
}
