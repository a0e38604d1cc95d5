package dashboards

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tidemark/internal/test/env"
)

// compilerConfig is that of TypeScript for boards that lie beside board.ts.
const compilerConfig = `{"compilerOptions": {"strict": true, "noEmit": true, "module": "nodenext", "target": "es2023", "types": []}, "include": ["*.ts"]}`

// refusal is a line of the compiler's: which file, and why.
var refusal = regexp.MustCompile(`(?m)^([^( ]+)\.ts\(\d+,\d+\): error TS\d+: .*(?:\n +.*)*`)

// TestGrafanaTakesThem compiles every dashboard against the types of Grafana's current release. Each spoiled dashboard has one
// wrong value, which the types refuse.
func TestGrafanaTakesThem(t *testing.T) {
	texts := map[string]string{}
	for prefix, form := range map[string]Form{"": {}, "import-": {Namespace: "lab", DatasourceUID: "warehouse", Import: true}} {
		files, err := form.Generate()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			texts[prefix+f.UID] = string(f.JSON)
		}
	}
	spoil := func(name, uid, old, replacement string) {
		t.Helper()
		changed := strings.Replace(texts[uid], old, replacement, 1)
		if changed == texts[uid] {
			t.Fatalf("%q is not in %s", old, uid)
		}
		texts["spoiled-"+name] = changed
	}
	spoil("orientation", "tidemark-usage", `"orientation": "auto"`, `"orientation": ""`)
	spoil("legend", "tidemark-usage", `"placement": "right"`, `"placement": "left"`)
	spoil("slices", "tidemark-models", `"pieType": "donut"`, `"pieType": ""`)
	spoil("thresholds", "tidemark-pipeline", `"mode": "absolute"`, `"mode": ""`)
	spoil("footer", "tidemark-pipeline", `"cellHeight": "sm"`, `"cellHeight": "sm", "footer": {"show": false}`)
	spoil("draw-style", "tidemark-tenant", `"drawStyle": "bars"`, `"drawStyle": "steps"`)
	spoil("override", "tidemark-usage", `"id": "decimals"`, `"id": "decimal"`)
	spoil("override-value", "tidemark-pipeline", `"type": "color-text"`, `"type": "color"`)
	spoil("state", "tidemark-pipeline", `"showValue": "auto"`, `"showValue": ""`)
	spoil("cursor", "tidemark-launch", `"graphTooltip": 1`, `"graphTooltip": 3`)
	spoil("variable", "tidemark-usage", `"hide": 2`, `"hide": 7`)
	spoil("link", "tidemark-usage", `"type": "dashboards"`, `"type": "dashboard"`)
	spoil("kind", "tidemark-launch", `"type": "stat"`, `"type": "singlestat"`)
	spoil("source", "import-tidemark-usage", `"type": "datasource"`, `"type": "data source"`)
	spoil("editable", "import-tidemark-usage", `"editable": true`, `"editable": "true"`)
	spoil("missing", "tidemark-adoption", `"showHeader": true,`, ``)

	refused := refusedByGrafana(t, texts)
	for uid, why := range refused {
		if !strings.HasPrefix(uid, "spoiled-") {
			t.Errorf("%s: %s", uid, why)
		}
	}
	for name := range texts {
		if strings.HasPrefix(name, "spoiled-") && refused[name] == "" {
			t.Errorf("the types take %s", name)
		}
	}
}

// refusedByGrafana returns what Grafana's types refuse of dashboards, which are named by their keys.
func refusedByGrafana(t *testing.T, texts map[string]string) map[string]string {
	t.Helper()
	cache := env.Fetched(t, "grafana-types", "dashboards/testdata/grafana/package-lock.json")
	_, err := exec.LookPath("node")
	env.Require(t, "node", err == nil, "install Node.js 20 (Debian: apt-get install nodejs)")

	dir := t.TempDir()
	board, err := os.ReadFile("testdata/grafana/board.ts")
	if err != nil {
		t.Fatal(err)
	}
	sources := map[string]string{"board.ts": string(board), "tsconfig.json": compilerConfig, "package.json": `{"type": "module"}`}
	for name, text := range texts {
		sources[name+".ts"] = "import type { Board } from './board.js';\nexport const board: Board = " + text + ";\n"
	}
	for name, text := range sources {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(cache, "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", filepath.Join(cache, "node_modules/typescript/bin/tsc"), "--pretty", "false")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	refused := map[string]string{}
	for _, m := range refusal.FindAllSubmatch(out, -1) {
		name := string(m[1])
		if _, ok := texts[name]; !ok {
			t.Fatalf("the types themselves are wrong: %s", m[0])
		}
		refused[name] += string(m[0]) + "\n"
	}
	if err != nil && len(refused) == 0 {
		t.Fatalf("the compiler: %v\n%s", err, out)
	}
	return refused
}
