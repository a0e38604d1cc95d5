package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

type queryCmd struct {
	commonFlags
	clickhouseFlags
	Format string `help:"Output: table, csv, json, or any ClickHouse format." default:"table" placeholder:"FORMAT"`
	SQL    string `arg:"" name:"sql" help:"The statement; '-' reads it from standard input."`
}

// Help is the long text of `tidemark query --help`.
func (queryCmd) Help() string {
	return `Statements run read-only in the namespace's database. The views to read are queries, signups, token_calls,
model_events, reference_points, runs, their rollups token_calls_1m, _1h, _1d and so on, and the tables ledger, audits and models.

  tidemark query 'SELECT count(), sum(input_tokens), sum(output_tokens) FROM token_calls'`
}

// formats maps our names to ClickHouse's.
var formats = map[string]string{"table": "PrettyCompactMonoBlock", "csv": "CSVWithNames", "json": "JSON", "jsonl": "JSONEachRow"}

// Run prints the answer.
func (c *queryCmd) Run(ctx context.Context, s Streams) (err error) {
	if err := invalid(c.commonFlags.validate(), c.clickhouseFlags.validate()); err != nil {
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
	format, known := formats[strings.ToLower(c.Format)]
	if !known {
		format = c.Format
	}
	db, err := c.open(c.Namespace)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.Format(ctx, statement, format, s.Out)
}
