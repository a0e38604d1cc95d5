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

// ResumeAtMost is Resume with another limit of rows ahead.
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
	body := newBlockBody(block{input: input, rows: rows})
	defer body.stop()
	return s.db.conn.InsertFormat(s.db.context(ctx, all), "Native", insertStatement(table, input), body)
}

// WriteBlock encodes a block as Insert does.
func WriteBlock(w io.Writer, input proto.Input, rows int) (int64, error) {
	return newBlockBody(block{input: input, rows: rows}).WriteTo(w)
}

// Hold makes the table look busy with an INSERT until release is called; Waiting tells how many blocks have gathered.
func (s *Store) Hold(table string) (waiting func() int, release func()) {
	g := s.group(table)
	g.mu.Lock()
	g.busy = true
	g.mu.Unlock()
	return func() int {
		g.mu.Lock()
		defer g.mu.Unlock()
		return len(g.waiting)
	}, g.pass
}
