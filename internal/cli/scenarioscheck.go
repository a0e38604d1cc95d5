package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"tidemark/consumers/audit/expect"
	"tidemark/internal/app"
	"tidemark/producers"
	"tidemark/producers/scenario"
	"tidemark/schemas"
	scenariofile "tidemark/schemas/scenario"
)

type scenariosCheckCmd struct {
	scenarioFlags
	clickhouseFlags
	outputFlags
	Names []string `arg:"" optional:"" name:"name" help:"Names from 'tidemark scenarios list', or paths of scenario files."`
	All   bool     `help:"Check all scenarios that ship with Tidemark."`
}

// scenarioFlags name the namespace of scenarios.
type scenarioFlags struct {
	Namespace string `help:"The namespace that the scenarios were replayed into." default:"tidemark_scenarios" placeholder:"NAME"`
}

func (f scenarioFlags) validate() error {
	if err := schemas.ValidNamespace(f.Namespace); err != nil {
		return fmt.Errorf("--namespace: %w", err)
	}
	return nil
}

// Help implements kong.HelpProvider.
func (scenariosCheckCmd) Help() string {
	return `Each line is one expectation: the reported figure, the figure measured from views and rollups, the tolerance, the verdict,
and the source. The verdicts:

  - OK and MISS: the measured figure is or is not within the tolerance. Without data the verdict is MISS.
  - illustrative: the scenario invents the figure or interpolates between two reported ones.
  - unconfirmed: no public source has the figure. The scenario diurnal also expects an audit: its line is
    unconfirmed until an audit has run after all its events were stored.

The last two are shown but do not affect the exit code, which is 1 on a MISS. The command writes nothing to the database.`
}

// Example implements exampler.
func (scenariosCheckCmd) Example() string {
	return `tidemark migrate --namespace tidemark_scenarios
tidemark replay scenario:search-race
tidemark ingest --namespace tidemark_scenarios --until-caught-up
tidemark rollup --namespace tidemark_scenarios --until-caught-up
tidemark audit --namespace tidemark_scenarios
tidemark scenarios check search-race`
}

// names returns the scenarios to check.
func (c *scenariosCheckCmd) names() ([]string, error) {
	switch {
	case c.All && len(c.Names) > 0:
		return nil, errors.New("--all: give either --all or names")
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
			return wrongUse(err)
		}
	}
	db, err := c.open(c.Namespace)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := app.CheckSchema(ctx, db); err != nil {
		return err
	}
	counts := map[expect.Verdict]int{}
	var failed []error
	var all []expect.Line
	report := newProgress(s.Err)
	for i, one := range checks {
		report.line("measuring %s, %d of %d", one.ID, i+1, len(checks))
		truth, err := scenario.Truth(ctx, one)
		if err != nil {
			return err
		}
		lines, err := expect.Check(ctx, db, one, made(truth))
		report.end()
		for _, l := range lines {
			counts[l.Verdict]++
		}
		all = append(all, lines...)
		if c.json() {
			lines = nil
		}
		if err := printLines(s.Out, lines); err != nil {
			return err
		}
		if err != nil {
			failed = append(failed, err)
		}
	}
	if c.json() {
		if err := printJSON(s.Out, expectationsOutput(all, counts)); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(s.Out, "scenarios: %d OK, %d MISS, %d illustrative, %d unconfirmed\n",
			counts[expect.OK], counts[expect.Miss], counts[expect.Illustrative], counts[expect.Unconfirmed])
	}
	if len(failed) > 0 {
		return errors.Join(failed...)
	}
	if counts[expect.Miss] > 0 {
		return errFound
	}
	return nil
}

// made returns what a whole replay stores, per type.
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

// printLines prints the lines of one scenario.
func printLines(out io.Writer, lines []expect.Line) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, l := range lines {
		source := l.Source
		if l.Detail != "" {
			source = l.Detail + " (" + source + ")"
		}
		fmt.Fprintf(table, "%s\t%s\treported %s\tmeasured %s\t%s\t%s\t%s\n", l.Scenario, l.ID, l.Reported, l.Measured, l.Tolerance, l.Verdict, source)
	}
	return table.Flush()
}
