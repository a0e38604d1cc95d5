package clickhouse_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/clickhouse/clickhousetest"
	stacktest "tidemark/internal/test/stack"
	"tidemark/schemas"
)

// plan is a small schema. Each version has a part more: a table, a column of it, a view.
func plan(version int) schemas.Schema {
	a := schemas.Table{Name: "a", Columns: []schemas.Column{{Name: "n", Type: "UInt64"}}, Engine: "MergeTree", OrderBy: []string{"n"}}
	s := schemas.Schema{Version: version}
	if version >= 2 {
		a.Columns = append([]schemas.Column{{Name: "s", Type: "String"}}, a.Columns...)
	}
	if version >= 3 {
		s.Views = []schemas.View{{Name: "b", Columns: []schemas.Shown{{Name: "n"}, {Name: "upper", SQL: "upper(s)"}}, From: "{a}"}}
	}
	s.Tables = []schemas.Table{a}
	return s
}

// migrate returns the names of the statements that were run.
func migrate(t *testing.T, db *clickhouse.DB, s schemas.Schema) (names []string, err error) {
	t.Helper()
	err = db.Migrate(t.Context(), s, func(s schemas.Statement) { names = append(names, s.Name) })
	return names, err
}

func TestMigrate(t *testing.T) {
	stack := stacktest.Start(t)
	// The database does not exist yet.
	name := stacktest.Database(t, stack)
	stacktest.Query(t, stack, "", "DROP DATABASE "+name+" SYNC")
	db := clickhousetest.Connect(t, clickhouse.Config{URL: stack.HTTPURL(), Database: name})
	f := func(version int, want ...string) {
		t.Helper()
		if got, err := migrate(t, db, plan(version)); err != nil || !slices.Equal(got, want) {
			t.Errorf("to version %d: ran %q, want %q: %v", version, got, want, err)
		}
	}
	f(1, "table a")
	f(1)
	if err := db.Exec(t.Context(), "INSERT INTO a (n) VALUES (7)"); err != nil {
		t.Fatal(err)
	}
	f(2, "columns of a")
	f(3, "view b")
	f(3)
	if got := numbers(t, db, "SELECT n, length(upper) FROM b", 2); !slices.Equal(got, []uint64{7, 0}) {
		t.Errorf("the view shows %v", got)
	}
	if got := numbers(t, db, "SELECT position FROM system.columns WHERE database = currentDatabase() AND table = 'a' AND name = 's'", 1); got[0] != 1 {
		t.Errorf("the column that was added is number %d", got[0])
	}

	got, err := migrate(t, db, plan(2))
	if !errors.Is(err, clickhouse.ErrSchemaNewer) || !strings.Contains(err.Error(), "it has schema 3, this program has 2") || len(got) != 0 {
		t.Errorf("a newer schema: ran %q, %v", got, err)
	}
	other := plan(3)
	other.Tables = append(other.Tables, schemas.Table{Name: "d", Columns: []schemas.Column{{Name: "n", Type: "UInt8"}}, Engine: "Memory"})
	got, err = migrate(t, db, other)
	if !errors.Is(err, clickhouse.ErrSchemaOther) || len(got) != 0 {
		t.Errorf("another schema: ran %q, %v", got, err)
	}
	if got := numbers(t, db, "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'd'", 1); got[0] != 0 {
		t.Error("a refused schema was changed")
	}
}

