package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"tidemark/internal/app"
	"tidemark/schemas/catalog"
)

type modelsImportCmd struct {
	commonFlags
	clickhouseFlags
	outputFlags
	File    string `arg:"" optional:"" help:"CSV file; '-' is standard input. Without a file: the catalog that ships with Tidemark."`
	DryRun  bool   `help:"Show what would change, but change nothing." group:"Models"`
	Replace bool   `help:"Also remove the models that the file does not have." group:"Models"`
}

// Help implements kong.HelpProvider.
func (modelsImportCmd) Help() string {
	return `The catalog is the table "models". It has the public facts about each model: open or closed weights, license, organization and
its country, release date, and the source of each fact. Dashboards join it by the model name in the events, and show
"unknown" for what it does not have.

The first line of the file is

  ` + strings.Join(catalog.Columns(), ",") + `

weights is open, closed or unknown; country is an ISO 3166-1 alpha-2 code; release_date is like 2025-08-07. Leave an
unknown fact and its source empty. A line replaces all facts about its model. If the file has a mistake, Tidemark shows all
mistakes and imports nothing. Importing the same file again changes nothing.`
}

// Example implements exampler.
func (modelsImportCmd) Example() string { return "tidemark models import my-models.csv --dry-run" }

// Run imports.
func (c *modelsImportCmd) Run(ctx context.Context, s Streams) (err error) {
	if err := invalid(c.commonFlags.validate(), c.clickhouseFlags.validate()); err != nil {
		return err
	}
	models, err := c.read(s)
	if err != nil {
		return err
	}
	db, err := c.open(c.Namespace)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := app.CheckSchema(ctx, db); err != nil {
		return err
	}
	have, err := app.ReadModels(ctx, db)
	if err != nil {
		return err
	}
	change := catalog.Compare(have, models, c.Replace)
	verb := ""
	if c.DryRun {
		verb = "would be "
		printChange(c.told(s).Out, change)
	} else if err := app.ApplyModels(ctx, db, change); err != nil {
		return err
	}
	if c.json() {
		return printJSON(s.Out, modelsImportedOutput(c.DryRun, change))
	}
	fmt.Fprintf(s.Out, "models: %s %sadded, %s changed, %s removed; %s unchanged\n", number(uint64(len(change.Added))), verb,
		number(uint64(len(change.Changed))), number(uint64(len(change.Removed))), number(uint64(change.Same)))
	if change.Other > 0 {
		fmt.Fprintf(s.Out, "%s that are not in the file stay (--replace removes them)\n", number(uint64(change.Other)))
	}
	return nil
}

// read returns the models of the file.
func (c *modelsImportCmd) read(s Streams) ([]catalog.Model, error) {
	switch c.File {
	case "":
		return catalog.Default()
	case "-":
		return mistakes(catalog.Parse("standard input", s.In))
	}
	file, err := os.Open(c.File)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // It was only read.
	return mistakes(catalog.Parse(c.File, file))
}

// mistakes adds to the error of a bad file that nothing was imported.
func mistakes(models []catalog.Model, err error) ([]catalog.Model, error) {
	if err != nil {
		return nil, fmt.Errorf("nothing was imported:\n%w", err)
	}
	return models, nil
}

// printChange writes a line for each model that changes.
func printChange(w io.Writer, change catalog.Change) {
	for _, m := range change.Added {
		fmt.Fprintf(w, "+ %s: %s\n", m.ID, strings.Join(catalog.Pair{New: m}.Facts(), ", "))
	}
	for _, pair := range change.Changed {
		fmt.Fprintf(w, "~ %s: %s\n", pair.New.ID, strings.Join(pair.Facts(), ", "))
	}
	for _, m := range change.Removed {
		fmt.Fprintf(w, "- %s\n", m.ID)
	}
}
