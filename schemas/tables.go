package schemas

import (
	"embed"
	"slices"
	"strings"
)

// Names of the tables and views that are neither raw tables, views of events nor rollups.
const (
	LedgerTable         = "ledger"
	TopicsTable         = "topics"
	AuditsTable         = "audits"
	ModelsTable         = "models"
	HeartbeatsTable     = "heartbeats"
	LogEndsTable        = "log_ends"
	RollupVersionsTable = "rollup_versions"
	RollupCursorsTable  = "rollup_cursors"
	RollupPendingTable  = "rollup_pending"
	RollupProgressView  = "rollup_progress"
	MigrationsTable     = "schema_migrations"
	PriceBooksTable     = "price_books"
	PricesTable         = "prices"
	ModelAliasesTable   = "model_aliases"
	FXTable             = "fx"
	BillingImportsTable = "billing_imports"
	BillingUsageTable   = "billing_usage"
	PriceRatesTable     = "price_rates"
	PricePeriodsTable   = "price_periods"
	CostClosingsTable   = "cost_closings"
	ClosedCostsTable    = "closed_costs"
)

// Table is a table of the database.
type Table struct {
	Name, Comment string
	Columns       []Column
	Indexes       []Column // Their definitions are in Rest.
	Engine        string   // "ReplacingMergeTree(version)".
	OrderBy       []string
	Clauses       string // TTL and SETTINGS, if any.
	Rows          string // A statement that inserts the rows that Migrate writes; it may be run again. Empty for none.
}

// Column is a column of a table.
type Column struct {
	Name    string // With a dot if the column is part of a Nested: "buckets.minute".
	Type    string // As the database writes it: "DateTime64(0, 'UTC')".
	Rest    string // "DEFAULT 1 CODEC(T64, LZ4)", "ALIAS rollup".
	Comment string
}

//go:embed tables/*.sql
var tableFiles embed.FS

// fileTables returns the tables of tables/*.sql, by name.
func fileTables() []Table {
	files, err := tableFiles.ReadDir("tables")
	if err != nil {
		return nil // Impossible: the folder is embedded.
	}
	var all []Table
	for _, file := range files {
		text, err := tableFiles.ReadFile("tables/" + file.Name())
		if err != nil {
			continue // Impossible too.
		}
		t := readTable(string(text))
		if t.Name == HeartbeatsTable {
			t.Rows = expectedRoles
		}
		all = append(all, t)
	}
	return all
}

// readTable reads a file of tables: one CREATE TABLE, with a column or index per line. A comment stands above its line
// or at the end of it. What a file has in another form gives a table that the golden file and the tests show to be
// wrong.
func readTable(text string) Table {
	var t Table
	head, body, _ := strings.Cut(text, "CREATE TABLE ")
	t.Comment = uncommented(head)
	t.Name, body, _ = strings.Cut(body, "\n(\n")
	body, tail, _ := strings.Cut(body, "\n)\nENGINE = ")
	t.Engine, tail, _ = strings.Cut(tail, "\nORDER BY ")
	key, clauses, _ := strings.Cut(tail, "\n")
	t.OrderBy, t.Clauses = strings.Split(strings.Trim(key, "()"), ", "), strings.TrimSpace(clauses)
	above := ""
	for line := range strings.SplitSeq(body, "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "--") {
			above += line + "\n"
			continue
		}
		line, comment, _ := strings.Cut(line, " -- ")
		name, definition, _ := strings.Cut(strings.TrimSuffix(line, ","), " ")
		c := Column{Name: strings.Trim(name, "`"), Comment: strings.TrimSpace(uncommented(above) + " " + comment)}
		above = ""
		if name == "INDEX" {
			c.Name, c.Rest, _ = strings.Cut(definition, " ")
			t.Indexes = append(t.Indexes, c)
			continue
		}
		c.Type, c.Rest = splitType(definition)
		t.Columns = append(t.Columns, c)
	}
	return t
}

// splitType splits the definition of a column into its type and what follows.
func splitType(definition string) (typ, rest string) {
	end := len(definition)
	for _, word := range []string{" DEFAULT ", " MATERIALIZED ", " ALIAS ", " CODEC("} {
		if i := strings.Index(definition, word); i >= 0 {
			end = min(end, i)
		}
	}
	return definition[:end], strings.TrimSpace(definition[end:])
}

// uncommented returns the text of lines that are comments, as one line.
func uncommented(lines string) string {
	var words []string
	for line := range strings.Lines(lines) {
		words = append(words, strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "--")))
	}
	return strings.Join(words, " ")
}

// Roles in the table of heartbeats. RoleLog is not a worker's: it stands for the workers that report what the log holds.
const (
	RoleIngest = "ingest"
	RoleRollup = "rollup"
	RoleAudit  = "audit"
	RoleLog    = "log"
)

// expectedRoles inserts the roles that somebody should have.
const expectedRoles = `INSERT INTO {heartbeats} (role, worker, beat, started_at, stopped)
SELECT expected, '', 0, 0, false
FROM (SELECT arrayJoin(['` + RoleIngest + `', '` + RoleRollup + `', '` + RoleAudit + `', '` + RoleLog + `']) AS expected)
WHERE expected NOT IN (SELECT role FROM {heartbeats} WHERE worker = '')`

// names returns the names of columns.
func names(columns []Column) []string {
	all := make([]string, len(columns))
	for i, c := range columns {
		all[i] = c.Name
	}
	return all
}

// find returns the column with the name, or one without a name if there is none.
func find(columns []Column, name string) Column {
	if i := slices.IndexFunc(columns, func(c Column) bool { return c.Name == name }); i >= 0 {
		return columns[i]
	}
	return Column{}
}
