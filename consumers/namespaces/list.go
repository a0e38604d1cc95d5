package namespaces

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/spans"
	"tidemark/schemas"
)

// Lister lists namespaces. Its fields are set before the first call.
type Lister struct {
	DB ledgerdb.Querier
	// In returns the same server with another database for unqualified names.
	In  func(database string) ledgerdb.Querier
	Log Log
}

// Info describes one namespace.
type Info struct {
	Name   string
	Types  []TypeInfo // In the order of schemas.Specs.
	Audit  Audit
	Topics map[string]Topic // Those that exist, by full name.
	Bytes  uint64           // Of the database.
	// Problem says why Types and Audit are missing: the namespace is half migrated or half dropped.
	Problem string
}

// TypeInfo is what the ledger says of one type.
type TypeInfo struct {
	Type        schemas.Type
	Rows        uint64 // Stored.
	First, Last time.Time
}

// Audit is the outcome of the last audit.
type Audit struct {
	At time.Time // Zero if there was none.
	// Differences counts the checks that found one or could not be made, Pending those with work under way.
	Differences, Pending, Checks uint64
}

// List calls fn for each namespace, in the order of their names, as soon as it has read it. An error of fn ends the
// list and is returned.
func (l *Lister) List(ctx context.Context, fn func(Info) error) error {
	found, err := names(ctx, l.DB)
	if err != nil {
		return err
	}
	for _, name := range found {
		info, err := l.read(ctx, name)
		if err != nil {
			return fmt.Errorf("namespace %s: %w", name, err)
		}
		if err := fn(info); err != nil {
			return err
		}
	}
	return nil
}

func (l *Lister) read(ctx context.Context, name string) (Info, error) {
	info := Info{Name: name}
	var err error
	if info.Topics, err = l.Log.Topics(ctx, TopicNames(name)); err != nil {
		return info, err
	}
	size, err := readSize(ctx, l.DB, name)
	if err != nil {
		return info, err
	}
	info.Bytes = size.bytes
	tables, err := listTables(ctx, l.DB, name)
	if err != nil {
		return info, err
	}
	for _, needed := range []string{schemas.LedgerTable, schemas.AuditsTable} {
		if !slices.Contains(tables, needed) {
			info.Problem = "there is no table " + needed + ": the namespace is half migrated or half dropped"
			return info, nil
		}
	}
	db := l.In(name)
	for _, spec := range schemas.Specs() {
		t, err := readType(ctx, db, spec)
		if err != nil {
			return info, err
		}
		info.Types = append(info.Types, t)
	}
	info.Audit, err = readLastAudit(ctx, db)
	return info, err
}

// readType sums up the ledger as the audit does: rows that lost against an overlapping one do not count.
func readType(ctx context.Context, db ledgerdb.Querier, spec schemas.Spec) (TypeInfo, error) {
	info := TypeInfo{Type: spec.Type}
	chains, err := ledgerdb.ReadChains(ctx, db, spec.Topic)
	if err != nil {
		return info, err
	}
	var first, last int32
	err = db.Query(ctx, storedSQL(spec.Topic, chains.Bounds(), chains.Losers()), func(scan func(...any) error) error {
		return scan(&info.Rows, &first, &last)
	})
	if err != nil {
		return info, fmt.Errorf("sum up the ledger of %s: %w", spec.Topic, err)
	}
	if info.Rows > 0 {
		info.First, info.Last = spans.TimeOf(first), spans.TimeOf(last)
	}
	return info, nil
}

func readLastAudit(ctx context.Context, db ledgerdb.Querier) (Audit, error) {
	var a Audit
	err := db.Query(ctx, lastAuditSQL, func(scan func(...any) error) error {
		return scan(&a.At, &a.Checks, &a.Differences, &a.Pending)
	})
	if err != nil {
		return a, fmt.Errorf("read the last audit: %w", err)
	}
	if a.Checks == 0 {
		return Audit{}, nil
	}
	return a, nil
}

// databaseSize is the number of tables and views, and of rows and bytes on disk.
type databaseSize struct{ tables, rows, bytes uint64 }

func readSize(ctx context.Context, db ledgerdb.Querier, name string) (s databaseSize, err error) {
	err = db.Query(ctx, sizeSQL(name), func(scan func(...any) error) error { return scan(&s.tables, &s.rows, &s.bytes) })
	if err != nil {
		return s, fmt.Errorf("read the size of database %s: %w", name, err)
	}
	return s, nil
}
