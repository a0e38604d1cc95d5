package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"tidemark/consumers/clickhouse"
	consumerkafka "tidemark/consumers/kafka"
	"tidemark/consumers/namespaces"
	"tidemark/internal/app"
	"tidemark/schemas"
	"tidemark/schemas/prices"
)

type migrateCmd struct {
	commonFlags
	kafkaFlags
	clickhouseFlags
	topicFlags
	outputFlags
	Wait time.Duration `help:"Wait this long in all for the broker and ClickHouse to answer, as after their start, and for older workers to stop. 0: do not wait." default:"0s" placeholder:"30s" range:"0s..24h"`
}

// topicFlags shape the topics that migrate creates.
type topicFlags struct {
	Partitions  int `help:"Partitions of each new topic. An existing topic keeps its partitions." default:"8" placeholder:"N" group:"Topics" range:"1..10000"`
	Replication int `help:"Copies of each partition of a new topic. Use 3 in production." default:"1" placeholder:"N" group:"Topics" range:"1..100"`
}

func (f topicFlags) validate() error {
	return ranges(f)
}

// Help implements kong.HelpProvider.
func (migrateCmd) Help() string {
	return `Creates the namespace's database, tables, views and topics, or upgrades them to this version. It never downgrades, and it
refuses a database that a newer version has migrated. If it is interrupted, run it again.

Stop any older 'tidemark ingest' and 'tidemark rollup' first: migrations move tables, and migrate refuses to run while
workers are running. With --wait it waits until they have stopped, and says for which it waits.

An empty catalog of models gets the models that ship with Tidemark. 'tidemark models import' updates it later.`
}

// Example implements exampler.
func (migrateCmd) Example() string {
	return "tidemark migrate --wait 30s\n" +
		"tidemark migrate --brokers kafka-1:9092 --clickhouse https://clickhouse:8443 --partitions 16 --replication 3"
}

// Run migrates database and topics.
func (c *migrateCmd) Run(ctx context.Context, s Streams) (err error) {
	if err := invalid(c.commonFlags.validate(), c.kafkaFlags.validate(), c.clickhouseFlags.validate(), c.topicFlags.validate(), ranges(*c)); err != nil {
		return err
	}
	db, err := c.open(c.Namespace)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	deadline, cancel := context.WithTimeout(ctx, c.Wait)
	defer cancel()
	if err := c.await(ctx, deadline, db, s); err != nil {
		return err
	}
	if err := c.idle(ctx, deadline, db, s); err != nil {
		return err
	}
	told := c.told(s)
	migrated, err := app.MigrateDatabase(ctx, db)
	if err != nil {
		return err
	}
	fmt.Fprintf(told.Out, "database %s: %s applied\n", c.Namespace, count(migrated.Applied, "statement"))
	fmt.Fprintf(told.Out, "models: %s\nprices: %s\n", loadedLine(migrated.Models, migrated.Loaded, "the shipped catalog"),
		loadedLine(migrated.Prices, migrated.PricesLoaded, "the shipped book: "+prices.ShippedNote))
	if err := c.reach(ctx); err != nil {
		return err
	}
	reports, err := createTopics(ctx, c.kafkaFlags, c.topicFlags, c.Namespace)
	if err != nil {
		return err
	}
	created := 0
	for _, r := range reports {
		if r.Created {
			created++
		} else if r.Partitions != r.Wanted {
			fmt.Fprintf(told.Out, "topic %s keeps its %s instead of %d: another number would move events to other partitions\n", r.Name, count(r.Partitions, "partition"), r.Wanted)
		}
	}
	fmt.Fprintf(told.Out, "topics %s.*: %d created, %d already present\n", c.Namespace, created, len(reports)-created)
	if c.json() {
		return printJSON(s.Out, migratedOutput(c.Namespace, migrated, reports))
	}
	return nil
}

