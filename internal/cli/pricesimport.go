package cli

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/internal/app"
	"tidemark/schemas/prices"
)

type pricesImportCmd struct {
	commonFlags
	clickhouseFlags
	outputFlags
	File      string `arg:"" help:"The table; '-' is standard input. A file that ends in .gz is unpacked."`
	Format    string `help:"litellm (model_prices_and_context_window.json), models.dev (api.json), genai-prices (data.json, or the YAML of a provider), history (CSV with observed_at and event), yaml, or auto." default:"auto" placeholder:"NAME" group:"Prices"`
	ValidFrom moment `help:"From when on the table counts, if it does not say so of all its prices: RFC 3339 in whole minutes, or a day. Empty: now." placeholder:"TIME" group:"Prices"`
	Correct   bool   `help:"Also change what the book says of a time that is over." group:"Prices"`
	DryRun    bool   `help:"Show what would change, but change nothing." group:"Prices"`
	Skipped   bool   `help:"List the entries that make no price, and what is not taken of the others, with the reason." group:"Prices"`
}

// Help implements kong.HelpProvider.
func (pricesImportCmd) Help() string {
	return `Each import that changes something makes a new book; the books before it stay as they are. A price says from when to when it
held, so history keeps the price that it had: what a table that is not dated says holds from --valid-from on. If a price of a time
that is over would change, the import is refused unless --correct is given.

A price that Tidemark cannot read exactly makes no price, and neither does one of 0 in LiteLLM's and models.dev's tables, which may mean that
nobody knows it; --skipped lists them. Nothing is rounded and nothing is guessed: what has no price costs an unknown amount, not 0.

A warning names each price of long contexts, or of a tier such as batch, that does not go with that of input or output: of the two, one may be wrong.

--dry-run and the import itself show what was added, changed and withdrawn, and how many tokens of the last 30 days each model has.

The form of a file of your own is in docs/prices.md; 'tidemark prices export' writes it.`
}

// Example implements exampler.
func (pricesImportCmd) Example() string {
	return "tidemark prices import model_prices_and_context_window.json --valid-from 2026-11-01 --dry-run"
}

// maxShown is how many changes are listed.
const maxShown = 40

// Run imports.
func (c *pricesImportCmd) Run(ctx context.Context, s Streams) error {
	from, err := c.ValidFrom.parse("--valid-from")
	if err == nil && !from.Truncate(time.Minute).Equal(from) {
		err = fmt.Errorf("--valid-from: %s is not a whole minute", c.ValidFrom)
	}
	if err := invalid(c.commonFlags.validate(), c.clickhouseFlags.validate(), err); err != nil {
		return err
	}
	now := time.Now().UTC()
	if from.IsZero() {
		from = now.Truncate(time.Minute).Add(time.Minute) // The minute that has begun keeps its price.
	}
	content, err := readTable(s, c.File)
	if err != nil {
		return err
	}
	table, err := readPrices(c.Format, content)
	if err != nil {
		return fmt.Errorf("nothing was imported: %s: %w", c.File, err)
	}
	told := c.told(s)
	if c.Skipped && !c.json() {
		for _, skip := range table.Skipped {
			fmt.Fprintf(s.Out, "skipped %s: %s\n", skip.Entry, skip.Reason)
		}
		for _, skip := range table.NotTaken {
			fmt.Fprintf(s.Out, "not taken of %s: %s\n", skip.Entry, skip.Reason)
		}
	}
	printDeviations(told, prices.Deviations(table.Prices))
	sum := sha256.Sum256(content)
	note := filepath.Base(c.File)
	if !table.Dated {
		note += " from " + from.Format(time.RFC3339) + " on"
	}
	return withDatabase(ctx, c.commonFlags, c.clickhouseFlags, nil, func(db *clickhouse.DB) error {
		change, err := app.ImportPrices(ctx, db, app.PriceImport{
			Table: table, Options: prices.MergeOptions{From: from, Now: now, Correct: c.Correct}, Source: table.Source, Note: note,
			SHA256: hex.EncodeToString(sum[:]), DryRun: c.DryRun,
		})
		var past *prices.PastError
		if errors.As(err, &past) {
			_ = printPriceChanges(ctx, told, db, past.Changes) // The error that counts is the one before.
			return fmt.Errorf("nothing was imported: %w: if the book is wrong about it, give --correct; if the prices hold from another time on, --valid-from", err)
		}
		if err != nil {
			return err
		}
		if c.json() {
			return printJSON(s.Out, pricesImportedOutput(table, change, c.DryRun, c.Skipped))
		}
		if err := printPriceChanges(ctx, s, db, change.Changes); err != nil {
			return err
		}
		c.printResult(s, table, change, now)
		return nil
	})
}

