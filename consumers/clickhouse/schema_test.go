package clickhouse_test

import (
	"errors"
	"strings"
	"testing"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/clickhouse/clickhousetest"
	stacktest "tidemark/internal/test/stack"
	"tidemark/schemas"
)

// TestMigrateTakesNoOthersDatabase: what is not ours is refused before anything of it is changed.
func TestMigrateTakesNoOthersDatabase(t *testing.T) {
	stack := stacktest.Start(t)
	for name, sql := range map[string][]string{
		"tables of somebody":            {"CREATE TABLE orders (n UInt8) ENGINE = Memory"},
		"tables named like ours":        {"CREATE TABLE models (n UInt8) ENGINE = Memory"},
		"a view alone":                  {"CREATE VIEW b AS SELECT 1 AS n"},
		"another tool's migrations":     {"CREATE TABLE schema_migrations (version Int64, dirty UInt8, sequence UInt64) ENGINE = TinyLog"},
		"our form, another's migration": {"CREATE TABLE schema_migrations (version UInt32, name String, checksum String, applied_at DateTime) ENGINE = Memory", "INSERT INTO schema_migrations VALUES (1, 'orders', '', 0)", "CREATE TABLE orders (n UInt8) ENGINE = Memory"},
	} {
		db := clickhousetest.OpenEmpty(t)
		for _, statement := range sql {
			stacktest.Query(t, stack, db.Database(), statement)
		}
		before := stacktest.Query(t, stack, "", "SELECT name, create_table_query FROM system.tables WHERE database = '"+db.Database()+"' ORDER BY name")
		_, err := migrate(t, db, plan(3))
		if !errors.Is(err, clickhouse.ErrNotOurs) || !clickhouse.IsSchema(err) || !strings.Contains(err.Error(), "choose another --namespace") {
			t.Errorf("%s: %v", name, err)
		}
		if after := stacktest.Query(t, stack, "", "SELECT name, create_table_query FROM system.tables WHERE database = '"+db.Database()+"' ORDER BY name"); after != before {
			t.Errorf("%s: changed from\n%s\nto\n%s", name, before, after)
		}
	}
}

// TestMigrateTakesNoServersDatabase: nor is what every server has for itself.
func TestMigrateTakesNoServersDatabase(t *testing.T) {
	stack := stacktest.Start(t)
	for _, name := range []string{"system", "information_schema", "INFORMATION_SCHEMA", "default", "_temporary_and_external_tables"} {
		list := "SELECT name FROM system.tables WHERE database = '" + name + "' AND name NOT LIKE '%_log' ORDER BY name"
		before := stacktest.Query(t, stack, "", list)
		db := clickhousetest.Connect(t, clickhouse.Config{URL: stack.HTTPURL(), Database: name})
		if _, err := migrate(t, db, plan(3)); err == nil {
			t.Errorf("%s was migrated", name)
		}
		if after := stacktest.Query(t, stack, "", list); after != before {
			t.Errorf("%s was changed: %s", name, after)
		}
	}
}

func TestCheckSchema(t *testing.T) {
	db := clickhousetest.OpenEmpty(t)
	f := func(s schemas.Schema, want error, says string) {
		t.Helper()
		err := db.CheckSchema(t.Context(), s)
		if !errors.Is(err, want) || (err != nil) != clickhouse.IsSchema(err) {
			t.Errorf("got %v, want %v", err, want)
		}
		if err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%v does not say %q", err, says)
		}
	}
	f(plan(3), clickhouse.ErrSchemaOlder, "tidemark migrate --namespace "+db.Database())
	if _, err := migrate(t, db, plan(2)); err != nil {
		t.Fatal(err)
	}
	f(plan(2), nil, "")
	f(plan(3), clickhouse.ErrSchemaOlder, "which needs schema 3: run `tidemark migrate")
	f(plan(1), clickhouse.ErrSchemaNewer, "it has schema 2, this program has 1")
	changed := plan(3)
	changed.Version = 2
	f(changed, clickhouse.ErrSchemaOther, "schema 2: ")
	if err := db.Exec(t.Context(), "DROP DATABASE "+db.Database()+" SYNC"); err != nil {
		t.Fatal(err)
	}
	f(plan(3), clickhouse.ErrSchemaOlder, "has no tables of Tidemark")
	away := clickhousetest.Connect(t, clickhouse.Config{URL: "http://127.0.0.1:1", Database: "d"})
	if err := away.CheckSchema(t.Context(), plan(3)); err == nil || clickhouse.IsSchema(err) {
		t.Errorf("a server that is away: %v", err)
	}
}
