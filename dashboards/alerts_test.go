package dashboards

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tidemark/dashboards/board"
	"tidemark/dashboards/boards"
	"tidemark/internal/test/env"
	"tidemark/schemas"
)

// TestAlertsGolden compares the provisioned file with what the code makes.
func TestAlertsGolden(t *testing.T) {
	alerts, err := GenerateAlerts()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(env.ModuleRoot(t), "deploy", "grafana", "provisioning", "alerting", AlertsFile)
	if *update {
		if err := os.WriteFile(name, alerts.YAML, 0o644); err != nil { //nolint:gosec // Grafana, another user, reads it
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(name)
	if err != nil || !bytes.Equal(committed, alerts.YAML) {
		t.Errorf("%s is not what the code gives (%v): run go test ./dashboards -update", name, err)
	}
	for _, problem := range alerts.Check() {
		t.Error(problem)
	}
}

// TestAlertsCheckCatches spoils a rule in one way at a time.
func TestAlertsCheckCatches(t *testing.T) {
	relations := schemas.Relations()
	f := func(spoil func(a *board.Alert), want string) {
		t.Helper()
		groups := boards.Alerts()
		spoil(&groups[0].Alerts[1])
		var got []string
		if alerts, err := (Form{}).generateAlerts(groups, relations); err != nil {
			got = []string{err.Error()}
		} else {
			got = alerts.Check()
		}
		if len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("got %q, want one with %q", got, want)
		}
	}
	f(func(a *board.Alert) { a.UID = "tidemark-audit" }, `not its own`)
	f(func(a *board.Alert) { a.UID = strings.Repeat("x", 41) }, "too long")
	f(func(a *board.Alert) { a.Summary = "" }, "no summary")
	f(func(a *board.Alert) { a.Description = "{{ $labels.topic }}" }, "a dollar in the description")
	f(func(a *board.Alert) { a.Pending++ }, "not a multiple")
	f(func(a *board.Alert) { a.Panel = 999 }, `alert "Data is not fresh": dashboard tidemark-pipeline has no panel 999`)
	f(func(a *board.Alert) { a.Board = "gone" }, "dashboard gone has no panel 22")
	f(func(a *board.Alert) { a.SQL = "SELECT {nothing} FROM {@ledger}" }, `alert "Data is not fresh": column nothing: not in ledger`)
	f(func(a *board.Alert) { a.SQL = "SELECT {topic} FROM {@ledger} WHERE {topic} IN (${topic})" }, "topic")
	f(func(a *board.Alert) { a.SQL = "SELECT {topic} FROM {@ledger} WHERE $__timefilter({written_at})" }, "$__timefilter")
	f(func(a *board.Alert) {
		a.SQL = "SELECT {topic} FROM {@ledger} WHERE $__conditionalAll({topic} = 1, $topic)"
	}, "unknown variable")
}

// TestAlertsRenamedColumn takes the columns of each relation that a rule reads from the schema, and expects an error that
// names the rule.
func TestAlertsRenamedColumn(t *testing.T) {
	relations := schemas.Relations()
	alerts, err := GenerateAlerts()
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, g := range alerts.groups {
		for _, a := range g.Alerts {
			for _, m := range readRelation.FindAllStringSubmatch(a.SQL, -1) {
				used[m[1]] = true
			}
		}
	}
	if len(used) < 7 {
		t.Errorf("the rules read only %v", slices.Sorted(maps.Keys(used)))
	}
	for name := range used {
		broken := maps.Clone(relations)
		broken[name] = schemas.Relation{Name: name, Columns: []string{"other"}}
		if _, err := (Form{}).generateAlerts(boards.Alerts(), broken); err == nil || !strings.Contains(err.Error(), `alert "`) || !strings.Contains(err.Error(), name) {
			t.Errorf("without the columns of %s: %v", name, err)
		}
	}
}
