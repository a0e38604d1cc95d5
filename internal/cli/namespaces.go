package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"tidemark/consumers/clickhouse"
	consumerkafka "tidemark/consumers/kafka"
	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/namespaces"
	"tidemark/schemas"
)

type namespacesCmd struct {
	List namespacesListCmd `cmd:"" help:"List the namespaces: events of each type, their times, the last audit, topics."`
	Diff namespacesDiffCmd `cmd:"" help:"Compare what two namespaces show, measure by measure; exit 1 on any difference."`
	Drop namespacesDropCmd `cmd:"" help:"Remove a namespace: topics, consumer groups, database. Shows what would go; --yes does it."`
}

// anyDatabase is what a connection is opened with when the command works on several, which it names.
const anyDatabase = "system"

// serverOf is the database server of an open connection.
func serverOf(db *clickhouse.DB) func(string) ledgerdb.Querier {
	return func(database string) ledgerdb.Querier { return db.In(database) }
}

type namespacesListCmd struct {
	kafkaFlags
	clickhouseFlags
}

// Help is the long text of "tidemark namespaces list --help".
func (namespacesListCmd) Help() string {
	return `A namespace is a database in which Tidemark's migrations are recorded. Rows and times are those of the ledger: what is
stored of each type, repeats beyond the window included.`
}

// Run lists.
func (c *namespacesListCmd) Run(ctx context.Context, s Streams) (err error) {
	if err := invalid(c.kafkaFlags.validate(), c.clickhouseFlags.validate()); err != nil {
		return err
	}
	db, client, closeAll, err := openBoth(ctx, c.kafkaFlags, c.clickhouseFlags)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	lister := namespaces.Lister{DB: db, In: serverOf(db), Log: consumerkafka.NamespaceLog{Client: client}}
	found := 0
	err = lister.List(ctx, func(info namespaces.Info) error {
		if found++; found > 1 {
			fmt.Fprintln(s.Out)
		}
		return printNamespace(s.Out, info)
	})
	if err == nil && found == 0 {
		fmt.Fprintln(s.Out, "no namespace; `tidemark migrate` creates one")
	}
	return err
}

