package dashboards

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

// imported is what the test looks at of a dashboard.
type imported struct {
	ID         any
	Editable   bool
	Tags       []string
	Templating struct {
		List []struct {
			Type, Name string
			Query      any
			Current    struct{ Value any }
		}
	}
}

// TestImportForm: an imported dashboard is the provisioned one, but for the data source, which is a variable, the namespace
// that it opens with, and that people may edit it.
func TestImportForm(t *testing.T) {
	provisioned, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	files, err := Form{Namespace: "lab", DatasourceUID: "warehouse", Import: true}.Generate()
	if err != nil {
		t.Fatal(err)
	}
	const reference = `"type": "grafana-clickhouse-datasource", "uid": `
	for i, f := range files {
		var d imported
		if err := json.Unmarshal(f.JSON, &d); err != nil {
			t.Fatal(err)
		}
		source := d.Templating.List[0]
		if source.Type != "datasource" || source.Name != "datasource" || source.Query != "grafana-clickhouse-datasource" || source.Current.Value != "warehouse" {
			t.Errorf("%s: the first variable is no data source: %v", f.UID, source)
		}
		if !d.Editable || d.ID != nil {
			t.Errorf("%s: editable is %v, its id %v", f.UID, d.Editable, d.ID)
		}
		text, want := oneSpace(f.JSON), oneSpace(provisioned[i].JSON)
		if strings.Contains(text, reference+`"tidemark"`) {
			t.Errorf("%s: a query does not ask the data source that is chosen", f.UID)
		}
		begin := strings.Index(text, `"templating": { "list": [ `) + len(`"templating": { "list": [ `)
		end := begin + strings.Index(text[begin:], `{ "type": "query"`)
		text = strings.ReplaceAll(text[:begin]+text[end:], reference+`"${datasource}"`, reference+`"tidemark"`)
		text = strings.Replace(text, `"editable": true`, `"editable": false`, 1)
		text = strings.ReplaceAll(text, `database = 'lab' DESC`, `database = 'tidemark' DESC`)
		text = strings.ReplaceAll(text, `"text": "lab", "value": "lab"`, `"text": "tidemark", "value": "tidemark"`)
		if text != want {
			t.Errorf("%s: the imported dashboard differs from the provisioned one in more than its form", f.UID)
		}
		if history := d.Tags[1] == "tidemark-history"; history == strings.Contains(string(f.JSON), `database = 'lab'`) {
			t.Errorf("%s: history is %v, and so is its namespace that of the form", f.UID, history)
		}
	}
}

// oneSpace writes a JSON text in one line.
func oneSpace(text []byte) string { return strings.Join(strings.Fields(string(text)), " ") }

// TestAlertForm: the rules of another namespace and data source share nothing with those of compose that Grafana keeps apart.
func TestAlertForm(t *testing.T) {
	own, err := GenerateAlerts()
	if err != nil {
		t.Fatal(err)
	}
	other, err := Form{Namespace: "lab", DatasourceUID: "warehouse"}.GenerateAlerts()
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range other.Check() {
		t.Error(problem)
	}
	text := string(other.YAML)
	for _, leftover := range []string{`"tidemark".`, "uid: tidemark", "datasourceUid: tidemark", "namespace: tidemark", "folder: Tidemark\n"} {
		if !strings.Contains(string(own.YAML), leftover) {
			t.Errorf("%q is not in the rules of compose", leftover)
		}
		if strings.Contains(text, leftover) {
			t.Errorf("%q is in the rules of another namespace", leftover)
		}
	}
	for _, uid := range regexp.MustCompile(`- uid: (\S+)`).FindAllStringSubmatch(text, -1) {
		if !strings.HasPrefix(uid[1], "lab-") {
			t.Errorf("the uid %s may be another namespace's", uid[1])
		}
	}
	if strings.Count(text, "dashboardUid: tidemark-") != strings.Count(text, "title: ") {
		t.Error("a rule does not lead to a dashboard")
	}
	long, err := Form{Namespace: strings.Repeat("n", 40)}.GenerateAlerts()
	if err != nil || len(long.Check()) == 0 {
		t.Errorf("uids of more than 40 characters: %v and no problem", err)
	}
}
