package mapping

import (
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"tidemark/producers/formats/faults"
	"tidemark/producers/formats/fields"
	"tidemark/producers/formats/times"
)

// revisionKind is where the revision of an event comes from.
type revisionKind uint8

// Where a revision may come from.
const (
	RevisionOfRow    revisionKind = iota // How many rows of the id before it in the file have said something else.
	revisionPosition                     // The place of the row in the file, from 1.
	RevisionFrom                         // A column.
)

// revisionRule is how to read the revision of a row.
type revisionRule struct {
	kind   revisionKind
	column *ref
	format bool // How a time is written is said: a number is one, too.
	time   timeRule
}

// positionWord makes the place of a row in its file its revision.
const positionWord = "position"

// revision reads the revision: position, a column, or the keys from, format and zone.
func (p *mappingParser) revision(n *yaml.Node, hasID bool) {
	if !hasID {
		p.bad(n.Line, "revision has no use without id", "add id: COLUMN, by which the rows that say an event again are known")
	}
	rule := &p.mapping.revision
	rule.time.zone = p.mapping.time.zone
	if n.Kind != yaml.MappingNode {
		text, ok := p.text(n, fields.Revision)
		switch {
		case text == positionWord:
			rule.kind = revisionPosition
		case ok:
			rule.kind, rule.column = RevisionFrom, p.column(text, n.Line)
		}
		return
	}
	zoned := false
	var column *ref
	p.pairs(n, []string{"from", "format", "zone"}, func(key string, _, value *yaml.Node) {
		switch key {
		case "from":
			if text, ok := p.text(value, "revision.from"); ok {
				column = p.column(text, value.Line)
			}
		case "format":
			rule.format = true
		case "zone":
			zoned = true
		}
	})
	form := p.timeForm(fields.Revision, n)
	if form.relative {
		p.bad(n.Line, "revision.format "+faults.Quote(form.name)+" is relative", "leave format out: a number is the revision as it stands")
	}
	if !zoned {
		form.zone = rule.time.zone
	}
	rule.time, rule.column, rule.kind = form, column, RevisionFrom
	if column == nil {
		p.bad(n.Line, "revision has no column", "add from: COLUMN under revision, or write revision: "+positionWord)
	}
}

// read returns the revision in a text. The problem is to be read after a name.
func (r *revisionRule) read(t *times.Reader, text string) (uint64, string) {
	switch {
	case text == "":
		return 0, "is empty, and the revision is made of it"
	case !r.format && strings.Trim(text, "0123456789") == "":
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return 0, faults.Quote(text) + " is more than 64 bits hold"
		}
		return n, ""
	}
	us, problem := r.time.read(t, text, time.Time{})
	switch {
	case problem != "" && !r.format:
		return 0, faults.Quote(text) + " is neither a time nor a whole number"
	case problem != "":
		return 0, problem
	case us < 0:
		return 0, faults.Quote(text) + " is before 1970, and a revision is not negative"
	}
	return uint64(us), ""
}
