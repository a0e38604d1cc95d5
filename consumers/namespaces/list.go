package namespaces

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/schemas"
)

// Lister says what there is. Its fields are set before the first call.
type Lister struct {
	DB ledgerdb.Querier
	// In is the same server with another database for unqualified names.
	In  func(database string) ledgerdb.Querier
	Log Log
}

// Info is what there is of one namespace.
type Info struct {
	Name   string
	Types  []TypeInfo // In the order of schemas.Specs.
	Audit  Audit
	Topics map[string]Topic // Those that exist, by full name.
	Bytes  uint64           // Of the database.
	// Problem says why the rest is missing: a namespace that is half migrated or half dropped.
	Problem string
}

// TypeInfo is what the ledger says of one type.
type TypeInfo struct {
	Type        schemas.Type
	Rows        uint64 // Stored.
	First, Last time.Time
}

// Audit is the verdict of the last audit.
type Audit struct {
	At time.Time // Zero if there was none.
	// Differences counts the checks that found one or could not be made, Pending those with work under way.
	Differences, Pending, Checks uint64
}

// List calls fn for all namespaces, in the order of their names, as soon as it knows of each. An error of fn ends it.
func (l *Lister) List(ctx context.Context, fn func(Info) error) error {
	found, err := names(ctx, l.DB)
	if err != nil {
		return err
	}
	for _, name := range found {
		info, err := l.info(ctx, name)
		if err != nil {
			return fmt.Errorf("namespace %s: %w", name, err)
		}
		if err := fn(info); err != nil {
			return err
		}
	}
	return nil
}

func (l *Lister) info(ctx context.Context, name string) (Info, error) {
	info := Info{Name: name}
	var err error
	if info.Topics, err = l.Log.Topics(ctx, TopicNames(name)); err != nil {
		return info, err
	}
	size, err := sizeOf(ctx, l.DB, name)
	if err != nil {
		return info, err
	}
	info.Bytes = size.bytes
	tables, err := tablesOf(ctx, l.DB, name)
	if err != nil {
		return info, err
	}
	for _, needed := range []string{"ledger", "audits"} {
		if !slices.Contains(tables, needed) {
			info.Problem = "there is no table " + needed + ": it is half migrated or half dropped"
			return info, nil
		}
	}
	db := l.In(name)
	for _, spec := range schemas.Specs() {
		t, err := typeInfo(ctx, db, spec)
		if err != nil {
			return info, err
		}
		info.Types = append(info.Types, t)
	}
	info.Audit, err = lastAudit(ctx, db)
	return info, err
}

// typeInfo sums up the ledger as the audit does: rows that lost against an overlapping one do not count.
func typeInfo(ctx context.Context, db ledgerdb.Querier, spec schemas.Spec) (TypeInfo, error) {
	info := TypeInfo{Type: spec.Type}
	chains, err := ledgerdb.ReadChains(ctx, db, spec.Topic)
	if err != nil {
		return info, err
	}
	bounds := make(ledgerdb.Bounds)
	var losers []ledgerdb.Loser
	for place, chain := range chains {
		bounds[place] = chain.End
		for _, r := range chain.Losers {
			losers = append(losers, ledgerdb.Loser{Place: place, Range: r})
		}
	}
	var first, last int32
	err = db.Query(ctx, storedSQL(spec.Topic, bounds, losers), func(scan func(...any) error) error {
		return scan(&info.Rows, &first, &last)
	})
	if err != nil {
		return info, fmt.Errorf("sum up the ledger of %s: %w", spec.Topic, err)
	}
	if info.Rows > 0 {
		info.First, info.Last = timeOf(first), timeOf(last)
	}
	return info, nil
}

func lastAudit(ctx context.Context, db ledgerdb.Querier) (Audit, error) {
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

// size is what a database takes.
type size struct{ tables, rows, bytes uint64 }

func sizeOf(ctx context.Context, db ledgerdb.Querier, name string) (s size, err error) {
	err = db.Query(ctx, sizeSQL(name), func(scan func(...any) error) error { return scan(&s.tables, &s.rows, &s.bytes) })
	if err != nil {
		return s, fmt.Errorf("read the size of database %s: %w", name, err)
	}
	return s, nil
}

func timeOf(minute int32) time.Time { return time.Unix(int64(minute)*60, 0).UTC() }
