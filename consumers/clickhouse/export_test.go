package clickhouse

import (
	"cmp"
	"context"
	"io"
	"maps"
	"slices"

	"github.com/ClickHouse/ch-go/proto"

	"tidemark/consumers/ingest"
	"tidemark/consumers/ledger"
)

// ResumeAtMost is Resume with another limit of orphans.
func (s *Store) ResumeAtMost(ctx context.Context, p ingest.Partition, window int64, limit int) (ingest.Resume, error) {
	return s.resume(ctx, p, window, limit)
}

func sortRanges(ranges []ledger.Range) {
	slices.SortFunc(ranges, func(a, b ledger.Range) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
}

// InsertWith is Insert with further settings and other columns.
func (s *Store) InsertWith(ctx context.Context, table string, input proto.Input, rows int, more map[string]any) error {
	all := maps.Clone(insertSettings)
	maps.Copy(all, more)
	body := newInsertBody(insertPart{input: input, rows: rows})
	defer body.stop()
	return s.db.conn.InsertFormat(s.db.context(ctx, all), "Native", insertStatement(table, input), body)
}

// WriteBlock encodes a block as Insert does.
func WriteBlock(w io.Writer, input proto.Input, rows int) (int64, error) {
	return newInsertBody(insertPart{input: input, rows: rows}).WriteTo(w)
}

// HoldInserts makes the table look busy with an INSERT until release is called; waiting counts the parts that wait.
func (s *Store) HoldInserts(table string) (waiting func() int, release func()) {
	c := s.coalescer(table)
	c.mu.Lock()
	c.busy = true
	c.mu.Unlock()
	return func() int {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.waiting)
	}, c.passLead
}
