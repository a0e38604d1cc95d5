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
	Text string `arg:"" optional:"" help:"Only models whose name or organization contains this text (case-insensitive)."`
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
	fmt.Fprintf(s.Out, "%s of %s models\n", number(uint64(len(models))), number(uint64(all)))
	return nil
}
