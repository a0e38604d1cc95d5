// Package clickhousetest gives tests databases of their own on the real engine.
// The TestMain of a package that uses it is:
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(stacktest.Wrap(m)) }
package clickhousetest

import (
	"testing"

	"tidemark/consumers/clickhouse"
	stacktest "tidemark/internal/test/stack"
)

// Open returns a connection to a new database that is as the migrations leave
// it. Both end with the test.
func Open(t testing.TB) *clickhouse.DB {
	t.Helper()
	db := OpenEmpty(t)
	clone(t, db)
	return db
}

// OpenEmpty returns a connection to a new database without tables. Both end
// with the test.
func OpenEmpty(t testing.TB) *clickhouse.DB {
	t.Helper()
	stack := stacktest.Start(t)
	return Connect(t, clickhouse.Config{URL: stack.HTTPURL(), Database: stacktest.Database(t, stack)})
}

// Connect opens a connection that is closed at the end of the test.
func Connect(t testing.TB, cfg clickhouse.Config) *clickhouse.DB {
	t.Helper()
	db, err := clickhouse.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}
