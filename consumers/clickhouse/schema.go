package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"tidemark/schemas"
)

// Errors about a database that a command cannot work on.
var (
	// ErrSchemaOlder means that migrations are missing.
	ErrSchemaOlder = errors.New("the schema is older than this program")
	// ErrNotOurs means that the database is somebody else's.
	ErrNotOurs = errors.New("the database is not Tidemark's")
)

// migrationsName is the name of the table that records what was applied.
const migrationsName = "schema_migrations"

// defaultDatabase is where the tables of everybody land who names no database.
const defaultDatabase = "default"

// CheckSchema returns nil if exactly the given migrations have been applied. Otherwise the error wraps ErrSchemaNewer,
// ErrSchemaChanged or ErrSchemaOlder, the last also where there is no database; IsSchema tells these from errors of the
// connection.
func (db *DB) CheckSchema(ctx context.Context, ms []schemas.Migration) error {
	applied, err := db.applied(ctx, ms)
	if IsCode(err, CodeUnknownTable) || IsCode(err, CodeUnknownDatabase) {
		return fmt.Errorf("database %s has no tables of Tidemark: %w: run `tidemark migrate --namespace %[1]s`", db.config.Database, ErrSchemaOlder)
	}
	if err != nil {
		return fmt.Errorf("database %s: %w", db.config.Database, err)
	}
	var missing []schemas.Migration
	for _, m := range ms {
		if !applied[m.Version] {
			missing = append(missing, m)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("database %s: %w, %d migrations are missing, the first is %s: run `tidemark migrate --namespace %[1]s`",
			db.config.Database, ErrSchemaOlder, len(missing), label(missing[0].Version, missing[0].Name))
	}
	return nil
}

// IsSchema reports whether an error of CheckSchema or Migrate is about the schema, so that trying again helps nothing.
func IsSchema(err error) bool {
	return errors.Is(err, ErrSchemaNewer) || errors.Is(err, ErrSchemaChanged) || errors.Is(err, ErrSchemaOlder) || errors.Is(err, ErrNotOurs)
}

// checkOurs returns an error that wraps ErrNotOurs if the database holds anything and Tidemark's migrations are not
// recorded in it. An empty one is free to take, and so is what a migration left that was interrupted.
func (db *DB) checkOurs(ctx context.Context, ms []schemas.Migration) error {
	// In this order: what another process migrates meanwhile has been recorded by the time that is read.
	tables, err := db.texts(ctx, "SELECT name FROM system.tables WHERE database = "+schemas.Quote(db.config.Database)+" ORDER BY name")
	if err != nil {
		return fmt.Errorf("list the tables of database %s: %w", db.config.Database, err)
	}
	recorded := false
	if slices.Contains(tables, migrationsName) {
		if recorded, err = db.recorded(ctx, ms); err != nil {
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
		if table == migrationsName || len(ms) > 0 && mentions(ms[0].SQL, table) {
			continue
		}
		return fmt.Errorf("%w: %s holds the table %s, and no migration of Tidemark is recorded in it: choose another --namespace, or drop that database if nobody needs it",
			ErrNotOurs, db.config.Database, table)
	}
	return nil
}

// recorded reports whether the database has a record of migrations of our form with any of the migrations in it. Other
// programs have tables of that name too; one of another form is an error that wraps ErrNotOurs.
func (db *DB) recorded(ctx context.Context, ms []schemas.Migration) (bool, error) {
	columns, err := db.texts(ctx, "SELECT name FROM system.columns WHERE database = "+schemas.Quote(db.config.Database)+" AND table = "+schemas.Quote(migrationsName))
	if err != nil {
		return false, fmt.Errorf("look at the record of migrations: %w", err)
	}
	for _, name := range []string{"version", "name", "checksum", "applied_at"} {
		if !slices.Contains(columns, name) {
			return false, fmt.Errorf("%w: the table %s of %s is another program's: choose another --namespace", ErrNotOurs, migrationsName, db.config.Database)
		}
	}
	labels, err := db.texts(ctx, "SELECT DISTINCT concat(leftPad(toString(version), 4, '0'), '_', name) FROM "+schemas.Ident(db.config.Database)+"."+migrationsName)
	if err != nil {
		return false, fmt.Errorf("read the record of migrations: %w", err)
	}
	return slices.ContainsFunc(ms, func(m schemas.Migration) bool { return slices.Contains(labels, label(m.Version, m.Name)) }), nil
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

// mentions reports whether a statement has the name as a word.
func mentions(sql, name string) bool {
	return regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\b`).MatchString(sql)
}
