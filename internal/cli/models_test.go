package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tidemark/internal/app"
	stacktest "tidemark/internal/test/stack"
	"tidemark/schemas/catalog"
)

// modelsBench is a migrated database with commands on it.
type modelsBench struct {
	t        *testing.T
	url      string
	database string
	query    func(sql string) string
}

// newModelsBench takes a database that goes with the stack: a namespace cannot have the name of a test.
func newModelsBench(t *testing.T, database string) *modelsBench {
	t.Helper()
	s := stacktest.Start(t)
	b := &modelsBench{t: t, url: s.HTTPURL(), database: database}
	stacktest.Query(t, s, "", "DROP DATABASE IF EXISTS "+database+" SYNC") // Of an earlier run by -count.
	b.query = func(sql string) string { t.Helper(); return stacktest.Query(t, s, b.database, sql) }
	return b
}

// run runs a command under "models" with a standard input.
func (b *modelsBench) run(stdin string, args ...string) (code int, out, errOut string) {
	b.t.Helper()
	var stdout, stderr bytes.Buffer
	args = append(append([]string{"models"}, args...), "--clickhouse", b.url, "--namespace", b.database)
	code = run(b.t.Context(), args, Streams{In: strings.NewReader(stdin), Out: &stdout, Err: &stderr})
	return code, stdout.String(), stderr.String()
}

// ok runs a command that must end well.
func (b *modelsBench) ok(stdin string, args ...string) string {
	b.t.Helper()
	code, out, errOut := b.run(stdin, args...)
	if code != exitOK || errOut != "" {
		b.t.Fatalf("models %v: exit code %d\n%s%s", args, code, out, errOut)
	}
	return out
}

// is runs a command and compares its output.
func (b *modelsBench) is(want, stdin string, args ...string) {
	b.t.Helper()
	if out := b.ok(stdin, args...); out != want {
		b.t.Errorf("models %v:\n%swant\n%s", args, out, want)
	}
}

func (b *modelsBench) migrate() string {
	b.t.Helper()
	db, err := clickhouseFlags{ClickHouse: b.url, clickhouseUser: clickhouseUser{ClickHouseUser: "default"}}.open(b.database)
	if err != nil {
		b.t.Fatal(err)
	}
	migrated, err := app.MigrateDatabase(b.t.Context(), db)
	if err := errors.Join(err, db.Close()); err != nil {
		b.t.Fatal(err)
	}
	return loadedLine(migrated.Models, migrated.Loaded, "the shipped catalog")
}

// TestModels walks through the life of a catalog on the real engine.
func TestModels(t *testing.T) {
	b := newModelsBench(t, "models_life")
	if code, _, errOut := b.run("", "list"); code != exitFailed || !strings.Contains(errOut, "tidemark migrate") {
		t.Errorf("before the migration: exit code %d, %s", code, errOut)
	}
	shipped, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	n := len(shipped)
	if got, want := b.migrate(), fmt.Sprintf("%d loaded from the shipped catalog", n); got != want {
		t.Errorf("the first migration: %s, want %s", got, want)
	}
	if got, want := b.migrate(), fmt.Sprintf("%d already present", n); got != want {
		t.Errorf("the second migration: %s, want %s", got, want)
	}
	rows := b.query("SELECT count(), max(imported_at) FROM models")
	unchanged := fmt.Sprintf("models: 0 added, 0 changed, 0 removed; %d unchanged\n", n)
	b.is(unchanged, "", "import")
	exported := b.ok("", "export")
	b.is(unchanged, exported, "import", "-", "--replace")
	if again := b.query("SELECT count(), max(imported_at) FROM models"); again != rows {
		t.Errorf("an import of what is there writes: %s, before %s", again, rows)
	}

	// A file that changes one model, adds one and does not name the others.
	header, _, _ := strings.Cut(exported, "\n")
	file := filepath.Join(t.TempDir(), "mine.csv")
	mine := header + "\ngpt-5,closed,us,,,,,,,,\nours,open,us,MIT,us,O'Neil,us,NA,us,1999-12-31,us\n"
	if err := os.WriteFile(file, []byte(mine), 0o600); err != nil {
		t.Fatal(err)
	}
	stay := fmt.Sprintf("%d that are not in the file stay (--replace removes them)\n", n-1)
	b.is("+ ours: weights unknown -> open (us), license unknown -> MIT (us), organization unknown -> O'Neil (us), country unknown -> NA (us), release_date unknown -> 1999-12-31 (us)\n"+
		"~ gpt-5: weights closed (Epoch AI) -> closed (us), organization OpenAI (Epoch AI) -> unknown, country US (Epoch AI) -> unknown, release_date 2025-08-07 (Epoch AI) -> unknown\n"+
		"models: 1 would be added, 1 changed, 0 removed; 0 unchanged\n"+stay, "", "import", file, "--dry-run")
	b.is(strings.Replace(unchanged, "added", "would be added", 1), "", "import", "--dry-run")
	b.is("models: 1 added, 1 changed, 0 removed; 0 unchanged\n"+stay, "", "import", file)
	b.is(fmt.Sprintf("MODEL  WEIGHTS  LICENSE  ORGANIZATION  COUNTRY  RELEASED    SOURCES\nours   open     MIT      O'Neil        NA       1999-12-31  us\n1 of %d models\n", n+1), "", "list", "O'NEIL")
	if code, out, _ := b.run("", "list", "nobody's"); code != exitFound || out != fmt.Sprintf("0 of %d models\n", n+1) {
		t.Errorf("nobody's models: exit code %d, %s", code, out)
	}

	b.joins()

	b.is(fmt.Sprintf("models: 0 added, 0 changed, %d removed; 2 unchanged\n", n-1), "", "import", file, "--replace")
	b.is(mine, "", "export")
	b.query("OPTIMIZE TABLE models FINAL")
	b.is(mine, "", "export")
	b.is("models: 0 added, 0 changed, 2 removed; 0 unchanged\n", header+"\n", "import", "-", "--replace")
	if got, want := b.migrate(), fmt.Sprintf("%d loaded from the shipped catalog", n); got != want {
		t.Errorf("a migration with an empty catalog: %s, want %s", got, want)
	}
}

