package app

import (
	"context"
	"fmt"
	"math/big"
	"math/rand/v2"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/internal/plural"
	"tidemark/schemas"
	"tidemark/schemas/billing"
)

// costsRelation has our cost by day: bucket, tenant, provider, model, currency, unpriced_tokens and cost_picos, among others.
const costsRelation = "costs_1d"

// BillingImport is what a file says that is to be stored.
type BillingImport struct {
	Report       billing.Report // Of the provider alone that the import is about.
	Provider     string         // Empty: all.
	Account      string
	File, SHA256 string
	DryRun       bool
}

// ImportBilling stores what a file says. It replaces what earlier imports say of its periods, and returns how many rows that are. An import that would cover
// a row in part is refused: nobody knows what the rest of the row's period would be.
func ImportBilling(ctx context.Context, db *clickhouse.DB, in BillingImport) (replaced uint64, err error) {
	made := billing.Import{
		ID: rand.Uint64(), Source: in.Report.Source, Account: in.Account, Provider: in.Provider, Format: in.Report.Format, File: in.File, SHA256: in.SHA256,
	}
	for _, kind := range []billing.Kind{billing.Usage, billing.Cost} {
		for _, span := range in.Report.Covered[kind] {
			var t billing.Touched
			err := db.Query(ctx, billing.TouchedSQL(made, kind, span), func(scan func(...any) error) (err error) {
				t, err = billing.ReadTouched(scan)
				return err
			})
			if err != nil {
				return 0, err
			}
			if t.Cut > 0 {
				return 0, fmt.Errorf("the file is about %s, and what was imported before has %s of periods that this is only a part of, such as %s UTC: import a file that is about all of them",
					span, plural.Of(t.Cut, "row"), t.CutSpan)
			}
			replaced += t.Rows
		}
	}
	if in.DryRun {
		return replaced, nil
	}
	for _, statement := range billing.InsertSQL(made, in.Report) {
		if err := db.Exec(ctx, statement); err != nil {
			return 0, fmt.Errorf("import %s (run it again; what is there so far counts for nothing): %w", in.File, err)
		}
	}
	return replaced, nil
}

// ImportedFile is a period of an import, with how many rows the import has and how many of them count.
type ImportedFile struct {
	billing.Stored
	Counts, Rows uint64
}

// ReadImports returns the periods of all imports of providers' files, the latest import first.
func ReadImports(ctx context.Context, db *clickhouse.DB) ([]ImportedFile, error) {
	type rows struct{ counts, has uint64 }
	of := map[uint64]rows{}
	err := db.Query(ctx, billing.CountedRowsSQL(), func(scan func(...any) error) error {
		var id uint64
		var r rows
		if err := scan(&id, &r.counts, &r.has); err != nil {
			return fmt.Errorf("read the rows of imports: %w", err)
		}
		of[id] = r
		return nil
	})
	if err != nil {
		return nil, err
	}
	stored, err := readStored(ctx, db)
	var files []ImportedFile
	for _, s := range stored {
		files = append(files, ImportedFile{s, of[s.ID].counts, of[s.ID].has})
	}
	return files, err
}

func readStored(ctx context.Context, db *clickhouse.DB) ([]billing.Stored, error) {
	var all []billing.Stored
	err := db.Query(ctx, billing.ImportsSQL(), func(scan func(...any) error) error {
		s, err := billing.ReadStored(scan)
		all = append(all, s)
		return err
	})
	return all, err
}

// Reconciliation says what Reconcile compares.
type Reconciliation struct {
	Scope  billing.Scope // Whole days, UTC.
	Tenant string        // Of our side. Empty: all.
	By     billing.By
	Now    time.Time
	Settle time.Duration
}

