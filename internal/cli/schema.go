package cli

import (
	"context"
	"time"

	"go.uber.org/zap"

	"tidemark/consumers/clickhouse"
	"tidemark/schemas"
)

// checkSchema returns an error that says what to do unless the namespace has exactly the tables and views that this
// program knows: on older ones statements fail half-way, and newer ones may mean something else.
func checkSchema(ctx context.Context, db *clickhouse.DB, namespace string) error {
	return db.CheckSchema(ctx, schemas.Current())
}

// schemaPause is the time between two attempts to look at the schema.
const schemaPause = time.Second

// waitForSchema is checkSchema for a worker, which waits for a database that is away. It returns nil when ctx ends.
func waitForSchema(ctx context.Context, db *clickhouse.DB, namespace string, log *zap.Logger) error {
	for {
		err := checkSchema(ctx, db, namespace)
		if err == nil || clickhouse.IsSchema(err) {
			return err
		}
		if ctx.Err() == nil {
			log.Warn("looking at the schema of the database again after an error", zap.Error(err))
		}
		if !sleep(ctx, schemaPause) {
			return nil
		}
	}
}
