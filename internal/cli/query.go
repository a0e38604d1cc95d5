package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"tidemark/dashboards/macros"
)

type queryCmd struct {
	commonFlags
	clickhouseFlags
	Format  string        `help:"Output: table, csv, json, or any ClickHouse format." default:"table" placeholder:"FORMAT"`
	Timeout time.Duration `help:"How long the statement may take." default:"5m" range:"1s..24h"`
	SQL     string        `arg:"" name:"sql" help:"The statement; '-' reads it from standard input."`
}

// Help is the long text of `tidemark query --help`.
func (queryCmd) Help() string {
	return `Statements run in the namespace's database and can only read: SELECT, SHOW, DESCRIBE, EXISTS, EXPLAIN, one at a time, and
nothing that writes a file or a table. One may take --timeout and 4 GiB of the server's memory; where that is too little,
end it with SETTINGS max_memory_usage = BYTES. The views to read are queries, signups, token_calls,
model_events, reference_points, runs, their rollups token_calls_1m, _1h, _1d and so on, and the tables ledger, audits and models.

A statement may end in FORMAT and the name of a ClickHouse format, which then counts instead of --format.

  tidemark query 'SELECT count(), sum(input_tokens), sum(output_tokens) FROM token_calls'`
}

// formats maps our names to ClickHouse's.
var formats = map[string]string{"table": "PrettyCompactMonoBlock", "csv": "CSVWithNames", "json": "JSON", "jsonl": "JSONEachRow"}

// outputFormat returns ClickHouse's name of a --format.
func outputFormat(name string) string {
	if format, known := formats[strings.ToLower(name)]; known {
		return format
	}
	return name
}

// Run prints the answer.
func (c *queryCmd) Run(ctx context.Context, s Streams) (err error) {
	if err := invalid(c.commonFlags.validate(), c.clickhouseFlags.validate(), ranges(*c)); err != nil {
		return err
	}
	statement := c.SQL
	if statement == "-" {
		text, err := io.ReadAll(s.In)
		if err != nil {
			return fmt.Errorf("read the statement: %w", err)
		}
		statement = string(text)
	}
	// The server's read-only mode lets files be written.
	if err := macros.StatementReads(statement); err != nil {
		return fmt.Errorf("query: %w", err)
	}
	statement, format, err := macros.TakeFormat(statement)
	if err != nil {
		return fmt.Errorf("query: %w", err)
	}
	if format == "" {
		format = outputFormat(c.Format)
	}
	db, err := c.open(c.Namespace)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	ctx, cancel := context.WithTimeout(ctx, c.Timeout+queryGrace)
	defer cancel()
	err = db.FormatWith(ctx, statement, format, c.bounds(), s.Out)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("query: ClickHouse did not end the statement within --timeout %s", c.Timeout)
	}
	return err
}

const (
	// queryMemory bounds the server's memory for a statement; grouping and sorting spill to disk from half of it on.
	queryMemory = 4 << 30
	// queryGrace is how long the server has to say that the time is over.
	queryGrace = 10 * time.Second
)

// bounds are the settings that keep a statement from taking the whole server.
func (c *queryCmd) bounds() map[string]any {
	return map[string]any{
		"max_execution_time": c.Timeout.Seconds(), "timeout_overflow_mode": "throw",
		"max_memory_usage": queryMemory, "max_bytes_before_external_group_by": queryMemory / 2, "max_bytes_before_external_sort": queryMemory / 2,
	}
}
