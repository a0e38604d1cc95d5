package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"tidemark/consumers/clickhouse"
	"tidemark/producers/formats/mapping"
	"tidemark/producers/replay"
	"tidemark/schemas"
)

// dryRun prints what a replay would do.
func (c *replayCmd) dryRun(ctx context.Context, s Streams, options replay.Options, report *progress) (err error) {
	db, closeDB, unreachable := c.lookup(ctx)
	if unreachable != nil {
		return unreachable
	}
	defer func() { err = errors.Join(err, closeDB()) }()
	plan, err := replay.DryRun(ctx, options, db, c.Namespace)
	report.end()
	if err != nil {
		return err
	}
	err = c.tellPlan(c.told(s), options, plan)
	if !c.json() {
		return err
	}
	out := runOutput(plan.Truth, plan.Took).readingOutput(c.Source, plan.Reading)
	out.DryRun, out.Complete = true, err == nil
	if plan.Stored >= 0 {
		out.Stored = &plan.Stored
	}
	return errors.Join(printJSON(s.Out, out), err)
}

// tellPlan prints for people what a replay would do.
func (c *replayCmd) tellPlan(s Streams, options replay.Options, plan replay.Plan) error {
	fmt.Fprintf(s.Out, "dry run of %s: nothing is sent\n%s%s\n", c.Source, count(plan.Rows, "row"), between(plan.First, plan.Last))
	printReading(s, plan.Reading, plan.Truth)
	if err := printTruth(s, plan.Truth, 0); err != nil {
		return err
	}
	if err := printSample(s, plan.Sample, options.Mapping); err != nil {
		return err
	}
	if err := printModels(s, plan.Models); err != nil {
		return err
	}
	printCosts(s, plan.Costs)
	if plan.Took > 0 {
		fmt.Fprintf(s.Out, "at this speed the replay takes %s\n", plan.Took.Round(time.Second))
	}
	if plan.Stored < 0 {
		fmt.Fprintf(s.Out, "ClickHouse at %s does not answer, so it is unknown what %s has already stored\n", c.ClickHouse, c.Namespace)
	} else {
		events, stored := plan.Truth.Total().Events, uint64(plan.Stored)
		fmt.Fprintf(s.Out, "%s has already stored %s of %s events; %s would be new\n", c.Namespace, number(stored), number(events), number(events-stored))
	}
	if plan.Interrupted {
		fmt.Fprintln(s.Out, "interrupted; the numbers above are what was read until then")
		return errInterrupted
	}
	return incomplete(s, options, plan.Reading, plan.Truth)
}

// shownModels is the most models that a dry run lists.
const shownModels = 40

func printModels(s Streams, models []replay.ModelUse) error {
	if len(models) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "model\tcalls\tinput\tcache read\tcache write\toutput\treasoning\t")
	for _, m := range models[:min(len(models), shownModels)] {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", m.Model, number(m.Calls), number(m.Uncached), number(m.CacheRead), number(m.CacheWrite),
			number(m.OutputVisible), number(m.OutputReasoning))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if more := len(models) - shownModels; more > 0 {
		fmt.Fprintf(s.Out, "%s\n", count(more, "more model"))
	}
	return nil
}

// lookupTimeout bounds the attempt to reach ClickHouse for a dry run, which can do without it.
const lookupTimeout = 3 * time.Second

// lookup opens the database in which a dry run looks up what is stored; nil if the database does not answer.
func (c *replayCmd) lookup(ctx context.Context) (replay.Database, func() error, error) {
	db, err := c.open(c.Namespace)
	if err != nil {
		return nil, nil, err
	}
	limited, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	if db.Ping(limited) != nil {
		return nil, db.Close, nil // The caller prints that there is no database.
	}
	return storedRows{db}, db.Close, nil
}

// storedRows is a database in which missing tables are empty.
type storedRows struct{ db *clickhouse.DB }

// Format implements replay.Database.
func (r storedRows) Format(ctx context.Context, sql, format string, w io.Writer) error {
	err := r.db.Format(ctx, sql, format, w)
	if clickhouse.IsCode(err, clickhouse.CodeUnknownTable) || clickhouse.IsCode(err, clickhouse.CodeUnknownDatabase) {
		return nil
	}
	return err
}

// costText writes a cost in units.
func costText(picos *big.Int, currency string) string {
	text := new(big.Rat).SetFrac(picos, big.NewInt(1e12)).FloatString(12)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".") + " " + currency
}

// printCosts prints the cost that the events report.
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

// printSample prints the fields of the first events, and the columns that they come from.
func printSample(s Streams, events []schemas.Event, of *mapping.Mapping) error {
	if len(events) == 0 {
		return nil
	}
	fmt.Fprintf(s.Out, "the first %s:\n", count(len(events), "event"))
	table := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	all := events[0].ProtoReflect().Descriptor().Fields()
	for i := range all.Len() {
		name, any := all.Get(i).TextName(), false
		if name == "run" { // It is that of the replay.
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

// fieldText returns the value of a field for people; empty if it is not set.
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
