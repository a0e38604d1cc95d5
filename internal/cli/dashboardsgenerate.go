package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"tidemark/dashboards"
	"tidemark/schemas"
)

type dashboardsGenerateCmd struct {
	alertsFlag
	outputFlags
	Dir           string `help:"Folder to write the dashboards to." default:"dashboards/json" placeholder:"DIR" group:"Dashboards"`
	For           string `help:"What reads the dashboards. provision: Grafana's file provisioning, as in docker-compose.yml. import: people who import them into a Grafana that they have; the data source is then a variable, and the dashboards can be edited. It needs --dir; the alert rules go there too." default:"provision" enum:"provision,import" group:"Dashboards"`
	Namespace     string `help:"The namespace that the alert rules query, and that dashboards open with." default:"tidemark" placeholder:"NAME" group:"Dashboards"`
	DatasourceUID string `name:"datasource-uid" help:"UID of the ClickHouse data source in Grafana." default:"tidemark" placeholder:"UID" group:"Dashboards"`
}

// The defaults of folders are those of this repository's files.
const (
	dashboardsDir = "dashboards/json"
	alertsDir     = "deploy/grafana/provisioning/alerting"
)

// Help implements kong.HelpProvider.
func (dashboardsGenerateCmd) Help() string {
	return `Writes the dashboards and the alert rules: one file per dashboard, and one for all rules. The same code always gives the
same bytes. If the SQL names a table or column that the schema does not have, the error names the panel or rule and the
column, and nothing is written.

In Grafana, import each dashboard (Dashboards > New > Import) and copy the file of the rules into the folder
provisioning/alerting. The rules of another namespace than tidemark have uids and a folder of their own.`
}

// Example implements exampler.
func (dashboardsGenerateCmd) Example() string {
	return "tidemark dashboards generate\n" +
		"tidemark dashboards generate --for import --dir grafana --namespace tidemark --datasource-uid P1A2B3C4"
}

// form returns the form that the flags ask for, and the folder of the alert rules.
func (c *dashboardsGenerateCmd) form() (form dashboards.Form, alerts string, err error) {
	form = dashboards.Form{Namespace: c.Namespace, DatasourceUID: c.DatasourceUID, Import: c.For == "import"}
	alerts = c.AlertsDir
	var errs []error
	if err := schemas.ValidNamespace(c.Namespace); err != nil {
		errs = append(errs, fmt.Errorf("--namespace: %w", err))
	}
	if !datasourceUID.MatchString(c.DatasourceUID) {
		errs = append(errs, fmt.Errorf("--datasource-uid: %q is not the uid of a data source", c.DatasourceUID))
	}
	if form.Import {
		if c.Dir == dashboardsDir {
			errs = append(errs, errors.New("--for import: needs --dir, a folder for the dashboards"))
		}
		if alerts == alertsDir {
			alerts = c.Dir
		}
	}
	errs = append(errs, isFolder("--dir", c.Dir), isFolder("--alerts-dir", alerts))
	return form, alerts, invalid(errs...)
}

// datasourceUID is what Grafana takes as a uid.
var datasourceUID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

// Run writes the files.
func (c *dashboardsGenerateCmd) Run(s Streams) error {
	form, alertsTo, err := c.form()
	if err != nil {
		return err
	}
	files, err := form.Generate()
	if err != nil {
		return fmt.Errorf("make the dashboards:\n%w", err)
	}
	alerts, err := form.GenerateAlerts()
	if err != nil {
		return fmt.Errorf("make the alert rules:\n%w", err)
	}
	if problems := alerts.Check(); len(problems) > 0 {
		return fmt.Errorf("make the alert rules:\n%s", strings.Join(problems, "\n"))
	}
	var done generatedJSON
	out := c.told(s).Out
	for _, f := range files {
		if err := done.write(out, filepath.Join(c.Dir, f.UID+".json"), f.JSON); err != nil {
			return err
		}
	}
	if err := done.write(out, filepath.Join(alertsTo, dashboards.AlertsFile), alerts.YAML); err != nil || !c.json() {
		return err
	}
	return printJSON(s.Out, done)
}

// write writes a file unless it has the text already.
func (g *generatedJSON) write(out io.Writer, name string, text []byte) error {
	note := "unchanged"
	if old, err := os.ReadFile(name); err != nil || !bytes.Equal(old, text) {
		note = "written"
		if err := os.WriteFile(name, text, 0o644); err != nil { //nolint:gosec // Grafana, another user, reads it
			return err
		}
	}
	g.Files = append(g.Files, generatedFileJSON{name, note == "written"})
	fmt.Fprintf(out, "%s: %s\n", name, note)
	return nil
}
