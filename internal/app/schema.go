package app

import (
	"context"
	"time"

	"go.uber.org/zap"

	"tidemark/consumers/clickhouse"
	"tidemark/schemas"
)

// schemaPause is the time between two attempts to read the schema.
const schemaPause = time.Second

// CheckSchema returns an error that says what to do unless the namespace has exactly the tables and views that this program
// knows: with older ones statements fail half-way, and newer ones may mean something else. Once ctx has ended it asks nobody.
func CheckSchema(ctx context.Context, db *clickhouse.DB) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return db.CheckSchema(ctx, schemas.Current())
}

// WaitForSchema is CheckSchema for a process that runs on: it tries again while the database does not answer. It returns nil
// when ctx ends.
func WaitForSchema(ctx context.Context, db *clickhouse.DB, log *zap.Logger) error {
	for {
		err := CheckSchema(ctx, db)
		if err == nil || clickhouse.IsSchema(err) {
			return err
		}
		if ctx.Err() == nil {
			log.Warn("the database of --clickhouse does not tell its schema; trying again", zap.Error(err), zap.Duration("again_in", schemaPause))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(schemaPause):
		}
	}
}
