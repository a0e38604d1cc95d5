package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"tidemark/consumers/audit/expect"
	"tidemark/producers"
	"tidemark/producers/scenario"
	"tidemark/schemas"
	scenariofile "tidemark/schemas/scenario"
)

type scenariosCmd struct {
	List  scenariosListCmd  `cmd:"" help:"List the scenarios: usage histories that can be replayed and measured."`
	Show  scenariosShowCmd  `cmd:"" help:"Show what a scenario replays, from which sources, and what it expects."`
	Check scenariosCheckCmd `cmd:"" help:"Measure what scenarios expect from stored events; exit 1 on a MISS."`
}

type scenariosListCmd struct{}

// Run lists.
func (scenariosListCmd) Run(ctx context.Context, s Streams) error {
	table := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "name\trecords\tchecked\tshown only\ttitle")
	for _, name := range scenario.Names() {
		one, err := scenario.Load(name)
		if err != nil {
			return err
		}
		truth, err := scenario.Truth(ctx, one)
		if err != nil {
			return err
		}
		checked := 0
		for _, e := range one.Expectations {
			if e.Class == scenariofile.ClassChecked {
				checked++
			}
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%s\n", name, number(truth.Total().Produced), checked, len(one.Expectations)-checked, one.Title)
	}
	return table.Flush()
}

type scenariosShowCmd struct {
	Name string `arg:"" help:"A name of 'scenarios list', or the path of a scenario file."`
}

// Help is the long text of "tidemark scenarios show --help".
func (scenariosShowCmd) Help() string {
	return `A path that ends in .yaml is read and validated: everything that is wrong with it is told at once, with line, column
and remedy.`
}

// Run shows one.
func (c *scenariosShowCmd) Run(ctx context.Context, s Streams) error {
	one, err := scenario.Load(c.Name)
	if err != nil {
		return err
	}
	truth, err := scenario.Truth(ctx, one)
	if err != nil {
		return err
	}
	out := s.Out
	total := truth.Total()
	fmt.Fprintf(out, "%s: %s\n\n%s\n%s records, events from %s to %s, grain %s, seed %d\n", one.ID, one.Title, one.Description,
		number(total.Produced), date(total.FirstTime), date(total.LastTime), one.Grain, one.Seed)
	if err := printTruth(s, truth, 0); err != nil {
		return err
	}
	if len(one.Streams) > 0 {
		fmt.Fprint(out, "\nstreams\n")
	}
	for i := range one.Streams {
		showStream(out, &one.Streams[i])
	}
	fmt.Fprint(out, "\nexpectations\n")
	for _, e := range one.Expectations {
		fmt.Fprintf(out, "  %s: %s, %s (%s)\n", e.ID, e.What, e.Unit, e.Class)
		for line := range strings.Lines(strings.TrimRight(e.SQL, "\n")) {
			fmt.Fprint(out, "      "+line)
		}
		fmt.Fprintln(out)
	}
	fmt.Fprint(out, "\nsources\n")
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, name := range slices.Sorted(maps.Keys(one.Sources)) {
		source := one.Sources[name]
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\n", name, source.Confidence, source.License, source.Name, source.Where())
	}
	return table.Flush()
}

// showStream writes a stream's curve, a point a line.
func showStream(out io.Writer, st *scenariofile.Stream) {
	fmt.Fprintf(out, "  %s: %s, %s\n", st.ID, st.Type, st.Curve.Unit)
	for _, p := range st.Curve.Points {
		value := strconv.FormatFloat(p.Value, 'g', -1, 64)
		if p.Value == math.Trunc(p.Value) { // At most 1e15.
			value = number(uint64(p.Value))
		}
		fmt.Fprintf(out, "      %-16s  %20s  %s\n", p.At.Text, value, p.Source)
	}
}

func date(us int64) string { return time.UnixMicro(us).UTC().Format("2006-01-02") }

type scenariosCheckCmd struct {
	scenarioFlags
	clickhouseFlags
	Names []string `arg:"" optional:"" name:"name" help:"Names of 'scenarios list', or paths of scenario files."`
	All   bool     `help:"All scenarios that come with the program."`
}

