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
		n          int64
		what, text string
	}{
		{leftOut, "row does", "not match the mapping's where"},
		{joined, "row was", "merged with others of the same id"},
		{later, "row was", "left out, because the first row of their id counts"},
	} {
		if one.n > 0 {
			fmt.Fprintf(s.Out, "%s %s\n", count(one.n, one.what), one.text)
		}
	}
}

// printColumns prints which parts of the mapping match no row. It returns errFound if that loses usage.
func printColumns(s Streams, c mapping.Columns) (err error) {
	if c.Rows > 0 && c.Used == 0 {
		fmt.Fprintf(s.Err, "tidemark: none of the %s matches the mapping's where: correct it or remove it\n", count(c.Rows, "row"))
		err = errFound
	}
	if c.Empty > 0 {
		fmt.Fprintf(s.Err, "tidemark: in %s the array that the mapping's each names is missing or empty\n", count(c.Empty, "record"))
		if c.Rows == 0 {
			err = errFound
		}
	}
	if c.Untold > 0 {
		fmt.Fprintf(s.Err, "tidemark: %s in the hour that clocks repeat at the end of summer time; Tidemark took the first of the two; write times with an offset to be exact\n", count(c.Untold, "row lies"))
	}
	if c.Used == 0 {
		return err
	}
	if c.Weighted > 0 {
		fmt.Fprintf(s.Err, "tidemark: %s a weight above 1, which multiplies tokens and cost; if these are already totals of the row, map requests instead of weight\n", count(c.Weighted, "row has"))
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
		fmt.Fprintf(s.Err, "tidemark: %s, mapped to %s, is in none of the %s (%s): %s\n", m.Column, m.Field, count(c.Used, "row"), m.Near, note)
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
		fmt.Fprintf(s.Err, "tidemark: %s an earlier record of the same event, which counts. If the later record is right, map the column that orders them to revision; if they are different events, add columns to id\n", count(n, "record contradicts"))
		err = errFound
	}
	return err
}