// awaitInterval is the time between two attempts to reach the servers.
const awaitInterval = 250 * time.Millisecond

// await returns when both servers answer, at the latest at the deadline: whoever needs a server then says what is wrong with it.
func (c *migrateCmd) await(ctx, deadline context.Context, db *clickhouse.DB, s Streams) error {
	tick := time.NewTicker(awaitInterval)
	defer tick.Stop()
	for said := false; ; said = true {
		err := db.Ping(deadline)
		if exception := (*clickhouse.Error)(nil); errors.As(err, &exception) {
			err = nil // It answers.
		}
		if err = errors.Join(err, c.reach(deadline)); err == nil || deadline.Err() != nil {
			return ctx.Err()
		}
		if !said {
			fmt.Fprintf(s.Err, "waiting up to %s for the broker and ClickHouse\n", c.Wait)
		}
		select {
		case <-deadline.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// loadedLine says how many of something there are after a migration, and from where it loaded them.
func loadedLine(n int, loaded bool, from string) string {
	if loaded {
		return number(uint64(n)) + " loaded from " + from
	}
	return number(uint64(n)) + " already present"
}

// idle returns when no worker is running or there is nothing to migrate: what a worker of an older version inserts into a table while
// the table is moved would be left behind. Until the deadline it waits for running ones to stop; then they are an error. It takes the
// lease from none: the lease is the rollup's alone, and an older worker that got it back would go on in the form that it knows.
func (c *migrateCmd) idle(ctx, deadline context.Context, db *clickhouse.DB, s Streams) (err error) {
	if !errors.Is(app.CheckSchema(ctx, db), clickhouse.ErrSchemaOlder) {
		return nil // Then Migrate has nothing to do, or returns what is wrong.
	}
	stored := uint64(0)
	err = db.Query(ctx, "SELECT count() FROM "+schemas.LedgerTable, func(scan func(...any) error) error { return scan(&stored) })
	if err != nil || stored == 0 || c.reach(ctx) != nil {
		return nil // There is no row that could be left behind, or no worker can be running.
	}
	client, err := c.client("tidemark-migrate")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	tick := time.NewTicker(workersInterval)
	defer tick.Stop()
	for said := ""; ; {
		running, err := runningWorkers(ctx, client, c.Namespace)
		if err != nil || running == "" {
			return err
		}
		if deadline.Err() == nil && running != said {
			fmt.Fprintf(s.Err, "waiting up to %s for %s to stop\n", c.Wait, running)
			said = running
		}
		select {
		case <-deadline.Done():
			return cmp.Or(ctx.Err(), fmt.Errorf("namespace %s has %s at work: stop them, then run migrate again, or let it wait until they have stopped: --wait 5m (the brokers forget a killed worker within a minute)",
				c.Namespace, running))
		case <-tick.C:
		}
	}
}

// workersInterval is the time between two looks at which workers are running.
const workersInterval = time.Second

// runningWorkers says how many workers of which commands the brokers know; "" if none.
func runningWorkers(ctx context.Context, client *consumerkafka.Client, namespace string) (string, error) {
	var running []string
	for _, of := range [...]struct{ command, group string }{{"ingest", namespaces.IngestGroup(namespace)}, {"rollup", namespaces.RollupGroup(namespace)}} {
		found, err := client.Group(ctx, of.group)
		if err != nil {
			return "", err
		}
		if found.Members > 0 {
			running = append(running, fmt.Sprintf("%s of 'tidemark %s'", count(found.Members, "worker"), of.command))
		}
	}
	return strings.Join(running, " and "), nil
}

// createTopics creates the topics of a namespace that do not exist.
func createTopics(ctx context.Context, k kafkaFlags, shape topicFlags, namespace string) (reports []consumerkafka.TopicReport, err error) {
	client, err := k.client("tidemark-migrate")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	return app.CreateTopics(ctx, client, namespace, shape.Partitions, shape.Replication)
}
