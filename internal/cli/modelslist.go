package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"tidemark/schemas/catalog"
)

type modelsListCmd struct {
	commonFlags
	clickhouseFlags
	outputFlags
	Text string `arg:"" optional:"" help:"Only models whose name or organization contains this text (case-insensitive)."`
}

// Help implements kong.HelpProvider.
func (modelsListCmd) Help() string {
	return "The exit code is 1 if no model contains the text."
}

// Example implements exampler.
func (modelsListCmd) Example() string { return "tidemark models list mistral" }

// Run lists.
func (c *modelsListCmd) Run(ctx context.Context, s Streams) error {
	models, err := modelsOf(ctx, c.commonFlags, c.clickhouseFlags)
	if err != nil {
		return err
	}
	all := len(models)
	text := strings.ToLower(c.Text)
	models = slices.DeleteFunc(models, func(m catalog.Model) bool {
		return !strings.Contains(strings.ToLower(m.ID), text) && !strings.Contains(strings.ToLower(m.Organization.Value), text)
	})
	err = c.print(s, models, all)
	if err == nil && len(models) == 0 && c.Text != "" {
		return errFound
	}
	return err
}

// print prints the models that were found of all.
func (c *modelsListCmd) print(s Streams, models []catalog.Model, all int) error {
	if c.json() {
		return printJSON(s.Out, modelsOutput(models, all))
	}
	table := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	if len(models) > 0 {
		fmt.Fprintln(table, "MODEL\tWEIGHTS\tLICENSE\tORGANIZATION\tCOUNTRY\tRELEASED\tSOURCES")
	}
	for _, m := range models {
		var sources []string
		for _, fact := range []catalog.Fact{m.Weights, m.License, m.Organization, m.Country, m.ReleaseDate} {
			if fact.Source != "" && !slices.Contains(sources, fact.Source) {
				sources = append(sources, fact.Source)
			}
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", m.ID, dash(m.Weights.Value), dash(m.License.Value), dash(m.Organization.Value),
			dash(m.Country.Value), dash(m.ReleaseDate.Value), dash(strings.Join(sources, ", ")))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(s.Out, "%s of %s models\n", number(uint64(len(models))), number(uint64(all)))
	return err
}
