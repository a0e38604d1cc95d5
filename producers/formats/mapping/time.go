package mapping

import (
	"fmt"
	"math"
	"slices"
	"time"
	_ "time/tzdata" // A mapping means the same on a machine without time zones.

	"go.yaml.in/yaml/v3"

	"tidemark/producers/formats/faults"
	"tidemark/producers/formats/numbers"
	"tidemark/producers/formats/times"
)

// timeRule is how the times of a column are written.
type timeRule struct {
	column   *ref
	digits   int // From the unit of a number to microseconds; negative the other way.
	number   bool
	relative bool
	name     string   // Of the format, for a number.
	layouts  []string // As package time has them; none for a number and for the usual forms.
	zone     *time.Location
}

// timeFormats are the named forms of times.
var timeFormats = map[string]timeRule{
	"datetime":    {},
	"unix_s":      {number: true, digits: 6},
	"unix_ms":     {number: true, digits: 3},
	"unix_us":     {number: true},
	"unix_ns":     {number: true, digits: -3},
	"relative_s":  {number: true, digits: 6, relative: true},
	"relative_ms": {number: true, digits: 3, relative: true},
	"relative_us": {number: true, relative: true},
}

var timeKeys = []string{"column", "format", "zone"}

func (p *mappingParser) time(n *yaml.Node) {
	rule := timeRule{zone: time.UTC}
	if n.Kind != yaml.MappingNode {
		if name, ok := p.text(n, "time"); ok {
			rule.column = p.column(name, n.Line)
		}
		p.mapping.time = rule
		return
	}
	var column *ref
	p.pairs(n, timeKeys, func(key string, _, value *yaml.Node) {
		if key != "column" {
			return
		}
		if name, ok := p.text(value, "time.column"); ok {
			column = p.column(name, value.Line)
		}
	})
	rule = p.timeForm("time", n)
	rule.column = column
	if column == nil {
		p.bad(n.Line, "time has no column", "add column: COLUMN under time")
	}
	p.mapping.time = rule
}

// timeForm reads the keys format and zone of a node. Its callers check the other keys.
func (p *mappingParser) timeForm(what string, n *yaml.Node) timeRule {
	rule, zone, zoneLine := timeRule{}, time.UTC, 0
	for i := 0; i+1 < len(n.Content); i += 2 {
		value := n.Content[i+1]
		switch n.Content[i].Value {
		case "format":
			rule = p.timeFormat(what, value)
		case "zone":
			text, ok := p.text(value, what+".zone")
			if !ok {
				continue
			}
			if found := p.zone(what+".zone", text, value.Line); found != nil {
				zone, zoneLine = found, value.Line
			}
		}
	}
	rule.zone = zone
	if zoneLine > 0 && rule.number {
		p.bad(zoneLine, what+".zone has no use for a number", "leave zone out: seconds since 1970 are the same everywhere")
	}
	return rule
}

// zone returns the time zone with the name; nil, which is a fault, if there is none.
func (p *mappingParser) zone(what, name string, line int) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		p.bad(line, fmt.Sprintf("%s %s is not known", what, faults.Quote(name)), "use UTC or a name like Europe/Berlin")
		return nil
	}
	return zone
}

// timeFormat reads one format, or a list of layouts that occur in one file.
func (p *mappingParser) timeFormat(what string, n *yaml.Node) timeRule {
	var layouts []string
	for _, text := range p.list(what+".format", n) {
		if rule, known := timeFormats[text]; known {
			if n.Kind == yaml.SequenceNode {
				p.bad(n.Line, fmt.Sprintf("%s.format lists %s", what, faults.Quote(text)), "list only moments written the way the file does, or give the one name")
			}
			rule.name = text
			return rule
		}
		if problem := layoutProblem(text); problem != "" {
			p.bad(n.Line, fmt.Sprintf("%s.format %s %s", what, faults.Quote(text), problem),
				"use one of "+faults.Keys(timeFormats)+", or write the moment 2006-01-02 15:04:05 the way your file would")
		}
		layouts = append(layouts, text)
	}
	return timeRule{layouts: layouts}
}

// layoutProblem returns why a text is not a layout of package time; empty if it is one.
func layoutProblem(layout string) string {
	at, err := time.Parse(layout, layout)
	switch {
	case err != nil || at.Year() != 2006 || at.Month() != time.January || at.Day() != 2:
		return "is not known"
	case at.Hour() == 3:
		return "leaves morning and afternoon open"
	}
	return ""
}

// reader returns a reader for the texts of one file; nil for numbers.
func (t *timeRule) reader() *times.Reader {
	if t.number || t.zone == nil {
		return nil
	}
	return times.NewReader(t.zone, t.layouts...)
}

// read returns the time in a text, in microseconds since 1970. The problem is to be read after a name.
func (t *timeRule) read(r *times.Reader, text string, start time.Time) (int64, string) {
	if text == "" {
		return 0, "is empty"
	}
	if t.number {
		us, problem := t.ofNumber(text, start)
		if problem != "" {
			return 0, faults.Quote(text) + " " + problem
		}
		return us, ""
	}
	us, problem := r.Read(text)
	if problem != "" {
		return 0, faults.Quote(text) + " " + problem
	}
	return us, ""
}

// FarAway is the longest relative time, in microseconds: ten years.
const FarAway = int64(10 * 366 * 24 * time.Hour / time.Microsecond)

func (t *timeRule) ofNumber(text string, start time.Time) (int64, string) {
	if numbers.Rounded(text, true) {
		return 0, "is a rounded number, as spreadsheets write long ones, and does not say the time: export the column as text or as a date"
	}
	us, problem := numbers.Signed(text, t.digits)
	switch {
	case problem == "" && !t.relative:
		return us, t.unlikely(us)
	case problem == "" && us >= -FarAway && us <= FarAway:
		if us > math.MaxInt64-max(start.UnixMicro(), 0) {
			return 0, "is too large"
		}
		return start.UnixMicro() + us, ""
	}
	found, _ := times.Epoch(text)
	switch unit := found.Name; {
	case problem != "" && unit != "" && unit != t.name:
		return 0, problem + ": as " + unit + " it is of our time: give time.format " + unit
	case problem != "":
		return 0, problem
	case unit != "":
		return 0, "is more than ten years from the start, for a relative time: as " + unit + " it is a time since 1970"
	}
	return 0, "is more than ten years from the start, for a relative time"
}

// unlikely returns the problem of a number that is far from our time in this unit, and near in another.
func (t *timeRule) unlikely(us int64) string {
	if times.IsLikely(us, 1, 1) {
		return ""
	}
	at := slices.IndexFunc(times.Units, func(u times.Unit) bool { return u.Name == t.name })
	if at < 0 {
		return ""
	}
	unit := times.Units[at]
	n := us / unit.Micros
	if unit.PerMicro > 1 {
		n = us * unit.PerMicro
	}
	for _, other := range times.Units {
		if other.Name != t.name && times.IsLikely(n, other.Micros, other.PerMicro) {
			return fmt.Sprintf("would be in the year %d as %s, and in %d as %s: give time.format %s", time.UnixMicro(us).UTC().Year(), t.name,
				time.UnixMicro(n*other.Micros/other.PerMicro).UTC().Year(), other.Name, other.Name)
		}
	}
	return ""
}
