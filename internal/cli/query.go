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
	Timeout time.Duration `help:"Longest time that the statement may take." default:"5m" range:"1s..24h"`
	SQL     string        `arg:"" name:"sql" help:"The statement; '-' reads it from standard input."`
}

// Help implements kong.HelpProvider.
func (queryCmd) Help() string {
	return `Runs one statement in the namespace's database. The statement can only read: SELECT, SHOW, DESCRIBE, EXISTS or EXPLAIN.
It may take --timeout and 4 GiB of the server's memory. If it needs more, end it with
SETTINGS max_memory_usage = BYTES.

Read the views queries, signups, token_calls, model_events, reference_points and runs, their rollups (token_calls_1m,
token_calls_1h, token_calls_1d and so on), and the tables ledger, audits and models.

A statement may end in FORMAT and the name of a ClickHouse format, which overrides --format.`
}

// Example implements exampler.
func (queryCmd) Example() string {
	return "tidemark query 'SELECT count(), sum(input_tokens), sum(output_tokens) FROM token_calls'"
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
	// The server's read-only mode still lets a statement write files.
	if err := macros.StatementReads(statement); err != nil {
		return wrongUse(fmt.Errorf("query: %w", err))
	}
	statement, format, err := macros.TakeFormat(statement)
	if err != nil {
		return wrongUse(fmt.Errorf("query: %w", err))
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
		return fmt.Errorf("query: ClickHouse did not finish the statement within --timeout %s", c.Timeout)
	}
	return err
}

const (
	// queryMemory bounds the server's memory for a statement, in bytes. Grouping and sorting spill to disk from half of it on.
	queryMemory = 4 << 30
	// queryGrace is how much longer than --timeout the command waits for the server's own error.
	queryGrace = 10 * time.Second
)

// bounds are the settings that keep one statement from using the whole server.
func (c *queryCmd) bounds() map[string]any {
	return map[string]any{
		"max_execution_time": c.Timeout.Seconds(), "timeout_overflow_mode": "throw",
		"max_memory_usage": queryMemory, "max_bytes_before_external_group_by": queryMemory / 2, "max_bytes_before_external_sort": queryMemory / 2,
	}
}
