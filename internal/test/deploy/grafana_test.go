package deploy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tidemark/dashboards"
	"tidemark/dashboards/board"
	"tidemark/dashboards/grafana"
	"tidemark/internal/test/env"
)

// grafanaMounts are the folders of this repository in Grafana's container, by where they are there.
func grafanaMounts(t *testing.T) map[string]string {
	t.Helper()
	mounts := map[string]string{}
	for _, mount := range readCompose(t).Services["grafana"].Volumes {
		source, rest, _ := strings.Cut(mount, ":")
		target, _, _ := strings.Cut(rest, ":")
		mounts[target] = source
	}
	return mounts
}

// TestGrafanaReadsTheFolders holds the mounts to where Grafana looks, and the provider to the mount.
func TestGrafanaReadsTheFolders(t *testing.T) {
	mounts := grafanaMounts(t)
	for _, kind := range []string{"datasources", "dashboards", "alerting"} {
		if got, want := mounts["/etc/grafana/provisioning/"+kind], "./deploy/grafana/provisioning/"+kind; got != want {
			t.Errorf("Grafana's %s come from %q, want %s", kind, got, want)
		}
	}
	var file struct {
		APIVersion int
		Providers  []struct {
			OrgID           int
			Folder, Type    string
			DisableDeletion bool
			AllowUIUpdates  bool
			Options         struct{ Path string }
		}
	}
	root := env.ModuleRoot(t)
	env.YAML(t, filepath.Join(root, "deploy", "grafana", "provisioning", "dashboards", "tidemark.yaml"), &file)
	if len(file.Providers) != 1 {
		t.Fatalf("%d providers of dashboards, want 1", len(file.Providers))
	}
	p := file.Providers[0]
	if file.APIVersion != 1 || p.OrgID != 1 || p.Type != "file" || !p.DisableDeletion || p.AllowUIUpdates {
		t.Errorf("the provider is %+v of version %d", p, file.APIVersion)
	}
	if got := mounts[p.Options.Path]; got != "./dashboards/json" {
		t.Errorf("the provider reads %s, where %q is mounted", p.Options.Path, got)
	}
	committed, err := dashboards.Committed()
	if err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(root, "dashboards", "json", "*"))
	if err != nil || len(found) != len(committed) {
		t.Errorf("the mounted folder has %d files for %d dashboards (%v)", len(found), len(committed), err)
	}
}

// TestDates: Grafana writes dates as ISO 8601 does, largest part first, on 24 hours and in UTC, as the dashboards and the preview do.
// What it reads from the environment has no schema: a name that it does not know would do nothing.
func TestDates(t *testing.T) {
	known := []string{"FULL_DATE", "INTERVAL_SECOND", "INTERVAL_MINUTE", "INTERVAL_HOUR", "INTERVAL_DAY", "INTERVAL_MONTH", "INTERVAL_YEAR", "USE_BROWSER_LOCALE", "DEFAULT_TIMEZONE"}
	var found []string
	for name, value := range readCompose(t).Services["grafana"].Environment {
		name, is := strings.CutPrefix(name, "GF_DATE_FORMATS_")
		if !is {
			continue
		}
		found = append(found, name)
		text := fmt.Sprint(value)
		switch {
		case name == "DEFAULT_TIMEZONE" && text != "UTC", name == "USE_BROWSER_LOCALE" && text != "false":
			t.Errorf("%s is %s", name, text)
		case strings.HasPrefix(name, "INTERVAL_") || name == "FULL_DATE":
			if !iso.MatchString(text) {
				t.Errorf("%s is %q, which is not ISO 8601", name, text)
			}
		}
	}
	slices.Sort(found)
	slices.Sort(known)
	if !slices.Equal(found, known) {
		t.Errorf("the formats are %q, want %q", found, known)
	}
}

// iso is a form of dates and times with the largest part first.
var iso = regexp.MustCompile(`^(YYYY(-MM)?(-DD)?|MM-DD)?( ?HH:mm(:ss)?)?$`)

// TestDatasourceAgrees holds the data source, the plugin that is installed and the queries of the dashboards together.
func TestDatasourceAgrees(t *testing.T) {
	var file struct {
		Datasources []struct{ UID, Type string }
	}
	env.YAML(t, filepath.Join(env.ModuleRoot(t), "deploy", "grafana", "provisioning", "datasources", "clickhouse.yaml"), &file)
	if len(file.Datasources) != 1 || file.Datasources[0].UID != board.DatasourceUID || file.Datasources[0].Type != grafana.DatasourceType {
		t.Errorf("the data source is %+v, the queries ask %s of type %s", file.Datasources, board.DatasourceUID, grafana.DatasourceType)
	}
	plugin, _ := readCompose(t).Services["grafana"].Environment["GF_PLUGINS_PREINSTALL_SYNC"].(string)
	files, err := dashboards.Committed()
	if err != nil {
		t.Fatal(err)
	}
	queries := 0
	for _, f := range files {
		var d struct {
			Panels []struct {
				Targets []struct{ PluginVersion string }
			}
		}
		if err := json.Unmarshal(f.JSON, &d); err != nil {
			t.Fatal(err)
		}
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				queries++
				if want := grafana.DatasourceType + "@" + q.PluginVersion; plugin != want {
					t.Fatalf("%s: Grafana installs %s, a query is written for %s", f.UID, plugin, want)
				}
			}
		}
	}
	if queries < 50 {
		t.Errorf("only %d queries were looked at", queries)
	}
}

