package cli

import (
	"fmt"

	"tidemark/producers"
	"tidemark/producers/formats/fields"
	"tidemark/producers/formats/mapping"
	"tidemark/producers/replay"
)

// printLeftOut prints how many rows became no event of their own, and why.
func printLeftOut(s Streams, leftOut, joined, later int64) {
	for _, one := range []struct {
		n    int64
		text string
	}{
		{leftOut, "rows do not match the mapping's where"},
		{joined, "rows were merged with others of the same id"},
		{later, "rows were left out, because the first row of their id counts"},
	} {
		if one.n > 0 {
			fmt.Fprintf(s.Out, "%s %s\n", number(uint64(one.n)), one.text)
		}
	}
}

// printColumns prints which parts of the mapping match no row. It returns errFound if that loses usage.
func printColumns(s Streams, c mapping.Columns) (err error) {
	if c.Rows > 0 && c.Used == 0 {
		fmt.Fprintf(s.Err, "tidemark: none of the %s rows matches the mapping's where: correct it or remove it\n", number(uint64(c.Rows)))
		err = errFound
	}
	if c.Empty > 0 {
		fmt.Fprintf(s.Err, "tidemark: in %s records the array that the mapping's each names is missing or empty\n", number(uint64(c.Empty)))
		if c.Rows == 0 {
			err = errFound
		}
	}
	if c.Untold > 0 {
		fmt.Fprintf(s.Err, "tidemark: %s rows lie in the hour that clocks repeat at the end of summer time; Tidemark took the first of the two; write times with an offset to be exact\n", number(uint64(c.Untold)))
	}
	if c.Used == 0 {
		return err
	}
	if c.Weighted > 0 {
		fmt.Fprintf(s.Err, "tidemark: %s rows have a weight above 1, which multiplies their tokens and cost; if tokens and cost are already totals of the row, map requests instead of weight\n", number(uint64(c.Weighted)))
	}
	for _, m := range c.Missing {
		note := "it is unknown in all of them; if that is correct, add optional: true to the field"
		switch {
		case m.Field == "where":
			note = "the condition sees it as empty"
		case m.Default != "":
			note = "it is " + m.Default + " in all of them; if that is correct, add optional: true to the field"
		}
		if m.Lost {
			err = errFound
		}
		fmt.Fprintf(s.Err, "tidemark: %s, mapped to %s, is in none of the %s rows (%s): %s\n", m.Column, m.Field, number(uint64(c.Used)), m.Near, note)
	}
	return err
}

// lostFigures returns errFound if figures in files do not count: costs that could not be read, and records that contradict an
// earlier record of the same event and revision.
func lostFigures(s Streams, o replay.Options, unread []fields.Unread, truth *producers.Truth) (err error) {
	for _, u := range unread {
		if u.Field == "reported_cost_nanos" && u.Example != "" {
			err = errFound
		}
	}
	if n := truth.Total().Conflicts; n > 0 && len(o.Files) > 0 {
		fmt.Fprintf(s.Err, "tidemark: %s records contradict an earlier record of the same event, which counts. If the later record is right, map the column that orders them to revision; if they are different events, add columns to id\n", number(n))
		err = errFound
	}
	return err
}
