package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"tidemark/consumers/namespaces"
	"tidemark/schemas"
)

type namespacesDiffCmd struct {
	clickhouseFlags
	spanFlags
	outputFlags
	A        string `arg:"" name:"a" help:"The first namespace."`
	B        string `arg:"" name:"b" help:"The second namespace."`
	Deep     bool   `help:"Also compare every event, not only the rollups." group:"Diff"`
	Show     int    `help:"Most differences to show." default:"20" placeholder:"N" group:"Diff" range:"1..1000000"`
	DiffRows int    `help:"Rows of both to compare at a time. It bounds the memory of the server." default:"500000" placeholder:"N" group:"Diff" range:"1000..1000000000"`
}

// Help implements kong.HelpProvider.
func (namespacesDiffCmd) Help() string {
	return `Compares every measure of every bucket and dimension of all rollups. Of distributions and distinct users it compares the
resulting values, not the stored states. It lists the first differences. For each rollup it prints the number of rows
that differ and the totals of the measures that differ. It ignores columns that depend on offsets, because the same
events have other offsets in another namespace. If a bucket holds a time between --from and --to, it compares the whole
bucket.`
}

// Example implements exampler.
func (namespacesDiffCmd) Example() string {
	return "tidemark namespaces diff tidemark tidemark_replayed --from 2026-03-01 --to 2026-03-08"
}

// Run compares.
func (c *namespacesDiffCmd) Run(ctx context.Context, s Streams) (err error) {
	from, to, spanErr := c.span()
	if err := invalid(c.clickhouseFlags.validate(), spanErr, c.validate()); err != nil {
		return err
	}
	db, err := c.open(anyDatabase)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	report := newProgress(s.Err)
	diff := &namespaces.Diff{DB: db, In: serverOf(db), A: c.A, B: c.B, From: from, To: to, Deep: c.Deep, Rows: c.DiffRows, Show: c.Show,
		Hooks: namespaces.Hooks{Compared: func(p namespaces.DiffProgress) {
			report.line("%s (%d of %d): %s of %s rows", p.Table, p.Number, p.Of, number(p.Done), number(p.Rows))
		}}}
	result, err := diff.Run(ctx)
	report.end()
	if err != nil {
		return err
	}
	if c.json() {
		err = printJSON(s.Out, diffOutput(c.A, c.B, result))
	} else {
		err = printDiff(s, c.A, c.B, result)
	}
	if err != nil {
		return err
	}
	if !result.Equal() {
		return errFound
	}
	return nil
}

func (c *namespacesDiffCmd) validate() error {
	var errs []error
	for _, name := range []string{c.A, c.B} {
		errs = append(errs, schemas.ValidNamespace(name))
	}
	if c.A == c.B {
		errs = append(errs, fmt.Errorf("%s cannot be compared with itself", c.A))
	}
	return errors.Join(append(errs, ranges(*c))...)
}

func printDiff(s Streams, a, b string, r namespaces.DiffResult) error {
	for _, name := range r.Behind {
		fmt.Fprintf(s.Err, "warning: the rollups of %s do not show all stored events yet: run 'tidemark rollup --until-caught-up --namespace %s'\n", name, name)
	}
	table := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	if len(r.First) > 0 {
		fmt.Fprintf(table, "TABLE\tBUCKET\tROW\tMEASURE\t%s\t%s\n", a, b)
	}
	for _, d := range r.First {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", d.Table, d.Bucket.Format(minuteForm), d.Row, d.Measure, d.A, d.B)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	differ, empty, rows := 0, 0, uint64(0)
	for _, t := range r.Tables {
		rows += t.Rows
		switch {
		case t.Equal() && t.Rows == 0:
			empty++
			continue
		case t.Equal():
			fmt.Fprintf(s.Out, "equal    %s: %s\n", t.Table, count(t.Rows, "row"))
			continue
		}
		differ++
		fmt.Fprintf(s.Out, "differs  %s: %s of %s rows; only in %s %s, only in %s %s\n", t.Table, number(t.Differ), number(t.Rows), a, number(t.OnlyA), b, number(t.OnlyB))
		for _, m := range t.Measures {
			line := fmt.Sprintf("           %s in %s", m.Column, count(m.Rows, "row"))
			if m.A != "" || m.B != "" {
				line += fmt.Sprintf("; total %s %s, %s %s", a, cmp.Or(m.A, "-"), b, cmp.Or(m.B, "-"))
			}
			fmt.Fprintln(s.Out, line)
		}
	}
	if empty > 0 {
		fmt.Fprintf(s.Out, "equal    %s without rows\n", count(empty, "table"))
	}
	verdict := "diff: EQUAL"
	if differ > 0 {
		verdict = fmt.Sprintf("diff: DIFFERENCE (%s)", count(differ, "table"))
	}
	_, err := fmt.Fprintf(s.Out, "%s, %s compared\n", verdict, count(rows, "row"))
	return err
}