// alertFile is Grafana's file format for alert rules (provisioning/alerting, apiVersion 1), as far as we use it.
type alertFile struct {
	APIVersion int `json:"apiVersion"`
	Groups     []struct {
		OrgID    int    `json:"orgId"`
		Name     string `json:"name"`
		Folder   string `json:"folder"`
		Interval string `json:"interval"`
		Rules    []struct {
			UID          string            `json:"uid"`
			Title        string            `json:"title"`
			Condition    string            `json:"condition"`
			For          string            `json:"for"`
			NoDataState  string            `json:"noDataState"`
			ExecErrState string            `json:"execErrState"`
			DashboardUID string            `json:"dashboardUid"`
			PanelID      int               `json:"panelId"`
			Labels       map[string]string `json:"labels"`
			Annotations  map[string]string `json:"annotations"`
			Data         []struct {
				RefID             string `json:"refId"`
				DatasourceUID     string `json:"datasourceUid"`
				RelativeTimeRange *struct {
					From int `json:"from"` // Whole seconds, or Grafana refuses the file.
					To   int `json:"to"`
				} `json:"relativeTimeRange"`
				Model struct {
					RefID         string                     `json:"refId"`
					Datasource    struct{ Type, UID string } `json:"datasource"`
					PluginVersion string                     `json:"pluginVersion"`
					EditorType    string                     `json:"editorType"`
					QueryType     string                     `json:"queryType"`
					Format        int                        `json:"format"`
					RawSQL        string                     `json:"rawSql"`
					Type          string                     `json:"type"`
					Expression    string                     `json:"expression"`
					Conditions    []any                      `json:"conditions"`
				} `json:"model"`
			} `json:"data"`
		} `json:"rules"`
	} `json:"groups"`
}

// TestAlertFile reads the rules as Grafana does: a key that it does not know would be passed over in silence there.
func TestAlertFile(t *testing.T) {
	services := readCompose(t).Services
	var raw json.RawMessage
	env.YAML(t, filepath.Join(env.ModuleRoot(t), "deploy", "grafana", "provisioning", "alerting", dashboards.AlertsFile), &raw)
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	var file alertFile
	if err := decoder.Decode(&file); err != nil {
		t.Fatal(err)
	}
	plugin, _ := services["grafana"].Environment["GF_PLUGINS_PREINSTALL_SYNC"].(string)
	rules := 0
	for _, g := range file.Groups {
		if file.APIVersion != 1 || g.OrgID != 1 || g.Name == "" || g.Folder != "Tidemark" || g.Interval == "" {
			t.Errorf("group %q: orgId %d, folder %q, interval %q in version %d", g.Name, g.OrgID, g.Folder, g.Interval, file.APIVersion)
		}
		for _, r := range g.Rules {
			rules++
			if r.UID == "" || r.Title == "" || r.For == "" || r.NoDataState != "OK" || r.ExecErrState != "Error" ||
				r.Annotations["__dashboardUid__"] != r.DashboardUID || r.DashboardUID == "" || r.PanelID == 0 {
				t.Errorf("%s: incomplete: %+v", r.UID, r)
			}
			var refs []string
			for _, q := range r.Data {
				refs = append(refs, q.RefID)
				m := q.Model
				if q.DatasourceUID == board.DatasourceUID {
					if m.RefID != q.RefID || m.Datasource.UID != q.DatasourceUID || m.Datasource.Type != grafana.DatasourceType || m.Datasource.Type+"@"+m.PluginVersion != plugin ||
						m.EditorType != "sql" || m.QueryType != "table" || m.Format != 1 || m.RawSQL == "" || q.RelativeTimeRange == nil || q.RelativeTimeRange.From <= q.RelativeTimeRange.To {
						t.Errorf("%s: query %s: %+v", r.UID, q.RefID, q)
					}
					// Compose runs one namespace, and a rule has no variables.
					namespace, _ := services["ingest"].Environment["TIDEMARK_NAMESPACE"].(string)
					if !strings.Contains(m.RawSQL, `FROM "`+namespace+`".`) {
						t.Errorf("%s: query %s does not ask the namespace of compose, %s", r.UID, q.RefID, namespace)
					}
				} else if q.DatasourceUID != "__expr__" || m.RefID != q.RefID || !slices.Contains(refs[:len(refs)-1], m.Expression) || len(m.Conditions) != 1 {
					t.Errorf("%s: expression %s: %+v", r.UID, q.RefID, q)
				}
			}
			if !slices.Contains(refs, r.Condition) {
				t.Errorf("%s: the condition %s is none of %v", r.UID, r.Condition, refs)
			}
		}
	}
	if rules != 11 {
		t.Errorf("%d rules, want 11", rules)
	}
}
