package cli

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/internal/app"
	"tidemark/schemas/billing"
)

type costReconcileCmd struct {
	Import reconcileImportCmd `cmd:"" help:"Store what a provider's usage or cost file says."`
	List   reconcileListCmd   `cmd:"" help:"List the files that were imported, and the periods that they are about."`
	Show   reconcileShowCmd   `cmd:"" help:"Compare our cost and tokens with those of the imported files."`
}

// settleFlags say when a period is closed.
type settleFlags struct {
	Settle int `help:"How many days after its end a period is closed: until then, providers report and correct." default:"3" placeholder:"DAYS" group:"Comparison" range:"0..366"`
}

func (f settleFlags) settle() time.Duration { return time.Duration(f.Settle) * 24 * time.Hour }

type reconcileListCmd struct {
	commonFlags
	clickhouseFlags
	settleFlags
	outputFlags
}

// Help implements kong.HelpProvider.
func (reconcileListCmd) Help() string {
	return `A line per period that a file is about. COUNT is how many rows of the file count: those that no later import has replaced.

A period is open until it is over, then settling for --settle days, then closed. If a file was imported before its period was closed, export and
import it again.`
}

// Example implements exampler.
func (reconcileListCmd) Example() string { return "tidemark cost reconcile list" }

// Run lists.
func (c *reconcileListCmd) Run(ctx context.Context, s Streams) error {
	return withDatabase(ctx, c.commonFlags, c.clickhouseFlags, ranges(c.settleFlags), func(db *clickhouse.DB) error {
		files, err := app.ReadImports(ctx, db)
		if err != nil {
			return err
		}
		if c.json() {
			return printJSON(s.Out, importsOutput(files, time.Now(), c.settle()))
		}
		table := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "IMPORTED\tSOURCE\tACCOUNT\tPROVIDER\tKIND\tFROM\tTO\tSTATE\tROWS\tCOUNT\tFILE")
		now := time.Now()
		for _, f := range files {
			state := string(billing.StateOf(f.Span.To, now, c.settle()))
			if then := billing.StateOf(f.Span.To, f.ImportedAt, c.settle()); string(then) != state {
				state += ", imported while " + string(then)
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", f.ImportedAt.Format(time.RFC3339), f.Source, dash(f.Account), dash(f.Provider), f.Kind,
				dayOrTime(f.Span.From), dayOrTime(f.Span.To), state, number(f.Rows), number(f.Counts), printable(f.File))
		}
		return table.Flush()
	})
}

// dayOrTime writes a time, and only its day if it is the beginning of one.
func dayOrTime(at time.Time) string {
	if at.Equal(at.Truncate(24 * time.Hour)) {
		return at.Format(time.DateOnly)
	}
	return at.Format(time.RFC3339)
}
