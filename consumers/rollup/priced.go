package rollup

import (
	"context"
	"fmt"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/pricing"
	"tidemark/consumers/spans"
	"tidemark/schemas"
)

// Costs are computed as other sums are, by a query that also joins prices (package pricing). What a bucket is priced by follows from its
// time and the table price_periods. If a period is made, whoever makes it requests the buckets in it.

// planPrices prepares the queries of a priced rollup for a range. What was published by other periods cannot grow.
func (s *step) planPrices(ctx context.Context, t *Table, r spans.Span) error {
	books := &s.w.books
	books.DB = s.w.DB
	periods, err := books.Periods(ctx)
	if err != nil {
		return err
	}
	if t.Plan, err = books.Plan(ctx, periods, r); err != nil {
		return err
	}
	if s.minutesOf(t).Rows(r.From, r.To) >= pricing.ManyRows {
		if err := t.Plan.LookForParts(ctx, s.w.DB, PricedRows(s.sources(t, r, false)[0])); err != nil {
			return err
		}
	}
	made := uint64(0)
	if len(periods) > 0 {
		made = periods[0].Made
	}
	if made != s.w.priced {
		delete(s.w.bases, t.Name)
		s.w.priced = made
	}
	return nil
}

// maxResolved is how often a version is written again because calls had no rate. What one try resolves the next one finds.
const maxResolved = 3

// insertRaw writes the rows of a version that is computed from raw. If calls of a priced rollup have no rate yet, it adds the rates and writes another version.
func (s *step) insertRaw(ctx context.Context, t *Table, selected string, source Source, r spans.Span) (version uint64, err error) {
	for range maxResolved {
		if version, err = s.insert(ctx, t, selected, r); err != nil || !t.Priced {
			return version, err
		}
		unresolved, err := countUnresolved(ctx, s.w.DB, t, r, version)
		if err != nil || unresolved == 0 {
			return version, err
		}
		if _, err := t.Plan.Resolve(ctx, s.w.DB, PricedRows(source), s.limits.readSettings()); err != nil {
			return 0, err
		}
	}
	return 0, fmt.Errorf("calls of %s still have no rate after %d tries", t.Name, maxResolved)
}

// countUnresolved counts the rows of a version whose calls have no rate.
func countUnresolved(ctx context.Context, db ledgerdb.Querier, t *Table, r spans.Span, version uint64) (n uint64, err error) {
	err = db.Query(ctx, unresolvedSQL(t, r, version), func(scan func(...any) error) error { return scan(&n) })
	if err != nil {
		return 0, fmt.Errorf("read version %d back: %w", version, err)
	}
	return n, nil
}

// unresolvedSQL counts the rows of a version whose calls have no rate.
func unresolvedSQL(t *Table, r spans.Span, version uint64) string {
	return fmt.Sprintf(`SELECT count() FROM %s WHERE %s AND version = %d AND reason = '%s'`, t.Rows(), r.BucketsSQL(), version, pricing.Unresolved)
}

// CostsOfHours is the rollup that all others of costs are made from.
const CostsOfHours = "costs_1h"

// RequestCostsSQL returns the statement that has the costs of a range computed again, as far as any rollup has buckets in it or a day after.
func RequestCostsSQL(s spans.Span) string {
	return fmt.Sprintf(`INSERT INTO `+schemas.RollupPendingTable+` (rollup, from_bucket, to_bucket, reason, done, version) SELECT '%s', greatest(min(bucket), %s) AS first, least(max(bucket) + INTERVAL 1 DAY, %s) AS last, `+
		`%s, false, %s FROM `+schemas.RollupVersionsTable+` HAVING count() > 0 AND first < last`,
		CostsOfHours, spans.BucketSQL(s.From), spans.BucketSQL(s.To), schemas.Quote(schemas.ReasonRequested), schemas.RequestVersionSQL(schemas.RollupPendingTable))
}

// PricedRows is the query for the rows that costs are computed from, for a pricing.Plan.
func PricedRows(source Source) string { return source.sql(schemas.TokenCallType, pricing.Columns) }
