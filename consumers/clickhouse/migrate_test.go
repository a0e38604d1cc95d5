package clickhouse_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/clickhouse/clickhousetest"
	stacktest "tidemark/internal/test/stack"
	"tidemark/schemas"
)

// plan is a small schema; every statement may be run again.
func plan(database string) []schemas.Migration {
	return []schemas.Migration{
		{Version: 1, Name: "a", SQL: "CREATE TABLE IF NOT EXISTS " + database + ".a (n UInt64) ENGINE = MergeTree ORDER BY n"},
		{Version: 2, Name: "a_text", SQL: "ALTER TABLE " + database + ".a ADD COLUMN IF NOT EXISTS s String"},
		{Version: 10, Name: "b", SQL: "CREATE OR REPLACE VIEW " + database + ".b AS SELECT n, s FROM " + database + ".a"},
	}
}

// migrate returns the versions applied and those found applied.
func migrate(t *testing.T, db *clickhouse.DB, ms []schemas.Migration) (applied, found []int, err error) {
	t.Helper()
	err = db.Migrate(t.Context(), ms, func(m schemas.Migration, now bool) {
		if now {
			applied = append(applied, m.Version)
		} else {
			found = append(found, m.Version)
		}
	})
	return applied, found, err
}

func wantVersions(t *testing.T, what string, got []int, want ...int) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: versions %v, want %v", what, got, want)
	}
}

func TestMigrate(t *testing.T) {
	stack := stacktest.Start(t)
	// The database does not exist yet.
	name := stacktest.Database(t, stack)
	stacktest.Query(t, stack, "", "DROP DATABASE "+name+" SYNC")
	db := clickhousetest.Connect(t, clickhouse.Config{URL: stack.HTTPURL(), Database: name})
	ms := plan(name)

	applied, found, err := migrate(t, db, ms[:2])
	if err != nil {
		t.Fatal(err)
	}
	wantVersions(t, "first: applied", applied, 1, 2)
	wantVersions(t, "first: found", found)
	// A later program has more, also before the last one applied.
	more := slices.Insert(slices.Clone(ms), 2, schemas.Migration{Version: 5, Name: "c", SQL: "CREATE TABLE IF NOT EXISTS " + name + ".c (n UInt8) ENGINE = Memory"})
	applied, found, err = migrate(t, db, ms)
	if err != nil {
		t.Fatal(err)
	}
	wantVersions(t, "second: applied", applied, 10)
	wantVersions(t, "second: found", found, 1, 2)
	applied, _, err = migrate(t, db, more)
	if err != nil {
		t.Fatal(err)
	}
	wantVersions(t, "third: applied", applied, 5)
	applied, found, err = migrate(t, db, more)
	if err != nil {
		t.Fatal(err)
	}
	wantVersions(t, "fourth: applied", applied)
	wantVersions(t, "fourth: found", found, 1, 2, 5, 10)
	if err := db.Exec(t.Context(), "SELECT n, s FROM b"); err != nil {
		t.Error(err)
	}

	// The program before does not know 5.
	applied, _, err = migrate(t, db, ms)
	if !errors.Is(err, clickhouse.ErrSchemaNewer) || !strings.Contains(err.Error(), "0005_c") || len(applied) != 0 {
		t.Errorf("a newer schema: applied %v, %v", applied, err)
	}
	changed := slices.Clone(more)
	changed[1].SQL += " DEFAULT 'x'"
	changed = append(changed, schemas.Migration{Version: 11, Name: "d", SQL: "CREATE TABLE " + name + ".d (n UInt8) ENGINE = Memory"})
	applied, _, err = migrate(t, db, changed)
	if !errors.Is(err, clickhouse.ErrSchemaChanged) || !strings.Contains(err.Error(), "0002_a_text") || len(applied) != 0 {
		t.Errorf("a changed migration: applied %v, %v", applied, err)
	}
	if got := numbers(t, db, "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'd'", 1); got[0] != 0 {
		t.Error("a refused schema was changed")
	}
	if _, _, err := migrate(t, db, []schemas.Migration{ms[1], ms[0]}); err == nil {
		t.Error("migrations out of order were accepted")
	}
}

// TestMigrateAfterCrash stops after each statement, before and after it is
// recorded, and begins anew.
func TestMigrateAfterCrash(t *testing.T) {
	for stop := range 3 {
		for _, recorded := range []bool{false, true} {
			t.Run(fmt.Sprintf("statement %d, recorded %v", stop+1, recorded), func(t *testing.T) {
				db := clickhousetest.OpenEmpty(t)
				ms := plan(db.Database())
				done := stop
				if recorded {
					done++
				}
				if _, _, err := migrate(t, db, ms[:done]); err != nil {
					t.Fatal(err)
				}
				if err := db.Exec(t.Context(), ms[stop].SQL); err != nil {
					t.Fatal(err)
				}
				applied, found, err := migrate(t, db, ms)
				if err != nil {
					t.Fatal(err)
				}
				if len(found) != done || len(applied) != len(ms)-done {
					t.Errorf("applied %v, found %v", applied, found)
				}
				if err := db.Exec(t.Context(), "SELECT n, s FROM b"); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func TestMigrateReportsTheStatement(t *testing.T) {
	db := clickhousetest.OpenEmpty(t)
	ms := plan(db.Database())
	ms[1].SQL = "ALTER TABLE nonsense"
	applied, _, err := migrate(t, db, ms)
	var e *clickhouse.Error
	if !errors.As(err, &e) || !strings.Contains(err.Error(), "0002_a_text") {
		t.Errorf("got %v", err)
	}
	wantVersions(t, "applied", applied, 1)
	applied, _, err = migrate(t, db, plan(db.Database()))
	if err != nil {
		t.Fatal(err)
	}
	wantVersions(t, "applied after the repair", applied, 2, 10)
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
		go func() { errs <- db.Migrate(t.Context(), schemas.Migrations(name), nil) }()
	}
	for range processes {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	db := clickhousetest.Connect(t, clickhouse.Config{URL: stack.HTTPURL(), Database: name})
	if got := numbers(t, db, "SELECT uniqExact(version) FROM schema_migrations", 1); int(got[0]) != len(schemas.Migrations(name)) {
		t.Errorf("%d migrations recorded of %d", got[0], len(schemas.Migrations(name)))
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
