package clickhousetest_test

import (
	"testing"

	"go.uber.org/goleak"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/clickhouse/clickhousetest"
	stacktest "tidemark/internal/test/stack"
	"tidemark/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(stacktest.Wrap(m)) }

// TestCopyIsAsMigrated compares a copy with a database that was migrated: the same statements and rows.
func TestCopyIsAsMigrated(t *testing.T) {
	migrated := clickhousetest.OpenEmpty(t)
	if err := migrated.Migrate(t.Context(), schemas.Current(), nil); err != nil {
		t.Fatal(err)
	}
	read := func(db *clickhouse.DB) (all string) {
		err := db.Query(t.Context(), "SELECT replaceAll(create_table_query, currentDatabase(), 'd') || ' ' || toString(ifNull(total_rows, 0)) FROM system.tables WHERE database = currentDatabase() ORDER BY name",
			func(scan func(...any) error) error {
				var line string
				if err := scan(&line); err != nil {
					return err
				}
				all += line + "\n"
				return nil
			})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	if got, want := read(clickhousetest.Open(t)), read(migrated); got != want {
		t.Errorf("the copy is\n%s\nand should be\n%s", got, want)
	}
	copied := clickhousetest.Open(t)
	if err := copied.CheckSchema(t.Context(), schemas.Current()); err != nil {
		t.Error(err)
	}
}
