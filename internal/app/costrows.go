package app

import (
	"context"
	"errors"
	"iter"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/schemas/focus"
)

// errNoCosts is what the export of costs ends with until costs are stored.
var errNoCosts = errors.New("costs are not stored yet: 'tidemark prices explain' says what a call cost")

// CostRows returns what a tenant's calls cost in the month that begins then, and corrections of earlier months that were made in it. Empty: all
// tenants. It asks the database when the first row is taken.
func CostRows(_ context.Context, _ *clickhouse.DB, _ time.Time, _ string) iter.Seq2[focus.Row, error] {
	return func(yield func(focus.Row, error) bool) {
		yield(focus.Row{}, errNoCosts)
	}
}

// CostUnpriced returns the usage of a month that has no price.
func CostUnpriced(_ context.Context, _ *clickhouse.DB, _ time.Time, _ string) ([]focus.Unpriced, error) {
	return nil, errNoCosts
}
