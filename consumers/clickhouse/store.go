package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/ClickHouse/ch-go/proto"
	chgo "github.com/ClickHouse/clickhouse-go/v2"

	"tidemark/consumers/ingest"
	"tidemark/schemas"
)

// Store keeps rows, positions and the ledger in ClickHouse. It is safe for
// concurrent use. Every method may be called again after any error.
type Store struct {
	db *DB

	mu     sync.Mutex
	groups map[string]*group // by table
}

var _ ingest.Store = (*Store)(nil)

// NewStore returns a store in the database of db.
func NewStore(db *DB) *Store { return &Store{db: db} }

// insertSettings make one INSERT write what was sent as one part before it is
// acknowledged.
var insertSettings = chgo.Settings{
	"async_insert":       0,
	"insert_deduplicate": 0, // copies are harmless, a lost block is not
	// Sorting out copies of rows is the merges' work; here there are none.
	"optimize_on_insert": 0,
	// The blocks of a body are joined to one, which is not cut: each piece would
	// cost a part.
	"min_insert_block_size_rows":  1 << 30,
	"min_insert_block_size_bytes": 1 << 40,
	"max_insert_block_size":       1 << 30,
	// A view that somebody hangs on a raw table is fed after the rows are in it:
	// its errors must not look like a refusal of the rows.
	"materialized_views_ignore_errors": 1,
	"wait_end_of_query":                1,
	// What a raw table computes is less work than compiling it.
	"compile_expressions": 0,
}

// Insert stores the rows as one new part, together with those that other partitions
// of the type have to insert at the same moment. The columns are not touched any more when it returns. See ingest.Store for the errors.
func (s *Store) Insert(ctx context.Context, p ingest.Partition, rows schemas.Columns) error {
	if rows.Rows() == 0 {
		return nil
	}
	err := s.insert(ctx, schemas.SpecOf(p.Type).RawTable, rows.Input(), rows.Rows())
	if IsRefused(err) {
		return &ingest.RefusedError{Err: err}
	}
	return err
}

// insert makes one attempt to insert one block, alone or with those of others.
func (s *Store) insert(ctx context.Context, table string, input proto.Input, rows int) error {
	mine := block{input: input, rows: rows}
	err := s.group(table).insert(ctx, mine)
	if !errors.Is(err, errOthers) {
		return err
	}
	return s.send(ctx, table, []block{mine}) // Whose rows are refused shows when each is sent alone.
}

// errOthers is the error of an INSERT of several blocks that was refused.
var errOthers = errors.New("refused together with the rows of others")

// group returns the group of a table.
func (s *Store) group(table string) *group {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.groups[table]
	if g == nil {
		g = &group{send: func(ctx context.Context, blocks []block) error {
			err := s.send(ctx, table, blocks)
			if len(blocks) > 1 && IsRefused(err) {
				return errOthers
			}
			return err
		}}
		if s.groups == nil {
			s.groups = map[string]*group{}
		}
		s.groups[table] = g
	}
	return g
}

// send makes one INSERT of the blocks, which have the same columns.
func (s *Store) send(ctx context.Context, table string, blocks []block) error {
	rows := 0
	for _, b := range blocks {
		rows += b.rows
	}
	blocks = withoutSpares(blocks)
	body := newBlockBody(blocks...)
	defer body.stop()
	return s.attempt(ctx, fmt.Sprintf("insert %d rows into %s", rows, table), func(ctx context.Context) error {
		ctx = expectRows(s.db.context(ctx, insertSettings), rows)
		return s.db.conn.InsertFormat(ctx, "Native", insertStatement(table, blocks[0].input), body)
	})
}

// attempt runs one request under the attempt timeout and wraps its error.
func (s *Store) attempt(ctx context.Context, verb string, request func(ctx context.Context) error) error {
	limited, done := attempt(ctx, s.db.config.AttemptTimeout)
	defer done()
	err := request(limited)
	var silent *silentError
	if err != nil && ctx.Err() == nil && errors.As(context.Cause(limited), &silent) {
		// What the driver says is that its context ended. The caller's has not.
		return fmt.Errorf("%s: %w", verb, silent)
	}
	return wrap(verb, err)
}
