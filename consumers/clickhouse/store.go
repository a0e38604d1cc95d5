package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"sync"

	chgo "github.com/ClickHouse/clickhouse-go/v2"

	"tidemark/consumers/ingest"
	"tidemark/consumers/limit"
	"tidemark/internal/plural"
	"tidemark/schemas"
)

// Store keeps rows, positions and the ledger in ClickHouse. It is safe for concurrent use. Every method may be called
// again after any error.
type Store struct {
	db *DB

	mu         sync.Mutex
	coalescers map[string]*coalescer // By table.
}

var _ ingest.Store = (*Store)(nil)

// NewStore returns a store in the database of db.
func NewStore(db *DB) *Store { return &Store{db: db} }

// insertSettings make one INSERT write what was sent as one part before it is acknowledged.
var insertSettings = chgo.Settings{
	"async_insert":       0,
	"insert_deduplicate": 0, // Copies are harmless, a lost block is not.
	// Merges remove copies of rows; the rows of one INSERT have none.
	"optimize_on_insert": 0,
	// The blocks of a body are joined to one, which is not split: each piece would cost a part.
	"min_insert_block_size_rows":  1 << 30,
	"min_insert_block_size_bytes": 1 << 40,
	"max_insert_block_size":       1 << 30,
	// A materialized view on a raw table is fed after the rows are in the table: its errors must not look like a refusal
	// of the rows.
	"materialized_views_ignore_errors": 1,
	"wait_end_of_query":                1,
	// Compiling a raw table's expressions costs more than running them.
	"compile_expressions": 0,
	"priority":            limit.First,
}

// Insert stores the rows as one new part, together with the rows that other partitions of the type insert at the same
// moment. The columns are not touched any more when it returns. See ingest.Store for the errors.
func (s *Store) Insert(ctx context.Context, p ingest.Partition, rows schemas.Columns) error {
	if rows.Rows() == 0 {
		return nil
	}
	err := s.coalescer(schemas.SpecOf(p.Type).RawTable).insert(ctx, insertPart{input: rows.Input(), rows: rows.Rows()})
	if IsRefused(err) {
		return &ingest.RefusedError{Err: err}
	}
	return err
}

// coalescer returns the coalescer of a table.
func (s *Store) coalescer(table string) *coalescer {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.coalescers[table]
	if c == nil {
		c = &coalescer{table: table, send: s.sendInsert}
		if s.coalescers == nil {
			s.coalescers = map[string]*coalescer{}
		}
		s.coalescers[table] = c
	}
	return c
}

// sendInsert makes one INSERT of the parts, which have the same columns.
func (s *Store) sendInsert(ctx context.Context, table string, parts []insertPart) error {
	rows := 0
	for _, part := range parts {
		rows += part.rows
	}
	parts = withoutSpares(parts)
	body := newInsertBody(parts...)
	defer body.stop()
	attempt, end := s.startAttempt(ctx, fmt.Sprintf("insert %s into %s", plural.Of(rows, "row"), table))
	attempt = expectRows(s.db.context(attempt, insertSettings), rows)
	return end(s.db.conn.InsertFormat(attempt, "Native", insertStatement(table, parts[0].input), body))
}

// startAttempt returns a context for one request, which ends after the attempt timeout without having a deadline (see
// deadlineFree). The caller calls end once, with the error of the request; end returns that error with the verb.
func (s *Store) startAttempt(ctx context.Context, verb string) (attempt context.Context, end func(error) error) {
	attempt, cancel := limitAttempt(ctx, s.db.config.AttemptTimeout)
	return attempt, func(err error) error {
		defer cancel()
		var silent *silentError
		if err != nil && ctx.Err() == nil && errors.As(context.Cause(attempt), &silent) {
			// The driver reports that its context ended. The caller's has not.
			return fmt.Errorf("%s: %w", verb, silent)
		}
		return wrap(verb, err)
	}
}
