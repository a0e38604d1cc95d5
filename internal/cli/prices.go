package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/internal/app"
	"tidemark/schemas/prices"
)

type pricesCmd struct {
	Import  pricesImportCmd  `cmd:"" help:"Bring a table of prices into the book: LiteLLM's, models.dev's, genai-prices, or a file of your own."`
	List    pricesListCmd    `cmd:"" help:"List the prices that hold at a time, one line per model and tier."`
	Show    pricesShowCmd    `cmd:"" help:"Show all prices of a model, those that are over and those to come."`
	Explain pricesExplainCmd `cmd:"" help:"Show what a stored call cost, and every step that leads there."`
	Export  pricesExportCmd  `cmd:"" help:"Write a book as a YAML file that import reads."`
	Books   pricesBooksCmd   `cmd:"" help:"List the books: one per import that changed something."`
	FX      pricesFXCmd      `cmd:"" name:"fx" help:"Import and list rates of exchange."`
}

// bookFlags choose a book of prices.
type bookFlags struct {
	Book int64 `help:"Number of the book, as 'tidemark prices books' lists them. 0: the newest." default:"0" placeholder:"N" group:"Prices" range:"0..4294967295"`
}

// withDatabase opens the database of a namespace that has the schema of this program. wrong is what is wrong with other flags.
func withDatabase(ctx context.Context, common commonFlags, ch clickhouseFlags, wrong error, do func(*clickhouse.DB) error) (err error) {
	if err := invalid(common.validate(), ch.validate(), wrong); err != nil {
		return err
	}
	db, err := ch.open(common.Namespace)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := app.CheckSchema(ctx, db); err != nil {
		return err
	}
	return do(db)
}

type pricesBooksCmd struct {
	commonFlags
	clickhouseFlags
	outputFlags
}

// Example implements exampler.
func (pricesBooksCmd) Example() string { return "tidemark prices books" }

// Run lists.
func (c *pricesBooksCmd) Run(ctx context.Context, s Streams) error {
	return withDatabase(ctx, c.commonFlags, c.clickhouseFlags, nil, func(db *clickhouse.DB) error {
		books, err := app.ReadBooks(ctx, db)
		if err != nil {
			return err
		}
		if c.json() {
			return printJSON(s.Out, booksOutput(books))
		}
		table := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "BOOK\tMADE\tSOURCE\tNOTE\tSHA-256")
		for _, m := range books {
			fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\n", m.Number, m.CreatedAt.Format(time.RFC3339), m.Source, dash(m.Note), dash(m.SHA256))
		}
		return table.Flush()
	})
}

type pricesListCmd struct {
	commonFlags
	clickhouseFlags
	bookFlags
	outputFlags
	Text string `arg:"" optional:"" help:"Only models whose name or provider contains this text (case-insensitive)."`
	At   moment `help:"When the prices hold: RFC 3339, or a day. Empty: now." placeholder:"TIME" group:"Prices"`
}

// Example implements exampler.
func (pricesListCmd) Example() string { return "tidemark prices list sonnet --at 2026-08-01" }

// Run lists.
func (c *pricesListCmd) Run(ctx context.Context, s Streams) error {
	at, err := c.At.parse("--at")
	if at.IsZero() {
		at = time.Now()
	}
	return withDatabase(ctx, c.commonFlags, c.clickhouseFlags, errors.Join(err, ranges(c.bookFlags)), func(db *clickhouse.DB) error {
		book, made, err := app.ReadBook(ctx, db, uint64(c.Book))
		if err != nil {
			return err
		}
		text := strings.ToLower(c.Text)
		found := slices.DeleteFunc(slices.Clone(book.Prices()), func(p prices.Price) bool {
			return !p.HoldsOn(at) || !strings.Contains(strings.ToLower(p.Provider+" "+p.Model), text)
		})
		if c.json() {
			err = printJSON(s.Out, pricesOutput(at, made, found))
		} else if err = printPrices(s, found, false); err == nil {
			fmt.Fprintf(s.Out, "%s at %s, in USD per million tokens unless another currency stands there; book %d: %s\n", count(len(found), "price"), at.UTC().Format(time.RFC3339), made.Number, made.Note)
		}
		if err == nil && len(found) == 0 && c.Text != "" {
			return errFound
		}
		return err
	})
}