// scenarioFlags are commonFlags with the namespace of scenarios for a default.
type scenarioFlags struct {
	Namespace string `help:"The namespace that the scenarios were replayed into." default:"tidemark_scenarios" placeholder:"NAME"`
}

func (f scenarioFlags) validate() error {
	if err := schemas.ValidNamespace(f.Namespace); err != nil {
		return fmt.Errorf("--namespace: %w", err)
	}
	return nil
}

// Help is the long text of "tidemark scenarios check --help".
func (scenariosCheckCmd) Help() string {
	return `Each line is one expectation: what was reported, what is measured from the views and rollups, the tolerance, the
verdict, the source. OK and MISS are checks; illustrative means that the path between the reported ends is ours,
unconfirmed that no public page has the figure: both are shown and never count. Nothing to measure is a MISS, but for
the audit that diurnal expects, which is unconfirmed until one was made after all was stored. Nothing is written. Exit
code 1 on a MISS.

  tidemark migrate --namespace tidemark_scenarios
  tidemark replay scenario:search-race
  tidemark ingest --namespace tidemark_scenarios --until-caught-up
  tidemark rollup --namespace tidemark_scenarios --until-caught-up
  tidemark audit --namespace tidemark_scenarios
  tidemark scenarios check search-race`
}

// names returns which scenarios to check.
func (c *scenariosCheckCmd) names() ([]string, error) {
	switch {
	case c.All && len(c.Names) > 0:
		return nil, errors.New("--all: not with names")
	case c.All:
		return scenario.Names(), nil
	case len(c.Names) == 0:
		return nil, errors.New("names: give one or more, or --all")
	}
	return c.Names, nil
}

// Run checks.
func (c *scenariosCheckCmd) Run(ctx context.Context, s Streams) (err error) {
	names, namesErr := c.names()
	if err := invalid(c.scenarioFlags.validate(), c.clickhouseFlags.validate(), namesErr); err != nil {
		return err
	}
	checks := make([]*scenariofile.Scenario, len(names))
	for i, name := range names { // Before anything is measured.
		if checks[i], err = scenario.Load(name); err != nil {
			return err
		}
	}
	db, err := c.open(c.Namespace)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := checkSchema(ctx, db, c.Namespace); err != nil {
		return err
	}
	counts := map[expect.Verdict]int{}
	var failed []error
	report := newReporter(s.Err)
	for i, one := range checks {
		report.line("measuring %s, %d of %d", one.ID, i+1, len(checks))
		truth, err := scenario.Truth(ctx, one)
		if err != nil {
			return err
		}
		lines, err := expect.Check(ctx, db, one, made(truth))
		report.end()
		if err := printLines(s.Out, lines, counts); err != nil {
			return err
		}
		if err != nil {
			failed = append(failed, err)
		}
	}
	fmt.Fprintf(s.Out, "scenarios: %d OK, %d MISS, %d illustrative, %d unconfirmed\n",
		counts[expect.OK], counts[expect.Miss], counts[expect.Illustrative], counts[expect.Unconfirmed])
	if len(failed) > 0 {
		return errors.Join(failed...)
	}
	if counts[expect.Miss] > 0 {
		return errFound
	}
	return nil
}

// made is what a whole replay makes, as the check wants it.
func made(truth *producers.Truth) []expect.Stored {
	var stored []expect.Stored
	for _, spec := range schemas.Specs() {
		if count := truth.Of(spec.Type); count.Events > 0 {
			stored = append(stored, expect.Stored{
				Type: spec.Type, Events: count.Events, Weight: count.Weight,
				InputTokens: count.InputTokens, OutputTokens: count.OutputTokens,
			})
		}
	}
	return stored
}

// printLines prints the lines of one scenario and counts their verdicts.
func printLines(out io.Writer, lines []expect.Line, counts map[expect.Verdict]int) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, l := range lines {
		counts[l.Verdict]++
		source := l.Source
		if l.Detail != "" {
			source = l.Detail + " (" + source + ")"
		}
		fmt.Fprintf(table, "%s\t%s\treported %s\tmeasured %s\t%s\t%s\t%s\n", l.Scenario, l.ID, l.Reported, l.Measured, l.Tolerance, l.Verdict, source)
	}
	return table.Flush()
}
