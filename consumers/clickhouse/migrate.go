package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	chgo "github.com/ClickHouse/clickhouse-go/v2"

	"tidemark/schemas"
)

// Errors of Migrate and CheckSchema about the schema of a database. They are returned wrapped, with the versions.
var (
	// ErrSchemaNewer means that a newer program has migrated the database.
	ErrSchemaNewer = errors.New("the schema is newer than this program: upgrade tidemark")
	// ErrSchemaOther means that the database has a schema of the same version that differs from this program's.
	ErrSchemaOther = errors.New("the schema is not this program's, though it has the same version: use the program that migrated the database")
	// ErrSchemaOlder means that the database lacks a part of the schema.
	ErrSchemaOlder = errors.New("the schema is older than this program")
	// ErrNotOurs means that the database belongs to another program.
	ErrNotOurs = errors.New("the database is not Tidemark's")
)

// attempts is how often Migrate looks at a database whose statements fail because another process migrates it too.
const attempts = 5

// Migrate creates the database and gives it the schema. It may be run again at any time, after a crash at any place,
// and by several processes at once, because it looks at what is there and every statement may be run again. It calls
// progress, which may be nil, once per statement that it has run. A database that has the schema costs a few reads.
//
// It refuses, before it changes anything, a database that belongs to another program (ErrNotOurs) or that has a schema
// of a later version (ErrSchemaNewer) or another one of the same version (ErrSchemaOther).
func (db *DB) Migrate(ctx context.Context, s schemas.Schema, progress func(schemas.Statement)) error {
	if err := schemas.ValidNamespace(db.config.Database); err != nil {
		return err
	}
	if err := db.checkOurs(ctx); err != nil {
		return err
	}
	// The database cannot be the request's own before it exists.
	outside := chgo.Context(withoutDeadline(ctx), chgo.WithSettings(chgo.Settings{"wait_end_of_query": 1}))
	if err := db.conn.Exec(outside, "CREATE DATABASE IF NOT EXISTS "+schemas.Ident(db.config.Database)); err != nil {
		return wrap("create database "+db.config.Database, err)
	}
	if err := db.Exec(ctx, schemas.CreateMigrations(db.config.Database)); err != nil {
		return fmt.Errorf("create the table of migrations: %w", err)
	}
	done, err := db.hasSchema(ctx, s)
	if done || err != nil {
		return err
	}
	if err := db.record(ctx, s, schemas.MigrationBegun); err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		err := db.apply(ctx, s, progress)
		if err == nil {
			return db.record(ctx, s, schemas.MigrationDone)
		}
		// Another process may have been at the same table at the same time.
		if done, readErr := db.hasSchema(ctx, s); readErr == nil && done {
			return nil
		}
		if attempt == attempts || !collided(err) {
			return err
		}
	}
}

// collided reports whether a statement may have failed because another process created or replaced the same table or
// view.
func collided(err error) bool { return IsCode(err, CodeUnknownTable) || IsCode(err, codeTableExists) }

// codeTableExists is ClickHouse's TABLE_ALREADY_EXISTS.
const codeTableExists = 57

// apply runs the statements that the database lacks.
func (db *DB) apply(ctx context.Context, s schemas.Schema, progress func(schemas.Statement)) error {
	found, err := db.found(ctx)
	if err != nil {
		return err
	}
	for _, statement := range s.Statements(db.config.Database, found) {
		if err := db.Exec(ctx, statement.SQL); err != nil {
			return fmt.Errorf("migrate %s: %w", statement.Name, err)
		}
		if progress != nil {
			progress(statement)
		}
	}
	return nil
}

