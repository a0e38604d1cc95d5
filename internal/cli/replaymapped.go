package cli

import (
	"fmt"

	"tidemark/producers/replay"
)

// printLeftOut says which rows gave no event of their own, and why.
func printLeftOut(s Streams, leftOut, joined, later int64) {
	for _, one := range []struct {
		n    int64
		text string
	}{
		{leftOut, "rows are left out by the mapping's where"},
		{joined, "rows are put together with others of the same id"},
		{later, "rows are left out since the first row of their id counts"},
	} {
		if one.n > 0 {
			fmt.Fprintf(s.Out, "%s %s\n", number(uint64(one.n)), one.text)
		}
	}
}

// printColumns says what of the mapping was in no row; it returns errFound if usage is lost by that.
func printColumns(s Streams, c replay.Columns) (err error) {
	if c.Rows > 0 && c.Used == 0 {
		fmt.Fprintf(s.Err, "tidemark: the mapping's where leaves out all %s rows: correct it, or leave it out\n", number(uint64(c.Rows)))
		err = errFound
	}
	if c.Empty > 0 {
		fmt.Fprintf(s.Err, "tidemark: %s records have no element in the array that the mapping's each names\n", number(uint64(c.Empty)))
		if c.Rows == 0 {
			err = errFound
		}
	}
	if c.Untold > 0 {
		fmt.Fprintf(s.Err, "tidemark: %s rows are in an hour that comes twice, when clocks are put back, and nothing tells which it is: they are taken for the first; write times with their offset to have it right\n", number(uint64(c.Untold)))
	}
	if c.Used == 0 {
		return err
	}
	for _, m := range c.Missing {
		note := "it is unknown in all of them; if that is right, add optional: true to the field"
		if m.Lost {
			err = errFound
		}
		fmt.Fprintf(s.Err, "tidemark: %s, for %s, is in none of the %s rows (%s): %s\n", m.Column, m.Field, number(uint64(c.Used)), m.Near, note)
	}
	return err
}