func (c *pricesImportCmd) printResult(s Streams, table prices.Table, change app.PriceChange, now time.Time) {
	counts := changeCounts(change)
	would := ""
	if c.DryRun {
		would = "would be "
	}
	fmt.Fprintf(s.Out, "%s read, %s skipped; %s %sadded, %s changed, %s withdrawn, %s added or changed\n", count(len(table.Prices), "price"), count(len(table.Skipped), "entry"),
		number(uint64(counts[prices.Added])), would, number(uint64(counts[prices.Changed])), number(uint64(counts[prices.Withdrawn])), count(change.Aliases, "alias"))
	if len(table.NotTaken) > 0 {
		fmt.Fprintf(s.Out, "not taken: %s of names or other things that have no place in a book; --skipped lists them\n", count(len(table.NotTaken), "pattern"))
	}
	switch {
	case c.DryRun:
	case change.After == change.Before:
		fmt.Fprintf(s.Out, "book %d says all of it already\n", change.Before)
	default:
		fmt.Fprintf(s.Out, "book %d is made\n", change.After)
		if from, is := pastFrom(change, now); is {
			fmt.Fprintf(s.Out, "calls of before this hour keep their costs: 'tidemark reprice%s --dry-run' shows what they would be by this book\n", from)
		}
	}
}

// pastFrom reports whether prices of before this hour changed, and returns the flag for the time from which on they did; none if that is all of time.
func pastFrom(change app.PriceChange, now time.Time) (flag string, is bool) {
	first := now.Truncate(time.Hour)
	for _, c := range change.Changes {
		if c.From.Before(first) {
			first, is = c.From, true
		}
	}
	if !is || first.IsZero() {
		return "", is
	}
	return " --from " + first.UTC().Truncate(time.Hour).Format(time.RFC3339), true
}

// changeCounts returns how many changes there are of each kind.
func changeCounts(change app.PriceChange) map[prices.ChangeKind]int {
	counts := map[prices.ChangeKind]int{}
	for _, ch := range change.Changes {
		counts[ch.Kind]++
	}
	return counts
}

// printDeviations warns of prices that do not go with their kin.
func printDeviations(s Streams, all []prices.Deviation) {
	for i, d := range all {
		if i == maxShown {
			fmt.Fprintf(s.Out, "and %s\n", count(uint64(len(all)-maxShown), "more warning"))
			return
		}
		fmt.Fprintf(s.Out, "warning: %s\n", d)
	}
}

// readTable returns the content of a file, or of the standard input if it is "-".
func readTable(s Streams, name string) ([]byte, error) {
	in := s.In
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }() // It was only read.
		in = bufio.NewReader(file)
	}
	if strings.HasSuffix(name, ".gz") {
		unpacked, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		in = unpacked
	}
	content, err := io.ReadAll(io.LimitReader(in, prices.MaxTable+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	case len(content) > prices.MaxTable:
		return nil, fmt.Errorf("%s: it has more than %d MiB", name, prices.MaxTable>>20)
	}
	return content, nil
}

// readPrices reads a table of a format.
func readPrices(format string, content []byte) (prices.Table, error) {
	if format == "auto" {
		format = prices.FormatOf(content)
	}
	switch r := bytes.NewReader(content); format {
	case "litellm":
		return prices.ReadLiteLLM(r)
	case "models.dev":
		return prices.ReadModelsDev(r)
	case "genai-prices":
		return prices.ReadGenAIPrices(r)
	case "history":
		return prices.ReadHistory(r)
	case "yaml":
		return prices.ReadYAML(r)
	}
	return prices.Table{}, fmt.Errorf("--format: %q is not litellm, models.dev, genai-prices, history, yaml or auto", format)
}

// printPriceChanges writes a line per change, those of the models with the most tokens first.
func printPriceChanges(ctx context.Context, s Streams, db *clickhouse.DB, changes []prices.Change) error {
	if len(changes) == 0 {
		return nil
	}
	tokens, err := app.TokensByModel(ctx, db, 30)
	if err != nil {
		return err
	}
	app.SortChanges(changes, tokens)
	table := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\tPRICE\tFROM\tTO\tOLD\tNEW\tTOKENS OF 30 DAYS")
	for i, c := range changes {
		if i == maxShown {
			break
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", c.Kind, prices.Price{Key: c.Key}.Name(), until(c.From), until(c.To), millionOf(c.Old), millionOf(c.New),
			number(tokens[app.ModelOf{Provider: c.Key.Provider, Model: c.Key.Model}]))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if more := len(changes) - maxShown; more > 0 {
		fmt.Fprintf(s.Out, "and %s more\n", number(uint64(more)))
	}
	return nil
}

func millionOf(p *prices.Price) string {
	if p == nil {
		return "-"
	}
	return p.PerMillion() + " " + p.Currency
}