// found reads which tables the database has.
func (db *DB) found(ctx context.Context) (map[string]schemas.Found, error) {
	found := make(map[string]schemas.Found)
	err := db.Query(ctx, "SELECT name, sorting_key, partition_key != '', extract(engine_full, ' SETTINGS (.*)$') FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'", func(scan func(...any) error) error {
		var name string
		var f schemas.Found
		var partitioned uint8
		if err := scan(&name, &f.OrderBy, &partitioned, &f.Settings); err != nil {
			return err
		}
		f.Partitioned = partitioned != 0
		found[name] = f
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the tables of database %s: %w", db.config.Database, err)
	}
	err = db.Query(ctx, "SELECT table, name, type, compression_codec FROM system.columns WHERE database = currentDatabase() ORDER BY table, position", func(scan func(...any) error) error {
		var table string
		var c schemas.Column
		if err := scan(&table, &c.Name, &c.Type, &c.Rest); err != nil {
			return err
		}
		if f, ok := found[table]; ok { // And not a view.
			f.Columns = append(f.Columns, c)
			found[table] = f
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the columns of database %s: %w", db.config.Database, err)
	}
	err = db.Query(ctx, "SELECT table, name FROM system.data_skipping_indices WHERE database = currentDatabase()", func(scan func(...any) error) error {
		var table, name string
		if err := scan(&table, &name); err != nil {
			return err
		}
		f := found[table]
		f.Indexes = append(f.Indexes, name)
		found[table] = f
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the indexes of database %s: %w", db.config.Database, err)
	}
	return found, nil
}

// record remembers that a migration began or is done.
func (db *DB) record(ctx context.Context, s schemas.Schema, what string) error {
	err := db.Exec(ctx, fmt.Sprintf("INSERT INTO %s (version, name, checksum) VALUES (%d, %s, %s)",
		schemas.MigrationsTable, s.Version, schemas.Quote(what), schemas.Quote(s.Digest())))
	if err != nil {
		return fmt.Errorf("record the migration: %w", err)
	}
	return nil
}

// hasSchema reports whether the database has the schema. One that has a later version, or another one of the same
// version, is an error.
func (db *DB) hasSchema(ctx context.Context, s schemas.Schema) (done bool, err error) {
	digest := s.Digest()
	err = db.Query(ctx, "SELECT version, name, checksum FROM "+schemas.MigrationsTable+" ORDER BY version DESC, name", func(scan func(...any) error) error {
		var version uint32
		var name, sum string
		if err := scan(&version, &name, &sum); err != nil {
			return err
		}
		switch {
		case int(version) > s.Version:
			return fmt.Errorf("it has schema %d, this program has %d: %w", version, s.Version, ErrSchemaNewer)
		case int(version) == s.Version && sum != digest:
			return fmt.Errorf("schema %d: %w", version, ErrSchemaOther)
		}
		done = done || int(version) == s.Version && name == schemas.MigrationDone
		return nil
	})
	return done, err
}

// CheckSchema returns nil if the database has the schema. Otherwise the error wraps ErrSchemaNewer, ErrSchemaOther or
// ErrSchemaOlder, the last also where there is no database; IsSchema tells these from errors of the connection.
func (db *DB) CheckSchema(ctx context.Context, s schemas.Schema) error {
	done, err := db.hasSchema(ctx, s)
	if IsCode(err, CodeUnknownTable) || IsCode(err, CodeUnknownDatabase) {
		return fmt.Errorf("database %s has no tables of Tidemark: %w: run `tidemark migrate --namespace %[1]s`", db.config.Database, ErrSchemaOlder)
	}
	if err != nil {
		return fmt.Errorf("database %s: %w", db.config.Database, err)
	}
	if !done {
		return fmt.Errorf("database %s: %w, which needs schema %s: run `tidemark migrate --namespace %[1]s`", db.config.Database, ErrSchemaOlder, strconv.Itoa(s.Version))
	}
	return nil
}

// IsSchema reports whether an error of CheckSchema or Migrate is about the schema, so that trying again does not help.
func IsSchema(err error) bool {
	return errors.Is(err, ErrSchemaNewer) || errors.Is(err, ErrSchemaOther) || errors.Is(err, ErrSchemaOlder) || errors.Is(err, ErrNotOurs)
}
