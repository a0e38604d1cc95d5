package namespaces

import (
	"fmt"
	"strings"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/schemas"
)

// Every statement of the package is made here or in relation.go, and is kept as a golden file.

// candidatesSQL lists the databases with a table of migrations of our form.
const candidatesSQL = `SELECT database FROM system.columns WHERE table = '` + schemas.MigrationsTable + `' AND name IN ('version', 'name', 'checksum', 'applied_at') GROUP BY database HAVING count() = 4 ORDER BY database`

// migratedSQL counts the migrations of Tidemark that a database has.
func migratedSQL(database string) string {
	return fmt.Sprintf(`SELECT count() FROM %s.%s WHERE %s`, schemas.Ident(database), schemas.MigrationsTable, schemas.MigratedSQL())
}

func databaseSQL(database string) string {
	return `SELECT count() FROM system.databases WHERE name = ` + schemas.Quote(database)
}

func tablesSQL(database string) string {
	return `SELECT name FROM system.tables WHERE database = ` + schemas.Quote(database) + ` ORDER BY name`
}

// sizeSQL counts tables and views, and the rows and bytes of their parts, copies of rows included.
func sizeSQL(database string) string {
	return `SELECT count(), sum(ifNull(total_rows, 0)), sum(ifNull(total_bytes, 0)) FROM system.tables WHERE database = ` + schemas.Quote(database)
}

// upkeep are the tables that have rows in a namespace without events: what migrations record and load, and what workers and audits
// report.
var upkeep = []string{
	schemas.MigrationsTable, schemas.ModelsTable, schemas.ModelAliasesTable, schemas.PriceBooksTable, schemas.PricesTable, schemas.PricePeriodsTable, schemas.PriceRatesTable, schemas.TopicsTable, schemas.HeartbeatsTable,
	schemas.LogEndsTable, schemas.RollupCursorsTable, schemas.AuditsTable,
}

// usedSQL names a table that has rows, and counts them. It leaves out those of upkeep.
func usedSQL(database string) string {
	return `SELECT name, assumeNotNull(total_rows) FROM system.tables WHERE database = ` + schemas.Quote(database) + ` AND total_rows > 0 AND name NOT IN (` + schemas.QuoteAll(upkeep) + `) ORDER BY name LIMIT 1`
}

// storedSQL sums up the ledger of a topic up to the bounds.
func storedSQL(topic string, bounds ledgerdb.Bounds, losers []ledgerdb.Loser) string {
	return `SELECT sum(stored), min(min_minute), max(max_minute) FROM ` + schemas.LedgerTable + ` FINAL WHERE stored > 0 AND ` + ledgerdb.CountedSQL(topic, bounds, losers)
}

var lastAuditSQL = `SELECT max(at), count(), countIf(verdict IN (` + schemas.QuoteAll(schemas.FailedVerdicts()) + `)), countIf(verdict = ` + schemas.Quote(schemas.VerdictPending) + `) FROM ` + schemas.AuditsTable + ` WHERE audit = (SELECT argMax(audit, at) FROM ` + schemas.AuditsTable + `)`

// behindSQL counts the partitions whose ledger the rollups have not followed to its end, and the pending ranges.
func behindSQL(topics []string) string {
	return fmt.Sprintf(`SELECT (SELECT count() FROM (SELECT topic, epoch, partition, max(to_offset) AS last FROM `+schemas.LedgerTable+` WHERE topic IN (%s) GROUP BY topic, epoch, partition) AS l `+
		`LEFT JOIN (SELECT topic, epoch, partition, argMax(position, version) AS followed FROM `+schemas.RollupCursorsTable+` GROUP BY topic, epoch, partition) AS c USING (topic, epoch, partition) WHERE last > followed) `+
		`+ (SELECT count() FROM `+schemas.RollupPendingTable+` FINAL WHERE NOT done)`, strings.Join(topics, ", "))
}

// dropTableSQL and dropDatabaseSQL lift the server's limit on the size of what a statement may drop.
func dropTableSQL(database, table string) string {
	return fmt.Sprintf(`DROP TABLE IF EXISTS %s.%s SYNC SETTINGS max_table_size_to_drop = 0`, schemas.Ident(database), schemas.Ident(table))
}

func dropDatabaseSQL(database string) string {
	return fmt.Sprintf(`DROP DATABASE IF EXISTS %s SYNC SETTINGS max_table_size_to_drop = 0`, schemas.Ident(database))
}