func printNamespace(w io.Writer, info namespaces.Info) error {
	var missing []string
	for _, topic := range namespaces.TopicNames(info.Name) {
		if _, exists := info.Topics[topic]; !exists {
			missing = append(missing, topic)
		}
	}
	topics := fmt.Sprintf("%d of %d topics", len(info.Topics), len(info.Topics)+len(missing))
	if len(missing) > 0 && len(info.Topics) > 0 {
		topics += " (not there: " + strings.Join(missing, ", ") + ")"
	}
	fmt.Fprintf(w, "%s: %s, database of %s, %s\n", info.Name, topics, size(info.Bytes), auditLine(info.Audit))
	if info.Problem != "" {
		fmt.Fprintf(w, "  %s\n", info.Problem)
		return nil
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "type\trows\tfirst\tlast\t")
	for _, t := range info.Types {
		first, last := "-", "-"
		if t.Rows > 0 {
			first, last = t.First.Format(minuteForm), t.Last.Format(minuteForm)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t\n", t.Type, number(t.Rows), first, last)
	}
	return table.Flush()
}

// minuteForm is how a minute is shown.
const minuteForm = "2006-01-02 15:04"

func auditLine(a namespaces.Audit) string {
	switch at := a.At.UTC().Format(time.RFC3339); {
	case a.At.IsZero():
		return "never audited"
	case a.Differences > 0:
		return fmt.Sprintf("audit DIFFERENCE (%d) at %s", a.Differences, at)
	case a.Pending > 0:
		return fmt.Sprintf("audit OK with %d checks pending at %s", a.Pending, at)
	default:
		return "audit OK at " + at
	}
}

type namespacesDropCmd struct {
	kafkaFlags
	clickhouseFlags
	Name string `arg:"" help:"The namespace."`
	Yes  bool   `help:"Do it. Without, nothing is changed."`
}

// Help is the long text of "tidemark namespaces drop --help".
func (namespacesDropCmd) Help() string {
	return `Removes the topics of the namespace, its consumer groups and its database, and nothing else; there is no way back. Stop
what works on the namespace first: a process that does not is told by an error that its topics are gone. A database
without Tidemark's record of migrations is refused. Interrupted, it is simply run again.`
}

// Run shows what would go, and drops it if it is told to.
func (c *namespacesDropCmd) Run(ctx context.Context, s Streams) (err error) {
	nameErr := schemas.ValidNamespace(c.Name)
	if err := invalid(c.kafkaFlags.validate(), c.clickhouseFlags.validate(), nameErr); err != nil {
		return err
	}
	db, client, closeAll, err := openBoth(ctx, c.kafkaFlags, c.clickhouseFlags)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	log := consumerkafka.NamespaceLog{Client: client}
	dropper := &namespaces.Dropper{DB: db, Log: log, Groups: log}
	plan, err := dropper.Plan(ctx, c.Name)
	if err != nil {
		return err
	}
	if plan.Empty() {
		fmt.Fprintf(s.Out, "there is nothing of a namespace %s\n", c.Name)
		return nil
	}
	printPlan(s, plan)
	if !c.Yes {
		fmt.Fprintln(s.Out, "nothing was dropped; --yes drops all of this for good")
		return nil
	}
	report := newReporter(s.Err)
	dropper.Hooks.Dropped = func(what string) { report.line("%s", what) }
	if err := dropper.Drop(ctx, plan); err != nil {
		report.end()
		return fmt.Errorf("%w (run it again to drop the rest)", err)
	}
	report.end()
	fmt.Fprintf(s.Out, "namespace %s is dropped\n", c.Name)
	return nil
}

func printPlan(s Streams, p namespaces.Plan) {
	if p.Database {
		fmt.Fprintf(s.Out, "database %s: %d tables and views, %s rows, %s\n", p.Name, p.Tables, number(p.Rows), size(p.Bytes))
	}
	if len(p.Foreign) > 0 {
		fmt.Fprintf(s.Out, "  among them tables that this Tidemark did not make: %s\n", strings.Join(p.Foreign, ", "))
	}
	for _, name := range slices.Sorted(maps.Keys(p.Topics)) {
		t := p.Topics[name]
		fmt.Fprintf(s.Out, "topic %s: %d partitions, %s records\n", name, t.Partitions, number(t.Records))
	}
	for _, g := range p.Groups {
		fmt.Fprintf(s.Out, "consumer group %s: %d members\n", g.Name, g.Members)
	}
	for _, g := range p.Groups {
		if g.Members > 0 {
			fmt.Fprintf(s.Err, "warning: %d consumers are at work in group %s, or died within the last seconds: stop them first\n", g.Members, g.Name)
		}
	}
}

type namespacesDiffCmd struct {
	clickhouseFlags
	spanFlags
	A        string `arg:"" name:"a" help:"One namespace."`
	B        string `arg:"" name:"b" help:"The other one."`
	Deep     bool   `help:"Compare every event too, not only the rollups." group:"Diff"`
	Show     int    `help:"Differences to show at the most." default:"20" placeholder:"N" group:"Diff" range:"1..1000000"`
	DiffRows int    `help:"Rows of both to compare at a time; bounds the memory of the server." default:"500000" placeholder:"N" group:"Diff" range:"1000..1000000000"`
}

// Help is the long text of "tidemark namespaces diff --help".
func (namespacesDiffCmd) Help() string {
	return `Compares every measure of every bucket and dimension of all rollups, distributions and distinct users by their values.
The first differences are listed, and each rollup with the number of rows that differ and the totals of the measures
that do. What depends on places in the log and not on the events is left out: the same events lie elsewhere there. A
bucket that holds a time between --from and --to is compared whole.

  tidemark namespaces diff tidemark tidemark_replayed --from 2026-03-01 --to 2026-03-08`
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
	report := newReporter(s.Err)
	diff := &namespaces.Diff{DB: db, In: serverOf(db), A: c.A, B: c.B, From: from, To: to, Deep: c.Deep, Rows: c.DiffRows, Show: c.Show,
		Hooks: namespaces.Hooks{Compared: func(p namespaces.DiffProgress) {
			report.line("%s (%d of %d): %s of %s rows", p.Table, p.Number, p.Of, number(p.Done), number(p.Rows))
		}}}
	result, err := diff.Run(ctx)
	report.end()
	if err != nil {
		return err
	}
	if err := printDiff(s, c.A, c.B, result); err != nil {
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
		errs = append(errs, fmt.Errorf("%s is compared with itself", c.A))
	}
	return errors.Join(append(errs, ranges(*c))...)
}

func printDiff(s Streams, a, b string, r namespaces.DiffResult) error {
	for _, name := range r.Behind {
		fmt.Fprintf(s.Err, "warning: rollups of %s do not show all that is stored: run `tidemark rollup --until-caught-up --namespace %s`\n", name, name)
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
	differ, rows := 0, uint64(0)
	for _, t := range r.Tables {
		rows += t.Rows
		if t.Equal() {
			fmt.Fprintf(s.Out, "equal    %s: %s rows\n", t.Table, number(t.Rows))
			continue
		}
		differ++
		fmt.Fprintf(s.Out, "differs  %s: %s of %s rows; only in %s %s, only in %s %s\n", t.Table, number(t.Differ), number(t.Rows), a, number(t.OnlyA), b, number(t.OnlyB))
		for _, m := range t.Measures {
			line := fmt.Sprintf("           %s in %s rows", m.Column, number(m.Rows))
			if m.A != "" || m.B != "" {
				line += fmt.Sprintf("; total %s %s, %s %s", a, cmp.Or(m.A, "-"), b, cmp.Or(m.B, "-"))
			}
			fmt.Fprintln(s.Out, line)
		}
	}
	verdict := "diff: EQUAL"
	if differ > 0 {
		verdict = fmt.Sprintf("diff: DIFFERENCE (%d tables)", differ)
	}
	_, err := fmt.Fprintf(s.Out, "%s, %s rows compared\n", verdict, number(rows))
	return err
}

// openBoth connects to database and brokers for a command that works on several namespaces.
func openBoth(ctx context.Context, k kafkaFlags, ch clickhouseFlags) (*clickhouse.DB, *consumerkafka.Client, func() error, error) {
	if err := k.reach(ctx); err != nil {
		return nil, nil, nil, err
	}
	client, err := k.client("tidemark-namespaces")
	if err != nil {
		return nil, nil, nil, err
	}
	db, err := ch.open(anyDatabase)
	if err != nil {
		return nil, nil, nil, errors.Join(err, client.Close())
	}
	return db, client, func() error { return errors.Join(db.Close(), client.Close()) }, nil
}
