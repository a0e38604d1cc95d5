package schemas

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Schema is everything that the database of a namespace holds, as this program makes it.
type Schema struct {
	// Version counts the schemas that there have been. Databases record the version that they have.
	Version int
	Tables  []Table // In the order to create them.
	Views   []View  // A view comes after those that it reads.
	Rollups []Rollup
}

// Statement is one statement that makes a part of a schema. It may be run again.
type Statement struct {
	Name string // What it does: "table ledger".
	SQL  string
}

// versionFile has the version and the digest of the schema. The test that keeps testdata/schema.sql writes it.
//
//go:embed version.txt
var versionFile string

// Current returns the schema of this program.
func Current() Schema {
	number, _, _ := strings.Cut(versionFile, " ")
	version, _ := strconv.Atoi(number) // A test reads the file.
	s := Schema{Version: version, Tables: fileTables(), Rollups: Rollups()}
	raw := make(map[Type]*Table)
	for _, spec := range specs {
		i := slices.IndexFunc(s.Tables, func(t Table) bool { return t.Name == spec.RawTable })
		raw[spec.Type] = &s.Tables[i]
		s.Views = append(s.Views, eventView(spec, &s.Tables[i]))
	}
	var rows []Table
	for i := range s.Rollups {
		r := &s.Rollups[i]
		rows = append(rows, rowsTable(r, raw[r.Types[0]]))
		s.Views = append(s.Views, rollupView(r))
		if r.PerEvent != "" {
			s.Views = append(s.Views, perEventView(r))
		}
	}
	s.Tables = append(s.Tables, rows...)
	s.Views = append(s.Views, progressView())
	return s
}

// Statements returns what makes the schema of this program in an empty database, which must exist.
func Statements(database string) []Statement { return Current().Statements(database, nil) }

// CreateMigrations is the statement for the table of migrations, which is there before anything else.
func CreateMigrations(database string) string {
	for _, t := range fileTables() {
		if t.Name == MigrationsTable {
			return ddl{database: database}.createTable(&t)
		}
	}
	return "" // Impossible: the file is embedded.
}

// Digest tells two schemas apart.
func (s Schema) Digest() string {
	sum := sha256.New()
	for _, statement := range s.Statements("d", nil) {
		fmt.Fprintln(sum, statement.SQL)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// Relation is a table or a view of the database.
type Relation struct {
	Name    string   // Without database.
	Columns []string // In order.
}

// Has reports whether the relation has the column.
func (r Relation) Has(column string) bool { return slices.Contains(r.Columns, column) }

// Relations returns the tables and views of the schema by name, so that whoever writes SQL can check a name without a
// database.
func Relations() map[string]Relation {
	all := make(map[string]Relation)
	s := Current()
	for _, t := range s.Tables {
		all[t.Name] = Relation{Name: t.Name, Columns: names(t.Columns)}
	}
	for _, v := range s.Views {
		r := Relation{Name: v.Name}
		for _, c := range v.Columns {
			r.Columns = append(r.Columns, c.Name)
		}
		all[v.Name] = r
	}
	return all
}
