package schemas

import (
	"fmt"
	"slices"
	"strings"
)

// Found is a table that a database has already.
type Found struct {
	Columns     []Column // Their names and types, and in Rest their codecs: "CODEC(T64, LZ4)".
	Indexes     []string
	OrderBy     string // "topic, epoch".
	Settings    string // "index_granularity = 8192, min_bytes_for_wide_part = 0".
	Partitioned bool   // Tables were partitioned by month once, and are not any more.
}

// What the table of migrations holds: that a migration to a version of the schema began, and that it is done. Databases
// of before version 300 have one row per statement instead.
const (
	MigrationBegun = "tidemark: begun"
	MigrationDone  = "tidemark: done"
)

// MigratedSQL is the condition on rows of the table of migrations that they are Tidemark's.
func MigratedSQL() string {
	return fmt.Sprintf("(name IN (%s, %s) OR (version, name) = (1, 'queries_raw'))", Quote(MigrationBegun), Quote(MigrationDone))
}

// former is a column of an older version whose values another column takes over.
type former struct {
	name   string
	column string // That of now.
	sql    string // Its value, over columns of before.
}

// formers are the columns of older versions that have another name or unit now. A table that has one is moved.
//
//nolint:misspell // They were spelled so.
var formers = []former{
	{"licence", "license", "licence"},
	{"licence_source", "license_source", "licence_source"},
	{"organisation", "organization", "organisation"},
	{"organisation_source", "organization_source", "organisation_source"},
	{"reported_cost_nanos", "reported_cost_picos", "reported_cost_nanos * 1000"},
}

// Statements returns what makes the schema in a database that has some tables already, in order. It has to be computed
// again after an interruption. What it derives from the tables found: tables and columns that are missing, indexes,
// codecs and settings, and a move of a table that has partitions, another sorting key, another type of a column, or a former
// column; and columns that a rollup has no more. A change of the engine or the TTL of a table that exists is none of these, and needs a statement of its own here.
//
// The statements keep every row and may run while others read. Whoever inserts into a table that is moved loses rows.
func (s Schema) Statements(database string, found map[string]Found) []Statement {
	return s.statements(ddl{database: database}, found)
}

func (s Schema) statements(d ddl, found map[string]Found) []Statement {
	var all []Statement
	requested := s.stale(found)
	for i := range s.Tables {
		t := &s.Tables[i]
		if len(requested) > 0 && t.Name == s.firstRows() {
			all = append(all, Statement{"request of " + strings.Join(requested, ", "), d.request(requested)})
		}
		if f, there := found[t.Name]; there {
			all = append(all, d.upgrade(t, f)...)
		} else {
			all = append(all, Statement{"table " + t.Name, d.createTable(t)})
		}
		if t.Rows != "" {
			all = append(all, Statement{"rows of " + t.Name, d.named(t.Rows)})
		}
	}
	for i := range s.Views {
		all = append(all, Statement{"view " + s.Views[i].Name, d.createView(&s.Views[i])})
	}
	for i := range s.Tables { // After the views, which do not read them any more.
		if gone := goneColumns(&s.Tables[i], found[s.Tables[i].Name]); len(gone) > 0 {
			all = append(all, Statement{"columns of " + s.Tables[i].Name + " that are gone", d.alterTable(&s.Tables[i], gone)})
		}
	}
	return all
}

// upgrade returns what makes a table that is there what it should be.
func (d ddl) upgrade(t *Table, f Found) []Statement {
	var all []Statement
	missing := missingColumns(t, f)
	if len(missing) > 0 {
		all = append(all, Statement{"columns of " + t.Name, d.addColumns(t, missing)})
	}
	if values, moved := moves(t, f); moved {
		return append(all, Statement{"move of " + t.Name, d.moveTable(t, values)})
	}
	for _, x := range t.Indexes {
		if !slices.Contains(f.Indexes, x.Name) {
			all = append(all, Statement{"index " + x.Name + " of " + t.Name, d.addIndex(t, x)})
		}
	}
	if changes := storage(t, f); len(changes) > 0 {
		all = append(all, Statement{"storage of " + t.Name, d.alterTable(t, changes)})
	}
	return all
}

// goneColumns returns the commands that drop what a table of a rollup has and the schema does not know: its rows can be computed again, and those to come
// would not fill it. A column of another table stays, for it may hold what is nowhere else.
func goneColumns(t *Table, f Found) (gone []string) {
	if !strings.HasSuffix(t.Name, "_rows") {
		return nil
	}
	for _, c := range f.Columns {
		if find(t.Columns, c.Name).Name == "" {
			gone = append(gone, "DROP COLUMN IF EXISTS "+Ident(c.Name))
		}
	}
	return gone
}