// Reconcile compares our cost and tokens with those that were imported.
func Reconcile(ctx context.Context, db *clickhouse.DB, r Reconciliation) (billing.Compared, error) {
	in := billing.Comparison{Scope: r.Scope, By: r.By, Now: r.Now, Settle: r.Settle}
	var err error
	if in.Imports, err = readStored(ctx, db); err != nil {
		return billing.Compared{}, err
	}
	err = db.Query(ctx, billing.CountedSQL(r.Scope), func(scan func(...any) error) error {
		t, err := billing.ReadTheirs(scan)
		in.Theirs = append(in.Theirs, t)
		return err
	})
	if err != nil {
		return billing.Compared{}, err
	}
	if in.Ours, err = readOurs(ctx, db, r); err != nil {
		return billing.Compared{}, err
	}
	if in.Tokens, err = readOurTokens(ctx, db, r); err != nil {
		return billing.Compared{}, err
	}
	return billing.Compare(in), nil
}

// ourConditions select the days, the provider and the tenant of our side.
func ourConditions(r Reconciliation) string {
	sql := fmt.Sprintf("bucket >= toDateTime64(%d, 0, 'UTC') AND bucket < toDateTime64(%d, 0, 'UTC')", r.Scope.From.Unix(), r.Scope.To.Unix())
	if r.Scope.Provider != "" {
		sql += " AND provider = " + schemas.Quote(r.Scope.Provider)
	}
	if r.Tenant != "" {
		sql += " AND tenant = " + schemas.Quote(r.Tenant)
	}
	return sql
}

func readOurs(ctx context.Context, db *clickhouse.DB, r Reconciliation) (all []billing.Ours, err error) {
	sql := "SELECT toInt64(toUnixTimestamp(bucket)), toString(provider), toString(model), toString(currency), toString(sum(cost_picos)), toString(sum(unpriced_tokens)) FROM " +
		costsRelation + " WHERE " + ourConditions(r) + " GROUP BY bucket, provider, model, currency"
	err = db.Query(ctx, sql, func(scan func(...any) error) error {
		var o billing.Ours
		var at int64
		var cost, unpriced string
		if err := scan(&at, &o.Provider, &o.Model, &o.Currency, &cost, &unpriced); err != nil {
			return fmt.Errorf("read our cost: %w", err)
		}
		o.Day, o.Cost, o.Unpriced = time.Unix(at, 0).UTC(), bigOf(cost), bigOf(unpriced)
		all = append(all, o)
		return nil
	})
	return all, err
}

func readOurTokens(ctx context.Context, db *clickhouse.DB, r Reconciliation) (all []billing.OurTokens, err error) {
	sql := "SELECT toInt64(toUnixTimestamp(bucket)), toString(provider), toString(model), toString(sum(input_uncached)), toString(sum(input_cache_read)), toString(sum(input_cache_write)), " +
		"toString(sum(output_tokens)), toString(sum(calls)) FROM token_calls_1d WHERE " + ourConditions(r) + " GROUP BY bucket, provider, model"
	err = db.Query(ctx, sql, func(scan func(...any) error) error {
		var o billing.OurTokens
		var at int64
		var numbers [5]string
		if err := scan(&at, &o.Provider, &o.Model, &numbers[0], &numbers[1], &numbers[2], &numbers[3], &numbers[4]); err != nil {
			return fmt.Errorf("read our tokens: %w", err)
		}
		t := &o.Tokens
		t.Uncached, t.CacheRead, t.CacheWrite, t.Output, o.Requests = bigOf(numbers[0]), bigOf(numbers[1]), bigOf(numbers[2]), bigOf(numbers[3]), bigOf(numbers[4])
		t.Input = new(big.Int).Add(new(big.Int).Add(t.Uncached, t.CacheRead), t.CacheWrite)
		o.Day = time.Unix(at, 0).UTC()
		all = append(all, o)
		return nil
	})
	return all, err
}

// bigOf reads a number that the database wrote.
func bigOf(text string) *big.Int {
	n, ok := new(big.Int).SetString(text, 10)
	if !ok {
		return new(big.Int) // Impossible: the database writes toString of a whole number.
	}
	return n
}
