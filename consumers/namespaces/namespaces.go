// Package namespaces lists namespaces, compares two of them, and drops one. A namespace is a database, the topics that
// have its name as a prefix, and two consumer groups.
package namespaces

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/schemas"
)

// Log is the message log. Topics are named in full.
type Log interface {
	// Topics returns those of the topics that exist.
	Topics(ctx context.Context, names []string) (map[string]Topic, error)
	// DeleteTopics deletes topics with their records. One that does not exist is no error.
	DeleteTopics(ctx context.Context, names []string) error
}

// Topic is what the brokers list of a topic.
type Topic struct {
	Partitions int
	Records    uint64 // Offsets that its partitions hold.
}

// Groups are the consumer groups of the brokers.
type Groups interface {
	// Group returns the number of members of a group, and whether there is such a group.
	Group(ctx context.Context, name string) (members int, exists bool, err error)
	// DeleteGroup deletes a group. One that does not exist is no error; the error for one with members wraps ErrInUse.
	DeleteGroup(ctx context.Context, name string) error
}

// Hooks are called by a Diff and a Dropper, on the goroutine of the caller. Nil functions are not called.
type Hooks struct {
	// Compared is called after each range that a Diff compared.
	Compared func(DiffProgress)
	// Dropped is called with a sentence when a Dropper has removed something, or waits to.
	Dropped func(what string)
}

// Errors that callers tell apart.
var (
	ErrInUse        = errors.New("the consumer group has members")
	ErrNotNamespace = errors.New("not a Tidemark namespace")
)

// TopicNames are the full names of all topics of a namespace, dead letters included.
func TopicNames(namespace string) []string {
	names := []string{schemas.TopicName(namespace, schemas.DeadLettersTopic)}
	for _, spec := range schemas.Specs() {
		names = append(names, schemas.TopicName(namespace, spec.Topic))
	}
	return names
}

// IngestGroup is the consumer group of the ingesters of a namespace.
func IngestGroup(namespace string) string { return namespace }

// RollupGroup is the consumer group of the rollup processes of a namespace. One of them works at a time.
func RollupGroup(namespace string) string { return namespace + ".rollup" }

// names returns the databases that are namespaces, in the order of their names.
func names(ctx context.Context, db ledgerdb.Querier) ([]string, error) {
	var found []string
	err := db.Query(ctx, candidatesSQL, func(scan func(...any) error) error {
		var name string
		if err := scan(&name); err != nil {
			return err
		}
		if schemas.ValidNamespace(name) == nil {
			found = append(found, name)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("find namespaces: %w", err)
	}
	var namespaces []string
	for _, name := range found {
		is, err := migrated(ctx, db, name)
		if err != nil {
			return nil, err
		}
		if is {
			namespaces = append(namespaces, name)
		}
	}
	return namespaces, nil
}

// migrated reports whether a database with a table of migrations has some of Tidemark's. Other programs have tables of
// that name too.
func migrated(ctx context.Context, db ledgerdb.Querier, name string) (bool, error) {
	n, err := queryNumber(ctx, db, migratedSQL(name))
	if err != nil {
		return false, fmt.Errorf("read the migrations of database %s: %w", name, err)
	}
	return n > 0, nil
}

// check returns an error that wraps ErrNotNamespace unless name is a namespace, and one with a remedy unless it has the
// tables and views.
func check(ctx context.Context, db ledgerdb.Querier, name string, needed []string) error {
	if err := schemas.ValidNamespace(name); err != nil {
		return fmt.Errorf("%w: %w", ErrNotNamespace, err)
	}
	known, err := names(ctx, db)
	if err != nil {
		return err
	}
	if !slices.Contains(known, name) {
		return fmt.Errorf("%s is %w: `tidemark namespaces list` lists the namespaces", name, ErrNotNamespace)
	}
	tables, err := listTables(ctx, db, name)
	if err != nil {
		return err
	}
	for _, table := range needed {
		if !slices.Contains(tables, table) {
			return fmt.Errorf("namespace %s has no %s: run `tidemark migrate --namespace %s`", name, table, name)
		}
	}
	return nil
}

// listTables lists the tables and views of a database.
func listTables(ctx context.Context, db ledgerdb.Querier, name string) ([]string, error) {
	var tables []string
	err := db.Query(ctx, tablesSQL(name), func(scan func(...any) error) error {
		var table string
		err := scan(&table)
		tables = append(tables, table)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the tables of database %s: %w", name, err)
	}
	return tables, nil
}

// queryNumber runs a query with one row of one number.
func queryNumber(ctx context.Context, db ledgerdb.Querier, sql string) (n uint64, err error) {
	err = db.Query(ctx, sql, func(scan func(...any) error) error { return scan(&n) })
	return n, err
}
