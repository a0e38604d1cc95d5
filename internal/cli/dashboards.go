package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"tidemark/dashboards"
)

type dashboardsCmd struct {
	Generate dashboardsGenerateCmd `cmd:"" help:"Write the JSON of the dashboards and the alert rules from the code."`
	Check    dashboardsCheckCmd    `cmd:"" help:"Check the dashboards against the schema and, with --clickhouse, run every statement; exit 1 on any problem."`
	Preview  dashboardsPreviewCmd  `cmd:"" help:"Show the dashboards on a page without Grafana."`
}

// alertsFlag is the folder of Grafana's provisioning that has the alert rules.
type alertsFlag struct {
	AlertsDir string `help:"Folder of the file with the alert rules." default:"deploy/grafana/provisioning/alerting" placeholder:"DIR" group:"Dashboards"`
}

func (f alertsFlag) file() string { return filepath.Join(f.AlertsDir, dashboards.AlertsFile) }

func isFolder(flag, path string) error {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return fmt.Errorf("%s: %s is not a folder", flag, path)
	}
	return nil
}
