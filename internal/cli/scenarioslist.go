package cli

import (
	"context"
	"fmt"
	"text/tabwriter"

	"tidemark/producers/scenario"
	scenariofile "tidemark/schemas/scenario"
)

type scenariosListCmd struct{ outputFlags }

// Example implements exampler.
func (scenariosListCmd) Example() string { return "tidemark scenarios list" }

// Run lists.
func (c scenariosListCmd) Run(ctx context.Context, s Streams) error {
	var all []scenarioJSON
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
		all = append(all, scenarioJSON{name, truth.Total().Produced, checked, len(one.Expectations) - checked, one.Title})
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%s\n", name, number(truth.Total().Produced), checked, len(one.Expectations)-checked, one.Title)
	}
	if c.json() {
		return printJSON(s.Out, scenariosJSON{all})
	}
	return table.Flush()
}
