// Package makeprices makes the book of prices that ships with Tidemark, schemas/prices/default.csv, from a dated history of LiteLLM's table and the
// table itself: run `go run ./internal/makeprices/cmd`.
package makeprices

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"tidemark/schemas/prices"
)

// observed is when the table was as it is.
var observed = time.Date(2026, time.July, 24, 0, 0, 0, 0, time.UTC)

// sellers are the providers whose prices ship: those with models that many people use and that price by tokens. Prices of others can be imported.
var sellers = []string{
	"anthropic", "aws.bedrock", "azure.ai.inference", "azure.ai.openai", "cerebras", "cohere", "dashscope", "deepinfra", "deepseek", "fireworks_ai", "gcp.gemini",
	"gcp.vertex_ai", "groq", "minimax", "mistral_ai", "moonshot_ai", "openai", "openrouter", "perplexity", "together_ai", "voyage", "x_ai", "zai",
}

// Build returns the file. data is the folder with the folder litellm-prices.
func Build(data string) ([]byte, error) {
	folder := filepath.Join(data, "litellm-prices")
	var history, table prices.Table
	if err := read(filepath.Join(folder, "price_history.csv.gz"), func(r io.Reader) (err error) { history, err = prices.ReadHistory(r); return err }); err != nil {
		return nil, err
	}
	if err := read(filepath.Join(folder, "model_prices_and_context_window.json.gz"), func(r io.Reader) (err error) { table, err = prices.ReadLiteLLM(r); return err }); err != nil {
		return nil, err
	}
	other := func(p prices.Price) bool { return !slices.Contains(sellers, p.Provider) }
	before, err := prices.New(1, slices.DeleteFunc(history.Prices, other), nil)
	if err != nil {
		return nil, err
	}
	table.Prices = slices.DeleteFunc(table.Prices, other)
	before, err = withLongContexts(before, table.Prices)
	if err != nil {
		return nil, err
	}
	merged, _, err := prices.Merge(before, table, prices.MergeOptions{From: observed, Now: observed})
	if err != nil {
		return nil, err
	}
	book, err := prices.New(2, merged, nil)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = prices.WriteCSV(&out, book.Prices())
	return out.Bytes(), err
}

// withLongContexts adds to a history, which has no prices of long contexts, that it does not tell them, where the table has some.
func withLongContexts(history *prices.Book, table []prices.Price) (*prices.Book, error) {
	all := slices.Clone(history.Prices())
	for _, long := range table {
		if long.ContextOver == 0 {
			continue
		}
		for _, p := range history.Prices() {
			if key := long.Key; p.Provider == key.Provider && p.Model == key.Model && p.Region == key.Region && p.Tier == key.Tier && p.Unit == key.Unit && p.ContextOver == 0 {
				p.Key, p.Picos, p.Published = key, 0, prices.NotTold
				all = append(all, p)
			}
		}
	}
	return prices.New(history.Number, all, nil)
}

// read reads a compressed file.
func read(path string, into func(io.Reader) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // It was only read.
	unpacked, err := gzip.NewReader(file)
	if err == nil {
		err = into(unpacked)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return nil
}
