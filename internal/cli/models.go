package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"tidemark/consumers/clickhouse"
	"tidemark/schemas/catalog"
)

type modelsCmd struct {
	Import modelsImportCmd `cmd:"" help:"Put what a file says of models into the catalog."`
	List   modelsListCmd   `cmd:"" help:"List what the catalog says, a line a model."`
	Export modelsExportCmd `cmd:"" help:"Write the catalog as a file that import reads."`
}

type modelsImportCmd struct {
	commonFlags
	clickhouseFlags
	File    string `arg:"" optional:"" help:"CSV file; '-' is standard input, and without a file it is the catalog that is shipped."`
	DryRun  bool   `help:"Show what would change, and change nothing." group:"Models"`
	Replace bool   `help:"Remove the models that the file does not have." group:"Models"`
}

// Help is the long text of "tidemark models import --help".
func (modelsImportCmd) Help() string {
	return `The catalog, the table models, says what is publicly known of a model: open or closed weights, license, organization with
its country, release date, and beside each fact its source. Dashboards join it by the model's name, as events carry it,
and show what it does not have as unknown.

The first line of the file is
  ` + strings.Join(catalog.Columns(), ",") + `
weights is open, closed or unknown, country an ISO 3166-1 alpha-2 code, release_date like 2025-08-07; what is unknown is
empty, and so is its source. A line takes the place of all that was known of its model. Nothing is imported from a file
that has a mistake; all mistakes are shown. A file that was imported can be imported again, which changes nothing.`
}

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
	if err := checkSchema(ctx, db, c.Namespace); err != nil {
		return err
	}
	have, err := readModels(ctx, db)
	if err != nil {
		return err
	}
	change := catalog.Compare(have, models, c.Replace)
	verb := ""
	if c.DryRun {
		verb = "would be "
		printChange(s.Out, change)
	} else if err := applyModels(ctx, db, change); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "models: %s %sadded, %s changed, %s removed; %s as they were\n", number(uint64(len(change.Added))), verb,
		number(uint64(len(change.Changed))), number(uint64(len(change.Removed))), number(uint64(change.Same)))
	if change.Other > 0 {
		fmt.Fprintf(s.Out, "%s that the file does not have stay (--replace removes them)\n", number(uint64(change.Other)))
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

// mistakes says of a bad file that it was left alone.
func mistakes(models []catalog.Model, err error) ([]catalog.Model, error) {
	if err != nil {
		return nil, fmt.Errorf("nothing is imported:\n%w", err)
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

// applyModels changes the table. Half-way interrupted, the same import does the rest.
func applyModels(ctx context.Context, db *clickhouse.DB, change catalog.Change) error {
	upsert := slices.Clone(change.Added)
	for _, pair := range change.Changed {
		upsert = append(upsert, pair.New)
	}
	for _, statement := range append(catalog.InsertSQL(upsert), catalog.DeleteSQL(change.Removed)...) {
		if err := db.Exec(ctx, statement); err != nil {
			return fmt.Errorf("import models: %w", err)
		}
	}
	return nil
}

// readModels returns the catalog of the database.
func readModels(ctx context.Context, db *clickhouse.DB) ([]catalog.Model, error) {
	var models []catalog.Model
	err := db.Query(ctx, catalog.SelectSQL(), func(scan func(...any) error) error {
		m, err := catalog.Read(scan)
		models = append(models, m)
		return err
	})
	return models, err
}

// seedModels puts the shipped catalog into a table that has none, and says what it did, for people.
func seedModels(ctx context.Context, db *clickhouse.DB) (string, error) {
	have, err := readModels(ctx, db)
	if err != nil {
		return "", err
	}
	if len(have) > 0 {
		return number(uint64(len(have))) + " were there", nil
	}
	models, err := catalog.Default()
	if err != nil {
		return "", err
	}
	if err := applyModels(ctx, db, catalog.Change{Added: models}); err != nil {
		return "", err
	}
	return number(uint64(len(models))) + " loaded from the shipped catalog", nil
}

type modelsListCmd struct {
	commonFlags
	clickhouseFlags
	Text string `arg:"" optional:"" help:"Only models whose name or organization has this in it, in any case of letters."`
}

// Run lists.
func (c *modelsListCmd) Run(ctx context.Context, s Streams) error {
	models, err := modelsOf(ctx, c.commonFlags, c.clickhouseFlags)
	if err != nil {
		return err
	}
	all := len(models)
	text := strings.ToLower(c.Text)
	models = slices.DeleteFunc(models, func(m catalog.Model) bool {
		return !strings.Contains(strings.ToLower(m.ID), text) && !strings.Contains(strings.ToLower(m.Organization.Value), text)
	})
	table := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	if len(models) > 0 {
		fmt.Fprintln(table, "MODEL\tWEIGHTS\tLICENSE\tORGANIZATION\tCOUNTRY\tRELEASED\tSOURCES")
	}
	for _, m := range models {
		var sources []string
		for _, fact := range []catalog.Fact{m.Weights, m.License, m.Organization, m.Country, m.ReleaseDate} {
			if fact.Source != "" && !slices.Contains(sources, fact.Source) {
				sources = append(sources, fact.Source)
			}
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", m.ID, dash(m.Weights.Value), dash(m.License.Value), dash(m.Organization.Value),
			dash(m.Country.Value), dash(m.ReleaseDate.Value), dash(strings.Join(sources, ", ")))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "%s of %s models\n", number(uint64(len(models))), number(uint64(all)))
	return nil
}

type modelsExportCmd struct {
	commonFlags
	clickhouseFlags
}

// Run exports.
func (c *modelsExportCmd) Run(ctx context.Context, s Streams) error {
	models, err := modelsOf(ctx, c.commonFlags, c.clickhouseFlags)
	if err != nil {
		return err
	}
	return catalog.Write(s.Out, models)
}

// modelsOf opens the database and returns its catalog.
func modelsOf(ctx context.Context, common commonFlags, ch clickhouseFlags) (models []catalog.Model, err error) {
	if err := invalid(common.validate(), ch.validate()); err != nil {
		return nil, err
	}
	db, err := ch.open(common.Namespace)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := checkSchema(ctx, db, common.Namespace); err != nil {
		return nil, err
	}
	return readModels(ctx, db)
}
