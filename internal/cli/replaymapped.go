package cli

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"tidemark/producers"
	"tidemark/producers/formats/fields"
	"tidemark/producers/formats/mapping"
	"tidemark/producers/replay"
	"tidemark/schemas"
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
func printColumns(s Streams, c mapping.Columns) (err error) {
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
	if c.Weighted > 0 {
		fmt.Fprintf(s.Err, "tidemark: %s rows have a weight above 1, by which their tokens and cost are multiplied; if these are totals of the row, map requests instead of weight\n", number(uint64(c.Weighted)))
	}
	for _, m := range c.Missing {
		note := "it is unknown in all of them; if that is right, add optional: true to the field"
		switch {
		case m.Field == "where":
			note = "for a condition it is empty"
		case m.Default != "":
			note = "it is " + m.Default + " in all of them; if that is right, add optional: true to the field"
		}
		if m.Lost {
			err = errFound
		}
		fmt.Fprintf(s.Err, "tidemark: %s, for %s, is in none of the %s rows (%s): %s\n", m.Column, m.Field, number(uint64(c.Used)), m.Near, note)
	}
	return err
}

// lostFigures returns errFound if figures of files do not count: costs that could not be read, and what another record of the
// same event and revision says otherwise.
func lostFigures(s Streams, o replay.Options, unread []fields.Unread, truth *producers.Truth) (err error) {
	for _, u := range unread {
		if u.Field == "reported_cost_nanos" && u.Example != "" {
			err = errFound
		}
	}
	if n := truth.Total().Conflicts; n > 0 && len(o.Files) > 0 {
		fmt.Fprintf(s.Err, "tidemark: %s records say something else of an event than one before, which counts: if the later one is right, name the column that tells under revision; if they are other events, name more columns under id\n", number(n))
		err = errFound
	}
	return err
}

// costText writes a cost in units.
func costText(picos *big.Int, currency string) string {
	text := new(big.Rat).SetFrac(picos, big.NewInt(1e12)).FloatString(12)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".") + " " + currency
}

// printCosts says what the events of a dry run cost by what they report.
func printCosts(s Streams, costs map[string]*big.Int) {
	if len(costs) == 0 {
		return
	}
	var all []string
	for _, currency := range slices.Sorted(maps.Keys(costs)) {
		all = append(all, costText(costs[currency], currency))
	}
	fmt.Fprintf(s.Out, "reported cost: %s\n", strings.Join(all, ", "))
}

// printSample shows what the fields of the first events are, and the columns that they come from.
func printSample(s Streams, events []schemas.Event, of *mapping.Mapping) error {
	if len(events) == 0 {
		return nil
	}
	fmt.Fprintf(s.Out, "the first %d events:\n", len(events))
	table := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	all := events[0].ProtoReflect().Descriptor().Fields()
	for i := range all.Len() {
		name, any := all.Get(i).TextName(), false
		if name == "run" { // The replay's own.
			continue
		}
		line := "  " + name
		if of != nil {
			line += "\t" + of.From(name)
		}
		for _, e := range events {
			text := fieldText(e, name)
			any = any || text != ""
			line += "\t" + text
		}
		if any || of != nil && of.From(name) != "" {
			fmt.Fprintln(table, line)
		}
	}
	return table.Flush()
}

// fieldText is what a field is set to, as people read it; empty if it is not.
func fieldText(e schemas.Event, name string) string {
	m := e.ProtoReflect()
	fd := m.Descriptor().Fields().ByTextName(name)
	if fd == nil || !m.Has(fd) {
		return ""
	}
	v := m.Get(fd)
	switch {
	case fd.Kind() == protoreflect.EnumKind:
		return string(fd.Enum().Values().ByNumber(v.Enum()).Name())
	case name == "time_us":
		return time.UnixMicro(v.Int()).UTC().Format("2006-01-02T15:04:05.999999Z")
	case fd.Kind() == protoreflect.Fixed64Kind:
		return fmt.Sprintf("%016x", v.Uint())
	case fd.Kind() == protoreflect.StringKind:
		return printable(v.String())
	}
	return v.String()
}

// printable is a text for one cell of a terminal.
func printable(text string) string {
	const most = 32
	if cut := []rune(text); len(cut) > most {
		text = string(cut[:most]) + "..."
	}
	if quoted := strconv.Quote(text); quoted != `"`+text+`"` {
		return quoted
	}
	return text
}