// joins looks at the catalog as dashboards do: a model that is not in it is unknown, and no row is lost or doubled.
func (b *modelsBench) joins() {
	b.t.Helper()
	b.query("INSERT INTO token_calls_raw (time, tenant, product, model, offset, identity) VALUES " +
		"(now64(6), 't', 'p', 'gpt-4o', 1, 1), (now64(6), 't', 'p', 'gpt-5', 2, 2), (now64(6), 't', 'p', 'nobody''s', 3, 3), (now64(6), 't', 'p', 'ours', 4, 4)")
	got := b.query("SELECT c.model, m.weights, m.weights_source, m.organization, m.country, m.release_date FROM token_calls AS c " +
		"LEFT JOIN (SELECT * FROM models FINAL) AS m ON c.model = m.model ORDER BY c.model")
	want := "gpt-4o\tclosed\tEpoch AI\tOpenAI\tUS\t2024-05-13\n" +
		"gpt-5\tclosed\tus\t\t\t\\N\n" +
		"nobody\\'s\tunknown\t\t\t\t\\N\n" +
		"ours\topen\tus\tO\\'Neil\tNA\t1999-12-31"
	if got != want {
		b.t.Errorf("joined:\n%s\nwant\n%s", got, want)
	}
}

// TestModelsImportTakesNoBadFile expects every mistake, the exit code, and an untouched table.
func TestModelsImportTakesNoBadFile(t *testing.T) {
	b := newModelsBench(t, "models_bad")
	b.migrate()
	before := b.ok("", "export")
	header, _, _ := strings.Cut(before, "\n")
	garbage := filepath.Join(t.TempDir(), "garbage.csv")
	if err := os.WriteFile(garbage, []byte("\x89PNG\r\n\x1a\n\x00\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		stdin, file string
		want        []string
	}{
		{"", garbage, []string{"nothing was imported", garbage + ":1: this is not the line"}},
		{"", garbage + ".missing", []string{garbage + ".missing", "no such file"}},
		{"", "-", []string{"standard input:1: the file is empty"}},
		{header + "\nfine,open,us,,,,,,,,\nbad,open,,,,,,XX,us,,\nworse,ajar,us,,,,,,,,\n", "-",
			[]string{"standard input:3: weights_source: there is a fact but no source", "standard input:3: country: \"XX\"", "standard input:4: weights: \"ajar\""}},
	} {
		code, out, errOut := b.run(test.stdin, "import", test.file, "--replace")
		for _, want := range test.want {
			if !strings.Contains(errOut, want) {
				t.Errorf("%s %q: no %q in\n%s", test.file, test.stdin, want, errOut)
			}
		}
		if code != exitFailed || out != "" {
			t.Errorf("%s %q: exit code %d, output %q", test.file, test.stdin, code, out)
		}
	}
	if after := b.ok("", "export"); after != before {
		t.Error("a bad file changed the catalog")
	}
}
