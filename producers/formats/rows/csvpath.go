package rows

import (
	"encoding/json"
	"slices"
	"strings"

	"tidemark/producers/formats/faults"
	"tidemark/producers/formats/jsonpath"
)

// csvPaths are the columns of a CSV file that are paths into the JSON that another column holds as text:
// metadata.usage.input is one where there is a column metadata and none of the whole name.
type csvPaths struct {
	rests []string // By column: the path in its field; empty for the field itself.
	any   bool
	bare  []bool
	wrong []string
	found []bool
	texts []string // The fields of the current row.
}

// find returns the field of the longest beginning of the name, up to a dot, that is a column, and the path after it; -1
// for none.
func (c *csvPaths) find(header []string, name string) (field int, rest string) {
	for at := len(name); at > 0; at = strings.LastIndexByte(name[:at], '.') {
		if field := slices.Index(header, name[:at]); field >= 0 {
			return field, strings.TrimPrefix(name[at:], ".")
		}
	}
	return -1, ""
}

// add adds a column.
func (c *csvPaths) add(rest string) {
	c.rests = append(c.rests, rest)
	c.any = c.any || rest != ""
	c.bare, c.wrong, c.found, c.texts = append(c.bare, false), append(c.wrong, ""), append(c.found, true), append(c.texts, "")
}

// read puts what is at the paths into the row.
func (c *csvPaths) read(r *Row, record []string, fields []int) {
	if !c.any {
		return
	}
	for i, rest := range c.rests {
		if rest == "" {
			continue
		}
		c.texts[i] = record[fields[i]]
		value, ok := jsonpath.Descend(json.RawMessage(strings.TrimSpace(c.texts[i])), rest)
		c.found[i], c.bare[i] = ok, !jsonpath.IsText(value)
		if r.Values[i], c.wrong[i] = jsonpath.Text(value); c.wrong[i] != "" {
			r.Values[i] = string(value)
		}
	}
	r.Bare, r.Wrong, r.Found, r.Near = c.bare, c.wrong, c.found, c.near
}

// near says what the field of column i has where its path leads to nothing.
func (c *csvPaths) near(i int) string {
	var o jsonpath.Object
	if text := strings.TrimSpace(c.texts[i]); json.Unmarshal([]byte(text), &o) != nil || o == nil {
		return "the column has " + faults.Quote(text) + ", which is no JSON object"
	}
	return nearest(o, c.rests[i])
}
