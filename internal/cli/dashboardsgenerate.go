package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"tidemark/dashboards"
)

type dashboardsGenerateCmd struct {
	alertsFlag
	Dir string `help:"Folder to write the dashboards to." default:"dashboards/json" placeholder:"DIR" group:"Dashboards"`
}

// Help implements kong.HelpProvider.
func (dashboardsGenerateCmd) Help() string {
	return `Writes the dashboards and the alert rules for Grafana's file provisioning: one file per dashboard, and one for all rules.
The same code always gives the same bytes. If the SQL names a table or column that the schema does not have, the error
names the panel or rule and the column, and nothing is written. The alert rules query the namespace tidemark.`
}

// Example implements exampler.
func (dashboardsGenerateCmd) Example() string { return "tidemark dashboards generate" }

// Run writes the files.
func (c *dashboardsGenerateCmd) Run(s Streams) error {
	files, err := dashboards.Generate()
	if err != nil {
		return fmt.Errorf("make the dashboards:\n%w", err)
	}
	alerts, err := dashboards.GenerateAlerts()
	if err != nil {
		return fmt.Errorf("make the alert rules:\n%w", err)
	}
	if err := invalid(isFolder("--dir", c.Dir), isFolder("--alerts-dir", c.AlertsDir)); err != nil {
		return err
	}
	for _, f := range files {
		if err := writeChanged(s.Out, filepath.Join(c.Dir, f.UID+".json"), f.JSON); err != nil {
			return err
		}
	}
	return writeChanged(s.Out, c.file(), alerts.YAML)
}

// writeChanged writes a file unless it has the text already.
func writeChanged(out io.Writer, name string, text []byte) error {
	note := "unchanged"
	if old, err := os.ReadFile(name); err != nil || !bytes.Equal(old, text) {
		note = "written"
		if err := os.WriteFile(name, text, 0o644); err != nil { //nolint:gosec // Grafana, another user, reads it
			return err
		}
	}
	fmt.Fprintf(out, "%s: %s\n", name, note)
	return nil
}