// storage returns the commands that change how a table that is there stores its next parts. They rewrite no part: a merge
// writes those of before anew. Settings that the schema does not name are the operator's.
func storage(t *Table, f Found) (changes []string) {
	for _, c := range t.Columns {
		found := find(f.Columns, c.Name)
		if codec := codecOf(c.Rest); found.Name != "" && codec != found.Rest {
			if codec == "" {
				codec = "REMOVE CODEC"
			}
			changes = append(changes, "MODIFY COLUMN "+Ident(c.Name)+" "+codec)
		}
	}
	_, list, _ := strings.Cut(t.Clauses, "SETTINGS ")
	var settings []string
	for setting := range strings.SplitSeq(list, ", ") {
		fixed := strings.HasPrefix(setting, "index_granularity ") // As long as the table exists.
		if setting != "" && !fixed && !strings.Contains(", "+f.Settings+", ", ", "+setting+", ") {
			settings = append(settings, setting)
		}
	}
	if len(settings) > 0 {
		changes = append(changes, "MODIFY SETTING "+strings.Join(settings, ", "))
	}
	return changes
}

// codecOf returns the codec in what follows a column's type: "CODEC(T64, LZ4)", or nothing.
func codecOf(rest string) string {
	if i := strings.Index(rest, "CODEC("); i >= 0 {
		return rest[i:]
	}
	return ""
}

func missingColumns(t *Table, f Found) map[string]bool {
	missing := make(map[string]bool)
	for _, c := range t.Columns {
		if find(f.Columns, c.Name).Name == "" {
			missing[c.Name] = true
		}
	}
	return missing
}

// moves reports whether a table has to be replaced, and the expressions that fill its columns then.
func moves(t *Table, f Found) (values []string, moved bool) {
	moved = f.Partitioned || f.OrderBy != strings.Join(t.OrderBy, ", ")
	for _, c := range t.Columns {
		if strings.HasPrefix(c.Rest, "MATERIALIZED") || strings.HasPrefix(c.Rest, "ALIAS") {
			continue
		}
		value, old := Ident(c.Name), find(f.Columns, c.Name)
		if old.Name != "" && old.Type != c.Type {
			moved = true
			if strings.HasPrefix(c.Type, "Enum8") { // The numbers stay, the names may be others.
				value = "CAST(" + value + ", 'Int8')"
			}
		}
		for _, was := range formers {
			if was.column == c.Name && find(f.Columns, was.name).Name != "" && find(t.Columns, was.name).Name == "" {
				value, moved = was.sql, true
			}
		}
		values = append(values, value)
	}
	return values, moved
}

// firstRows is the table before which buckets of rollups are requested: all that this needs is there.
func (s Schema) firstRows() string {
	if len(s.Rollups) == 0 {
		return ""
	}
	return s.Rollups[0].Rows()
}

// stale returns the rollups that a database with some history lacks or that lack a measure: they have to be computed.
func (s Schema) stale(found map[string]Found) []string {
	if _, history := found[RollupVersionsTable]; !history {
		return nil
	}
	var all []string
	for i := range s.Rollups {
		r := &s.Rollups[i]
		f, there := found[r.Rows()]
		lacks := slices.ContainsFunc(r.Measures, func(m Measure) bool {
			return find(f.Columns, m.Column).Name == "" && !slices.ContainsFunc(formers, func(was former) bool {
				return was.column == m.Column && find(f.Columns, was.name).Name != ""
			})
		})
		if !there || lacks {
			all = append(all, r.Name)
		}
	}
	return all
}

// request has every bucket of some rollups recomputed by the next worker. It is newer than a request of the same buckets
// that is done.
func (d ddl) request(rollups []string) string {
	texts := make([]string, len(rollups))
	for i, name := range rollups {
		texts[i] = Quote(name)
	}
	return fmt.Sprintf("INSERT INTO %[1]s (rollup, from_bucket, to_bucket, reason, done, version)\n"+
		"SELECT arrayJoin([%[2]s]), min(bucket), max(bucket) + INTERVAL 1 DAY, %[4]s, false,\n"+
		"    %[5]s\n"+
		"FROM %[3]s\nHAVING count() > 0",
		d.name(RollupPendingTable), strings.Join(texts, ", "), d.name(RollupVersionsTable),
		Quote(ReasonRequested), RequestVersionSQL(d.name(RollupPendingTable)))
}
