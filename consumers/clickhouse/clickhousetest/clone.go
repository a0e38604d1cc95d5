package clickhousetest

import (
	"strings"
	"sync"
	"testing"

	"tidemark/consumers/clickhouse"
	"tidemark/internal/stack"
	stacktest "tidemark/internal/test/stack"
	"tidemark/schemas"
)

// template is a migrated database that others are copied from.
var template struct {
	mu     sync.Mutex
	stack  *stack.Stack // That it is in.
	tables []table
}

// table is a table or view as the engine would make it again. In its statements the database is the placeholder.
type table struct {
	name, create string
	filled       bool // With rows that migrations wrote.
}

const (
	templateName = "template_of_tests"
	placeholder  = templateName + "."
)

// clone fills an empty database with what the migrations make.
func clone(t testing.TB, db *clickhouse.DB) {
	t.Helper()
	tables := templateTables(t, stacktest.Start(t))
	waiting := tables
	for len(waiting) > 0 { // A view is made after those that it reads.
		var failed []table
		var err error
		for _, one := range waiting {
			if e := db.Exec(t.Context(), strings.ReplaceAll(one.create, placeholder, db.Database()+".")); e != nil {
				failed, err = append(failed, one), e
			}
		}
		if len(failed) == len(waiting) {
			t.Fatalf("copy %s: %v", failed[0].name, err)
		}
		waiting = failed
	}
	for _, one := range tables {
		if !one.filled {
			continue
		}
		if err := db.Exec(t.Context(), "INSERT INTO "+one.name+" SELECT * FROM "+placeholder+one.name); err != nil {
			t.Fatal(err)
		}
	}
}

func templateTables(t testing.TB, s *stack.Stack) []table {
	t.Helper()
	template.mu.Lock()
	defer template.mu.Unlock()
	if template.stack == s {
		return template.tables
	}
	db := Connect(t, clickhouse.Config{URL: s.HTTPURL(), Database: templateName})
	if err := db.Migrate(t.Context(), schemas.Current(), nil); err != nil {
		t.Fatal(err)
	}
	var tables []table
	err := db.Query(t.Context(), "SELECT name, create_table_query, toBool(ifNull(total_rows, 0) > 0) FROM system.tables WHERE database = currentDatabase() ORDER BY engine = 'View', name",
		func(scan func(...any) error) error {
			var one table
			if err := scan(&one.name, &one.create, &one.filled); err != nil {
				return err
			}
			tables = append(tables, one)
			return nil
		})
	if err != nil {
		t.Fatal(err)
	}
	template.stack, template.tables = s, tables
	return tables
}
