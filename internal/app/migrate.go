package app

import (
	"context"
	"fmt"
	"slices"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/deadletter"
	consumerkafka "tidemark/consumers/kafka"
	"tidemark/consumers/namespaces"
	"tidemark/schemas"
	"tidemark/schemas/catalog"
)

// Migrated is what MigrateDatabase did.
type Migrated struct {
	// Applied is the number of statements. 0 means that the database had the schema already.
	Applied int
	// Models is the number of models in the catalog. Loaded says that the catalog was empty and got the shipped models.
	Models int
	Loaded bool
	// Prices is the number of prices in the newest book. PricesLoaded says that there was no book, and that the shipped prices are the first.
	Prices       int
	PricesLoaded bool
}

// MigrateDatabase gives the namespace's database the schema of this program, and loads the shipped models into an empty
// catalog and the shipped prices into a first book. It can be repeated after an interruption.
func MigrateDatabase(ctx context.Context, db *clickhouse.DB) (Migrated, error) {
	var m Migrated
	err := db.Migrate(ctx, schemas.Current(), func(schemas.Statement) { m.Applied++ })
	if err != nil {
		return m, err
	}
	if m.Prices, m.PricesLoaded, err = loadPrices(ctx, db); err != nil {
		return m, err
	}
	have, err := ReadModels(ctx, db)
	if err != nil || len(have) > 0 {
		m.Models = len(have)
		return m, err
	}
	models, err := catalog.Default()
	if err != nil {
		return m, err
	}
	m.Models, m.Loaded = len(models), true
	return m, ApplyModels(ctx, db, catalog.Change{Added: models})
}

// ReadModels returns the catalog of models in the database.
func ReadModels(ctx context.Context, db *clickhouse.DB) ([]catalog.Model, error) {
	var models []catalog.Model
	err := db.Query(ctx, catalog.SelectSQL(), func(scan func(...any) error) error {
		m, err := catalog.Read(scan)
		models = append(models, m)
		return err
	})
	return models, err
}

// ApplyModels changes the catalog of models. After an interruption the same change does the rest.
func ApplyModels(ctx context.Context, db *clickhouse.DB, change catalog.Change) error {
	upsert := slices.Clone(change.Added)
	for _, pair := range change.Changed {
		upsert = append(upsert, pair.New)
	}
	for _, statement := range append(catalog.InsertSQL(upsert), catalog.DeleteSQL(change.Removed)...) {
		if err := db.Exec(ctx, statement); err != nil {
			return fmt.Errorf("import models: %w", err)
		}
	}
	return nil
}

// CreateTopics creates the topics of a namespace that do not exist, and reports each topic. An existing topic keeps its
// partitions.
func CreateTopics(ctx context.Context, client *consumerkafka.Client, namespace string, partitions, replication int) ([]consumerkafka.TopicReport, error) {
	var specs []consumerkafka.TopicSpec
	for _, name := range namespaces.TopicNames(namespace) {
		// Only the operator sets a retention: by default no record expires before it is accounted for.
		config := map[string]string{"retention.ms": "-1"}
		if name == schemas.TopicName(namespace, schemas.DeadLettersTopic) {
			config["max.message.bytes"] = fmt.Sprint(deadletter.TopicBytes)
		}
		specs = append(specs, consumerkafka.TopicSpec{Name: name, Partitions: partitions, Replication: replication, Config: config})
	}
	return client.CreateTopics(ctx, specs)
}
