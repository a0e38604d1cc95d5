package scenario

import (
	"time"

	"go.yaml.in/yaml/v3"
)

// Date is a time in UTC as precise as it was written: a year, a month, a day or a minute, of which it is the first instant.
type Date struct {
	time.Time
	Text string
}

// dateForms are the forms of a date; Go parses each strictly.
var dateForms = []string{"2006-01-02", "2006-01", "2006", "2006-01-02T15:04"}

const dateRemedy = "write 2024, 2024-12, 2024-12-05 or 2024-12-05T09:30, in UTC"

// parseDate returns the date that text says, and whether it says one within the years 1900 to 2299.
func parseDate(text string) (Date, bool) {
	for _, form := range dateForms {
		if len(text) != len(form) {
			continue
		}
		t, err := time.Parse(form, text)
		if err == nil && t.Year() >= minYear && t.Year() <= maxYear {
			return Date{Time: t, Text: text}, true
		}
	}
	return Date{}, false
}

// The years that events may have.
const minYear, maxYear = 1900, 2299

// UnmarshalYAML takes a date that the shape has found to be one.
func (d *Date) UnmarshalYAML(node *yaml.Node) error {
	*d, _ = parseDate(node.Value)
	return nil
}
