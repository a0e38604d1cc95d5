package makecatalog

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tidemark/internal/test/env"
	"tidemark/schemas/catalog"
)

// TestShippedFile makes the shipped catalog again: whoever changes a list here has to run the command.
func TestShippedFile(t *testing.T) {
	env.Data(t, "epoch-ai/"+epochFiles[0])
	env.Data(t, "models-dev/models_dev.csv")
	data := env.Data(t, ".")
	got, _, err := File(data)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join(env.ModuleRoot(t), "schemas", "catalog", "default.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("schemas/catalog/default.csv is not what its sources give: run `go run ./internal/makecatalog/cmd`")
	}
}

// generated finds the models of the synthetic workload, asked, served and open.
var generated = regexp.MustCompile(`(?:asked|served): "([^"]+)"|\{"([\w-]+/[^"]+)"`)

// TestShippedFileCovers looks for the models of the generator and of the replays, and those of the scenario open-closed.
func TestShippedFileCovers(t *testing.T) {
	models, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]catalog.Model{}
	for _, m := range models {
		there[m.ID] = m
	}
	ids := []string{
		"claude-opus-4-5-20251101", "claude-opus-4-6", "claude-sonnet-4-5-20250929", "claude-sonnet-4-20250514",
		"claude-haiku-4-5-20251001", "claude-opus-4-1-20250805", "DeepSeek-R1-0528", "Qwen3", "Wan2.1-VACE", "GLM-Z1",
	}
	text, err := os.ReadFile(filepath.Join(env.ModuleRoot(t), "producers", "synthetic", "catalog.go"))
	if err != nil {
		t.Fatal(err)
	}
	found := generated.FindAllSubmatch(text, -1)
	if len(found) < 40 {
		t.Fatalf("%d models of the generator found", len(found))
	}
	for _, match := range found {
		ids = append(ids, string(match[1])+string(match[2]))
	}
	for _, id := range ids {
		if m, ok := there[id]; !ok || m.Weights.Value == "" {
			t.Errorf("%s is not in the shipped catalog, or without its weights", id)
		}
	}
}

// dataset writes a small copy of the sources' files.
func dataset(t *testing.T, epoch map[string]string, modelsDev string) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range epoch {
		write("epoch-ai/"+name, "model,organization,publication_date,model_accessibility,country\n"+text)
	}
	write("models-dev/models_dev.csv", "provider,model_id,release_date,open_weights\n"+modelsDev)
	return dir
}

// TestPrecedence puts models together from sources that contradict each other.
func TestPrecedence(t *testing.T) {
	dir := dataset(t, map[string]string{
		"new.csv": "A,Acme,2025-01-01,API access,Canada\n" +
			"B,\"Acme,University\",2025-02-01,,\"Canada,China\"\n" +
			"C,\"Some,Others\",2025-03,Open weights (non-commercial),\"Canada,Canada\"\n",
		"old.csv": "A,Old Acme,2020-01-01,Open weights (unrestricted),China\n" +
			"B,,,Unreleased,\n" +
			"D,Two Places,2025-04-01,Hosted access (no API),\"Canada,China\"\n" +
			"E,Two Places,2025-05-01,,Multinational\n",
	}, "acme,b,2026-01-01,True\nacme,other,2026-02-01,False\nacme-cn,other,2026-02-02,False\nreseller,a,2026-03-01,True\nacme-cn,theirs,2026-03-01,True\n")
	b := builder{
		makers: []maker{{provider: "acme", organization: "Acme"}, {provider: "acme-cn", organization: "Acme", prefixes: []string{"oth"}}},
		aliases: map[string]alias{
			"a": {epoch: "A"}, "b": {epoch: "B"}, "b-too": {epoch: "B", modelsDev: "acme/b"}, "c": {epoch: "C"}, "d": {epoch: "D"}, "e": {epoch: "E"},
			"no-epoch": {epoch: "Z"}, "no-dev": {modelsDev: "reseller/a"}, "not-theirs": {modelsDev: "acme-cn/theirs"},
		},
		stated: map[string]catalog.Model{"b": {
			Weights: catalog.Fact{Value: catalog.Closed, Source: "x"}, License: catalog.Fact{Value: "MIT", Source: "x"},
		}},
	}
	var err error
	if b.epoch, err = readEpoch(filepath.Join(dir, "epoch-ai"), []string{"new.csv", "old.csv"}); err != nil {
		t.Fatal(err)
	}
	if b.dev, err = readModelsDev(filepath.Join(dir, "models-dev"), b.makers); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{
		"a":          "closed (Epoch AI); unknown; Acme (Epoch AI); CA (Epoch AI); 2025-01-01 (Epoch AI)",
		"b":          "open (models.dev); MIT (x); Acme (Epoch AI); CA (Epoch AI); 2025-02-01 (Epoch AI)",
		"b-too":      "open (models.dev); unknown; Acme (Epoch AI); CA (Epoch AI); 2025-02-01 (Epoch AI)",
		"c":          "open (Epoch AI); unknown; Some, Others (Epoch AI); CA (Epoch AI); unknown",
		"d":          "closed (Epoch AI); unknown; Two Places (Epoch AI); unknown; 2025-04-01 (Epoch AI)",
		"e":          "unknown; unknown; Two Places (Epoch AI); unknown; 2025-05-01 (Epoch AI)",
		"other":      "closed (models.dev); unknown; Acme (models.dev); CA (Epoch AI); unknown",
		"no-epoch":   "no model \"Z\"",
		"no-dev":     "models.dev has no reseller/a",
		"not-theirs": "models.dev has no acme-cn/theirs",
	} {
		m, err := b.model(id)
		got := strings.Join([]string{m.Weights.String(), m.License.String(), m.Organization.String(), m.Country.String(), m.ReleaseDate.String()}, "; ")
		if err != nil {
			got = err.Error()
		}
		if got != want && (err == nil || !strings.Contains(got, want)) {
			t.Errorf("%s: %s\nwant %s", id, got, want)
		}
	}
	if len(b.dev.notes) != 1 || !strings.HasPrefix(b.dev.notes[0], "other: release_date") {
		t.Errorf("notes %q, want one about other's date", b.dev.notes)
	}
}