type pricesShowCmd struct {
	commonFlags
	clickhouseFlags
	bookFlags
	outputFlags
	Provider string `arg:"" help:"Who sells the calls, as events have it: openai, anthropic, aws.bedrock. The name of a model, if it is alone: its prices at all providers."`
	Model    string `arg:"" optional:"" help:"Name of the model, as events have it."`
	At       moment `help:"Only prices that hold then: RFC 3339, or a day." placeholder:"TIME" group:"Prices"`
}

// Example implements exampler.
func (pricesShowCmd) Example() string {
	return "tidemark prices show anthropic claude-sonnet-4-5-20250929"
}

// Run shows.
func (c *pricesShowCmd) Run(ctx context.Context, s Streams) error {
	at, err := c.At.parse("--at")
	return withDatabase(ctx, c.commonFlags, c.clickhouseFlags, errors.Join(err, ranges(c.bookFlags)), func(db *clickhouse.DB) error {
		book, made, err := app.ReadBook(ctx, db, uint64(c.Book))
		if err != nil {
			return err
		}
		found, what := c.find(book)
		if !at.IsZero() {
			found = slices.DeleteFunc(found, func(p prices.Price) bool { return !p.HoldsOn(at) })
		}
		if len(found) == 0 {
			return answerNo(fmt.Errorf("book %d has no prices of %s%s: 'tidemark prices list TEXT' finds names", made.Number, what, map[bool]string{false: " at that time"}[at.IsZero()]))
		}
		if c.json() {
			return printJSON(s.Out, pricesOutput(at, made, found))
		}
		if err := printPrices(s, found, true); err != nil {
			return err
		}
		fmt.Fprintf(s.Out, "in USD per million tokens unless another currency stands there; book %d: %s\n", made.Number, made.Note)
		return nil
	})
}

// find returns the prices of the model, and which one that is in words.
func (c *pricesShowCmd) find(book *prices.Book) (found []prices.Price, what string) {
	if c.Model != "" {
		return slices.Clone(book.Of(c.Provider, c.Model)), c.Model + " at " + c.Provider
	}
	name := c.Provider
	found = slices.DeleteFunc(slices.Clone(book.Prices()), func(p prices.Price) bool { return p.Model != name })
	return found, fmt.Sprintf("a model %s at any provider (of a provider's model: PROVIDER MODEL)", name)
}

// printPrices writes a line per model, tier, threshold, region and time, with the price of a million of each unit.
func printPrices(s Streams, all []prices.Price, times bool) error {
	type line struct {
		key      prices.Key
		from, to time.Time
		currency string
	}
	var order []line
	cells := map[line]map[prices.Unit]string{}
	for _, p := range all {
		l := line{p.Key, p.From, p.To, p.Currency}
		l.key.Unit = ""
		if cells[l] == nil {
			cells[l] = map[prices.Unit]string{}
			order = append(order, l)
		}
		cells[l][p.Unit] = p.PerMillion()
	}
	units := slices.DeleteFunc(slices.Clone(prices.Units), func(u prices.Unit) bool {
		return !slices.ContainsFunc(all, func(p prices.Price) bool { return p.Unit == u })
	})
	table := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	if len(order) > 0 {
		head := "PROVIDER\tMODEL\tFOR"
		if times {
			head += "\tFROM\tTO"
		}
		for _, u := range units {
			head += "\t" + strings.ToUpper(string(u))
		}
		fmt.Fprintln(table, head)
	}
	for _, l := range order {
		row := []string{l.key.Provider, l.key.Model, dash(prices.Price{Key: l.key}.Conditions())}
		if times {
			row = append(row, until(l.from), until(l.to))
		}
		for _, u := range units {
			cell := cells[l][u]
			if cell != "" && l.currency != "USD" {
				cell += " " + l.currency
			}
			row = append(row, dash(cell))
		}
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	return table.Flush()
}

// until writes a bound of the time of a price.
func until(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return at.Format("2006-01-02T15:04Z")
}

type pricesExportCmd struct {
	commonFlags
	clickhouseFlags
	bookFlags
}

// Example implements exampler.
func (pricesExportCmd) Example() string { return "tidemark prices export > prices.yaml" }

// Run exports.
func (c *pricesExportCmd) Run(ctx context.Context, s Streams) error {
	return withDatabase(ctx, c.commonFlags, c.clickhouseFlags, ranges(c.bookFlags), func(db *clickhouse.DB) error {
		book, _, err := app.ReadBook(ctx, db, uint64(c.Book))
		if err != nil {
			return err
		}
		return prices.WriteYAML(s.Out, book.Prices(), book.Aliases())
	})
}