// TestMigrateMoves changes what an ALTER cannot: partitions, the sorting key, the type and the name of a column.
func TestMigrateMoves(t *testing.T) {
	db := clickhousetest.OpenEmpty(t)
	for _, sql := range []string{
		"CREATE TABLE schema_migrations (version UInt32, name String, checksum String, applied_at DateTime DEFAULT now()) ENGINE = ReplacingMergeTree ORDER BY (version, name, checksum)",
		"INSERT INTO schema_migrations (version, name) VALUES (1, 'queries_raw')",
		"CREATE TABLE parts (n UInt64, e Enum8('old' = 1, 'same' = 2)) ENGINE = MergeTree PARTITION BY n ORDER BY n",
		"INSERT INTO parts VALUES (1, 'old'), (2, 'same')",
		"CREATE TABLE key (n UInt64, m UInt64) ENGINE = MergeTree ORDER BY n",
		"INSERT INTO key VALUES (3, 4)",
		"CREATE TABLE models (model String, licence String) ENGINE = MergeTree ORDER BY model", //nolint:misspell // As it was spelled.
		"INSERT INTO models VALUES ('m', 'MIT')",
	} {
		if err := db.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	s := schemas.Schema{Version: 300, Tables: []schemas.Table{
		{Name: "parts", Columns: []schemas.Column{{Name: "n", Type: "UInt128"}, {Name: "twice", Type: "UInt64", Rest: "MATERIALIZED n * 2"}, {Name: "e", Type: "Enum8('new' = 1, 'same' = 2)"}}, Engine: "MergeTree", OrderBy: []string{"n"}},
		{Name: "key", Columns: []schemas.Column{{Name: "n", Type: "UInt64"}, {Name: "m", Type: "UInt64"}}, Indexes: []schemas.Column{{Name: "by_m", Rest: "m TYPE minmax"}}, Engine: "MergeTree", OrderBy: []string{"m", "n"}},
		{Name: "models", Columns: []schemas.Column{{Name: "model", Type: "String"}, {Name: "license", Type: "String"}}, Engine: "MergeTree", OrderBy: []string{"model"}},
	}}
	got, err := migrate(t, db, s)
	if want := []string{"columns of parts", "move of parts", "move of key", "columns of models", "move of models"}; err != nil || !slices.Equal(got, want) {
		t.Fatalf("ran %q, want %q: %v", got, want, err)
	}
	const all = "SELECT (SELECT groupArray((toUInt64(n), twice, toString(e))) FROM (SELECT n, twice, e FROM parts ORDER BY n)), (SELECT any((m, n)) FROM key), (SELECT any((model, license)) FROM models)," +
		" (SELECT countIf(partition_key != '') FROM system.tables WHERE database = currentDatabase()), (SELECT count() FROM system.data_skipping_indices WHERE database = currentDatabase())"
	if got := stacktest.Query(t, stacktest.Start(t), db.Database(), all); got != "[(1,2,'new'),(2,4,'same')]\t(4,3)\t('m','MIT')\t0\t1" {
		t.Errorf("moved: %s", got)
	}
	s.Version++
	if got, err := migrate(t, db, s); err != nil || got != nil {
		t.Errorf("the second time: ran %q, %v", got, err)
	}
}

func TestMigrateReportsTheStatement(t *testing.T) {
	db := clickhousetest.OpenEmpty(t)
	bad := plan(3)
	bad.Version, bad.Views[0].From = 2, "nonsense FROM"
	got, err := migrate(t, db, bad)
	var e *clickhouse.Error
	if !errors.As(err, &e) || !strings.Contains(err.Error(), "migrate view b") || !slices.Equal(got, []string{"table a"}) {
		t.Errorf("ran %q: %v", got, err)
	}
	if err := db.CheckSchema(t.Context(), bad); !errors.Is(err, clickhouse.ErrSchemaOlder) {
		t.Errorf("half a migration: %v", err)
	}
	if got, err := migrate(t, db, plan(3)); err != nil || !slices.Equal(got, []string{"view b"}) {
		t.Errorf("after the repair: ran %q, %v", got, err)
	}
}

// TestMigrateFromTwoProcesses runs the whole schema from several sides at once.
func TestMigrateFromTwoProcesses(t *testing.T) {
	stack := stacktest.Start(t)
	name := stacktest.Database(t, stack)
	stacktest.Query(t, stack, "", "DROP DATABASE "+name+" SYNC")
	errs := make(chan error)
	const processes = 3
	for range processes {
		db := clickhousetest.Connect(t, clickhouse.Config{URL: stack.HTTPURL(), Database: name})
		go func() { errs <- db.Migrate(t.Context(), schemas.Current(), nil) }()
	}
	for range processes {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	db := clickhousetest.Connect(t, clickhouse.Config{URL: stack.HTTPURL(), Database: name})
	if err := db.CheckSchema(t.Context(), schemas.Current()); err != nil {
		t.Error(err)
	}
	if got := numbers(t, db, "SELECT count() FROM system.tables WHERE database = currentDatabase()", 1); int(got[0]) != len(schemas.Relations()) {
		t.Errorf("%d tables and views of %d", got[0], len(schemas.Relations()))
	}
	if got := numbers(t, db, "SELECT count() FROM heartbeats FINAL", 1); got[0] != 4 {
		t.Errorf("%d roles are expected", got[0])
	}
}

func TestEpoch(t *testing.T) {
	db := openRaw(t)
	store := clickhouse.NewStore(db)
	first, second := [16]byte{1, 2, 15: 16}, [16]byte{255, 15: 255}
	ask := func(topic string, id [16]byte, want uint32) {
		t.Helper()
		if got, err := store.Epoch(t.Context(), topic, id); err != nil || got != want {
			t.Errorf("%s %x: epoch %d, want %d: %v", topic, id, got, want, err)
		}
	}
	ask("queries.v1", first, 1)
	ask("queries.v1", second, 2)
	ask("queries.v1", first, 1)
	ask("signups.v1", second, 1)
	ask("queries.v1", [16]byte{}, 3) // A broker without topic ids has the id 0.
	var text string
	err := db.Query(t.Context(), "SELECT toString(topic_id) FROM topics WHERE topic = 'queries.v1' AND epoch = 1", func(scan func(...any) error) error { return scan(&text) })
	if err != nil || text != "01020000-0000-0000-0000-000000000010" {
		t.Errorf("stored as %s: %v", text, err)
	}
	// Somebody else's later claim of the number: the merge keeps that one.
	ask("runs.v1", first, 1)
	if err := db.Exec(t.Context(), "INSERT INTO topics (topic, epoch, topic_id) VALUES ('runs.v1', 1, toUUID('ffffffff-0000-0000-0000-000000000000'))"); err != nil {
		t.Fatal(err)
	}
	ask("runs.v1", first, 2)
	ask("runs.v1", [16]byte{255, 255, 255, 255}, 1)
}

// TestEpochAtOnce: workers that start together agree.
func TestEpochAtOnce(t *testing.T) {
	store := clickhouse.NewStore(openRaw(t))
	type answer struct {
		epoch uint32
		err   error
	}
	answers := make(chan answer)
	const workers = 8
	for range workers {
		go func() {
			epoch, err := store.Epoch(t.Context(), "token_calls.v1", [16]byte{7})
			answers <- answer{epoch, err}
		}()
	}
	for range workers {
		if a := <-answers; a.err != nil || a.epoch != 1 {
			t.Errorf("epoch %d: %v", a.epoch, a.err)
		}
	}
}
