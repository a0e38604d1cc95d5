package clickhouse

import (
	"context"
	"fmt"
	"slices"

	"tidemark/schemas"
)

// defaultDatabase is where the tables of everybody land who names no database.
const defaultDatabase = "default"

// checkOurs returns an error that wraps ErrNotOurs if the database holds anything and no migration of Tidemark is
// recorded in it. An empty one is free to take, and so is one with only the table of migrations, which an interruption
// left.
func (db *DB) checkOurs(ctx context.Context) error {
	// In this order: what another process migrates meanwhile has been recorded by the time that is read.
	tables, err := db.texts(ctx, "SELECT name FROM system.tables WHERE database = "+schemas.Quote(db.config.Database)+" ORDER BY name")
	if err != nil {
		return fmt.Errorf("list the tables of database %s: %w", db.config.Database, err)
	}
	recorded := false
	if slices.Contains(tables, schemas.MigrationsTable) {
		if recorded, err = db.recorded(ctx); err != nil {
			return err
		}
	}
	if recorded {
		return nil
	}
	if db.config.Database == defaultDatabase {
		return fmt.Errorf("%w: %q is where everybody's tables land who names no database: choose another --namespace", ErrNotOurs, defaultDatabase)
	}
	for _, table := range tables {
		if table != schemas.MigrationsTable {
			return fmt.Errorf("%w: %s holds the table %s, and no migration of Tidemark is recorded in it: choose another --namespace, or drop that database if nobody needs it",
				ErrNotOurs, db.config.Database, table)
		}
	}
	return nil
}

// recorded reports whether the database has a table of migrations of our form with any of ours in it. Other programs
// have tables of that name too; one of another form is an error that wraps ErrNotOurs.
func (db *DB) recorded(ctx context.Context) (bool, error) {
	columns, err := db.texts(ctx, "SELECT name FROM system.columns WHERE database = "+schemas.Quote(db.config.Database)+" AND table = "+schemas.Quote(schemas.MigrationsTable))
	if err != nil {
		return false, fmt.Errorf("look at the table of migrations: %w", err)
	}
	for _, name := range []string{"version", "name", "checksum", "applied_at"} {
		if !slices.Contains(columns, name) {
			return false, fmt.Errorf("%w: the table %s of %s is another program's: choose another --namespace", ErrNotOurs, schemas.MigrationsTable, db.config.Database)
		}
	}
	ours, err := db.texts(ctx, "SELECT name FROM "+schemas.Ident(db.config.Database)+"."+schemas.MigrationsTable+" WHERE "+schemas.MigratedSQL()+" LIMIT 1")
	if err != nil {
		return false, fmt.Errorf("read the table of migrations: %w", err)
	}
	return len(ours) > 0, nil
}

// texts returns the one column of a query on the server, not in the database, which may not exist.
func (db *DB) texts(ctx context.Context, sql string) (found []string, err error) {
	err = db.In("system").Query(ctx, sql, func(scan func(...any) error) error {
		var text string
		err := scan(&text)
		found = append(found, text)
		return err
	})
	return found, err
}
