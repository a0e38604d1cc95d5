// Package ledgerdb reads the ledger from the database: how far each partition is accounted for, and what the ledger
// says of minutes.
//
//	ledger rows -> Chain of each partition -> Bounds, losers -> Minute
//
// A reader takes the ends of the chains first, as Bounds, and asks for everything else below them. So what several
// queries return stands for one state of the ledger, whatever is written meanwhile.
package ledgerdb

import "context"

// Querier runs queries. Query calls row once per row of the result, with a function that copies the row into pointers
// to the columns' own types. An error of row ends the query and is returned.
type Querier interface {
	Query(ctx context.Context, sql string, row func(scan func(dest ...any) error) error) error
}

// DB runs queries and statements. Exec runs one statement to its end; after an error its outcome is unknown.
type DB interface {
	Querier
	Exec(ctx context.Context, sql string) error
}
