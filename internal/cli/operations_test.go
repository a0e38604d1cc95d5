package cli

import (
	"cmp"
	"flag"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tidemark/consumers/audit"
	"tidemark/dashboards"
)

var update = flag.Bool("update", false, "write what pages of docs and files of testdata have from the program")

// metricsTable is the table of all our metrics, by name.
func metricsTable(t *testing.T) string {
	t.Helper()
	families, err := everyMetric().registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("| metric | type | labels | what it is |\n|---|---|---|---|\n")
	for _, family := range families {
		if !strings.HasPrefix(family.GetName(), "tidemark_") {
			continue
		}
		var labels []string
		for _, label := range family.GetMetric()[0].GetLabel() {
			labels = append(labels, "`"+label.GetName()+"`")
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", family.GetName(), strings.ToLower(family.GetType().String()), cmp.Or(strings.Join(labels, ", "), "-"), family.GetHelp())
	}
	return table.String()
}

// TestOperationsMetrics: the page has every metric that /metrics serves, as the program describes it, and names no other.
func TestOperationsMetrics(t *testing.T) {
	table := metricsTable(t)
	pagePart(t, "operations.md", "metrics", table)
	text, _ := page(t, "operations.md")
	for _, name := range regexp.MustCompile(`tidemark_[a-z_]+`).FindAllString(text, -1) {
		if !strings.Contains(table, "| `"+name+"` |") {
			t.Errorf("the page names %s, which no process serves", name)
		}
	}
}

// TestOperationsAlerts: the page has a section for each alert rule, and for no other.
func TestOperationsAlerts(t *testing.T) {
	text, _ := page(t, "operations.md")
	alerts, err := dashboards.GenerateAlerts()
	if err != nil {
		t.Fatal(err)
	}
	var rules, sections []string
	for _, found := range regexp.MustCompile(`(?m)^ +(?:- )?title: (.+)$`).FindAllStringSubmatch(string(alerts.YAML), -1) {
		rules = append(rules, strings.Trim(found[1], `"'`))
	}
	_, section, _ := strings.Cut(text, "\n## Alerts\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, found := range regexp.MustCompile(`(?m)^### (.+)$`).FindAllStringSubmatch(section, -1) {
		sections = append(sections, found[1])
	}
	slices.Sort(rules)
	slices.Sort(sections)
	if len(rules) < 7 || !slices.Equal(rules, sections) {
		t.Errorf("rules:\n%s\nsections:\n%s", strings.Join(rules, "\n"), strings.Join(sections, "\n"))
	}
}

// TestOperationsVerdicts: the page explains each verdict of the audit.
func TestOperationsVerdicts(t *testing.T) {
	text, _ := page(t, "operations.md")
	for _, verdict := range []audit.Verdict{audit.OK, audit.Pending, audit.Difference, audit.Error} {
		if !strings.Contains(text, "\n| `"+string(verdict)+"` | ") {
			t.Errorf("the page does not explain %q", verdict)
		}
	}
}

// TestOperationsCommands: the parser accepts every command line of the page, and its links lead to a section.
func TestOperationsCommands(t *testing.T) {
	text, _ := page(t, "operations.md")
	lines := regexp.MustCompile(`(?m)^tidemark .+$`).FindAllString(text, -1)
	if len(lines) < 10 {
		t.Fatalf("only %d command lines", len(lines))
	}
	for _, line := range lines {
		line, _, _ = strings.Cut(line, " #")
		if _, err := parse(t, shellArgs(line)[1:]); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	anchors := map[string]bool{}
	for _, found := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(text, -1) {
		anchor := regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(found[1]), "")
		anchors[strings.ReplaceAll(anchor, " ", "-")] = true
	}
	for _, found := range regexp.MustCompile(`\]\(#([^)]+)\)`).FindAllStringSubmatch(text, -1) {
		if !anchors[found[1]] {
			t.Errorf("a link leads to #%s, which is no section", found[1])
		}
	}
}
