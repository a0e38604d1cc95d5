package cli

import (
	"context"
	"errors"

	"tidemark/consumers/clickhouse"
	consumerkafka "tidemark/consumers/kafka"
	"tidemark/consumers/ledger/ledgerdb"
)

type namespacesCmd struct {
	List namespacesListCmd `cmd:"" help:"List the namespaces with their topics, their last audit, and the number and times of their events."`
	Diff namespacesDiffCmd `cmd:"" help:"Compare the rollups of two namespaces, measure by measure; exit 1 on any difference."`
	Drop namespacesDropCmd `cmd:"" help:"Remove a namespace: topics, consumer groups, database. Without --yes it only shows what it would remove."`
}

// anyDatabase is the database of a connection whose command works on several, which its statements name.
const anyDatabase = "system"

// serverOf returns the databases of the server of an open connection, by name.
func serverOf(db *clickhouse.DB) func(string) ledgerdb.Querier {
	return func(database string) ledgerdb.Querier { return db.In(database) }
}

// minuteForm is the form in which a minute is printed.
const minuteForm = "2006-01-02 15:04"

// openBoth opens database and log for a command that works on several namespaces.
func openBoth(ctx context.Context, k kafkaFlags, ch clickhouseFlags) (*clickhouse.DB, *consumerkafka.Client, func() error, error) {
	if err := k.reach(ctx); err != nil {
		return nil, nil, nil, err
	}
	client, err := k.client("tidemark-namespaces")
	if err != nil {
		return nil, nil, nil, err
	}
	db, err := ch.open(anyDatabase)
	if err != nil {
		return nil, nil, nil, errors.Join(err, client.Close())
	}
	return db, client, func() error { return errors.Join(db.Close(), client.Close()) }, nil
}
