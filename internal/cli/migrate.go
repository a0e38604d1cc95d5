package cli

import (
	"context"
	"errors"
	"fmt"

	"tidemark/consumers/clickhouse"
	consumerkafka "tidemark/consumers/kafka"
	"tidemark/consumers/namespaces"
	"tidemark/schemas"
)

type migrateCmd struct {
	commonFlags
	kafkaFlags
	clickhouseFlags
	topicFlags
}

// topicFlags shape the topics that migrate creates.
type topicFlags struct {
	Partitions  int `help:"Partitions of a topic that is created." default:"8" placeholder:"N" group:"Topics" range:"1..10000"`
	Replication int `help:"Copies of each partition; production wants 3." default:"1" placeholder:"N" group:"Topics" range:"1..100"`
}

func (f topicFlags) validate() error {
	return ranges(f)
}

// Help is the long text of `tidemark migrate --help`.
func (migrateCmd) Help() string {
	return `Creates the namespace's database, tables, views and topics, or brings them up to this version. Every step can be
repeated: interrupted, it is simply run again. It never goes backward and refuses a database that a newer
version has migrated. Migrations move tables: while workers of an older version are at work it refuses, so stop them
before. An existing topic keeps its partitions. A
catalog of models that is empty gets the one that is shipped; "tidemark models import" brings another up to date.`
}

// Run migrates database and topics.
func (c *migrateCmd) Run(ctx context.Context, s Streams) error {
	if err := invalid(c.commonFlags.validate(), c.kafkaFlags.validate(), c.clickhouseFlags.validate(), c.topicFlags.validate()); err != nil {
		return err
	}
	if err := c.idle(ctx); err != nil {
		return err
	}
	applied, models, err := migrateDatabase(ctx, c.clickhouseFlags, c.Namespace)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "database %s: %d statements applied\n", c.Namespace, applied)
	fmt.Fprintf(s.Out, "models: %s\n", models)
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
			fmt.Fprintf(s.Out, "topic %s keeps its %d partitions (%d asked for): another number would move events\n", r.Name, r.Partitions, r.Wanted)
		}
	}
	fmt.Fprintf(s.Out, "topics %s.*: %d created, %d were there\n", c.Namespace, created, len(reports)-created)
	return nil
}

// idle returns an error if there is anything to migrate that somebody is at work on: what a worker of an older version
// inserts into a table while it is moved would be left behind.
func (c *migrateCmd) idle(ctx context.Context) (err error) {
	db, err := c.open(c.Namespace)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if !errors.Is(checkSchema(ctx, db, c.Namespace), clickhouse.ErrSchemaOlder) {
		return nil // Then Migrate has nothing to do, or says what is wrong.
	}
	stored := uint64(0)
	err = db.Query(ctx, "SELECT count() FROM ledger", func(scan func(...any) error) error { return scan(&stored) })
	if err != nil || stored == 0 || c.reach(ctx) != nil {
		return nil // There is nothing yet that could be left behind, or nobody can be at work.
	}
	client, err := c.client("tidemark-migrate")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	for command, group := range map[string]string{"ingest": namespaces.IngestGroup(c.Namespace), "rollup": namespaces.RollupGroup(c.Namespace)} {
		found, err := client.Group(ctx, group)
		if err != nil {
			return err
		}
		if found.Members > 0 {
			return fmt.Errorf("%d workers of `tidemark %s` are at work in namespace %s: stop them, then run this again (one that was killed is forgotten within a minute)",
				found.Members, command, c.Namespace)
		}
	}
	return nil
}

// migrateDatabase gives the database the schema. It returns how many statements it ran, and what it did about the catalog
// of models.
func migrateDatabase(ctx context.Context, ch clickhouseFlags, namespace string) (applied int, models string, err error) {
	db, err := ch.open(namespace)
	if err != nil {
		return 0, "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = db.Migrate(ctx, schemas.Current(), func(schemas.Statement) { applied++ })
	if err != nil {
		return applied, "", err
	}
	models, err = seedModels(ctx, db)
	return applied, models, err
}

func createTopics(ctx context.Context, k kafkaFlags, shape topicFlags, namespace string) (reports []consumerkafka.TopicReport, err error) {
	conn, err := k.conn("tidemark-migrate")
	if err != nil {
		return nil, err
	}
	client, err := consumerkafka.NewClient(consumerkafka.Config{Conn: conn})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	var specs []consumerkafka.TopicSpec
	for _, name := range namespaces.TopicNames(namespace) {
		// Retention is the operator's to set on purpose: by default nothing ages out before it is accounted.
		config := map[string]string{"retention.ms": "-1"}
		if name == schemas.TopicName(namespace, schemas.DeadLettersTopic) {
			config["max.message.bytes"] = fmt.Sprint(deadLetterBytes)
		}
		specs = append(specs, consumerkafka.TopicSpec{Name: name, Partitions: shape.Partitions, Replication: shape.Replication, Config: config})
	}
	return client.CreateTopics(ctx, specs)
}
