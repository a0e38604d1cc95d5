package clickhouse

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	chgo "github.com/ClickHouse/clickhouse-go/v2"

	"tidemark/schemas"
)

// Errors of Migrate about a schema that it must not touch. They come wrapped,
// with the migration.
var (
	// ErrSchemaNewer means that the database was migrated by a newer program.
	ErrSchemaNewer = errors.New("the schema is newer than this program: upgrade tidemark")
	// ErrSchemaChanged means that a migration is not any more what was applied.
	ErrSchemaChanged = errors.New("the migration was changed after it was applied: migrations are never edited, add another one")
)

// migrationsTable records what was applied. A migration applied by two processes
// at once is recorded twice, which is the same as once.
const migrationsTable = `CREATE TABLE IF NOT EXISTS %s.schema_migrations
(
    version UInt32,
    name String,
    checksum String,
    applied_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree
ORDER BY (version, name, checksum)`

// Migrate creates the database and applies the migrations that it has not seen,
// in order. It may be run again at any time, after a crash at any place, and by
// several processes at once, because every statement may. progress, which may
// be nil, is called once a migration: applied is false for one applied before.
//
// It refuses, before it changes anything, a database that is not ours
// (ErrNotOurs), that has a migration it does not know (ErrSchemaNewer) or
// another one under the same number (ErrSchemaChanged).
func (db *DB) Migrate(ctx context.Context, ms []schemas.Migration, progress func(m schemas.Migration, applied bool)) error {
	for i := 1; i < len(ms); i++ {
		if ms[i].Version <= ms[i-1].Version {
			return fmt.Errorf("migration %d follows %d", ms[i].Version, ms[i-1].Version)
		}
	}
	if err := schemas.ValidNamespace(db.config.Database); err != nil {
		return err
	}
	if err := db.checkOurs(ctx, ms); err != nil {
		return err
	}
	name := schemas.Ident(db.config.Database)
	// The database cannot be the request's own before it exists.
	outside := chgo.Context(withoutDeadline(ctx), chgo.WithSettings(chgo.Settings{"wait_end_of_query": 1}))
	if err := db.conn.Exec(outside, "CREATE DATABASE IF NOT EXISTS "+name); err != nil {
		return wrap("create database "+db.config.Database, err)
	}
	if err := db.Exec(ctx, fmt.Sprintf(migrationsTable, name)); err != nil {
		return fmt.Errorf("create the table of migrations: %w", err)
	}
	applied, err := db.applied(ctx, ms)
	if err != nil {
		return err
	}
	for _, m := range ms {
		if !applied[m.Version] {
			if err := db.apply(ctx, m, ms); err != nil {
				return fmt.Errorf("migration %s: %w", label(m.Version, m.Name), err)
			}
		}
		if progress != nil {
			progress(m, !applied[m.Version])
		}
	}
	return nil
}

// apply runs one migration and records it. When the statement fails because
// another process was at it at the same time, the other one's record counts.
func (db *DB) apply(ctx context.Context, m schemas.Migration, ms []schemas.Migration) error {
	if err := db.Exec(ctx, m.SQL); err != nil {
		if applied, readErr := db.applied(ctx, ms); readErr == nil && applied[m.Version] {
			return nil
		}
		return err
	}
	record := fmt.Sprintf("INSERT INTO schema_migrations (version, name, checksum) VALUES (%d, %s, %s)",
		m.Version, schemas.Quote(m.Name), schemas.Quote(checksum(m)))
	if err := db.Exec(ctx, record); err != nil {
		return fmt.Errorf("record it: %w", err)
	}
	return nil
}

// applied reads which versions were applied and compares them with the known ones.
func (db *DB) applied(ctx context.Context, ms []schemas.Migration) (map[int]bool, error) {
	known := make(map[int]schemas.Migration, len(ms))
	for _, m := range ms {
		known[m.Version] = m
	}
	applied := map[int]bool{}
	err := db.Query(ctx, "SELECT DISTINCT version, name, checksum FROM schema_migrations ORDER BY version", func(scan func(...any) error) error {
		var version uint32
		var name, sum string
		if err := scan(&version, &name, &sum); err != nil {
			return fmt.Errorf("read a migration: %w", err)
		}
		m, ok := known[int(version)]
		switch {
		case !ok:
			return fmt.Errorf("migration %s was applied: %w", label(int(version), name), ErrSchemaNewer)
		case sum != checksum(m):
			return fmt.Errorf("migration %s: %w", label(m.Version, m.Name), ErrSchemaChanged)
		}
		applied[m.Version] = true
		return nil
	})
	return applied, err
}

func label(version int, name string) string { return fmt.Sprintf("%04d_%s", version, name) }

// checksum tells whether a statement is still the one that was applied.
func checksum(m schemas.Migration) string {
	sum := sha256.Sum256([]byte(m.SQL))
	return hex.EncodeToString(sum[:])
}
