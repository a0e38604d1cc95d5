package cli

import (
	"maps"
	"slices"
	"time"

	consumerkafka "tidemark/consumers/kafka"
	"tidemark/consumers/namespaces"
	"tidemark/internal/app"
	"tidemark/schemas/billing"
	"tidemark/schemas/catalog"
	"tidemark/schemas/prices"
)

// migratedJSON is the result of 'tidemark migrate'.
type migratedJSON struct {
	Namespace    string      `json:"namespace"`
	Applied      int         `json:"statements_applied"` // 0: the database had the schema already.
	Models       int         `json:"models"`
	Loaded       bool        `json:"models_loaded"` // The shipped ones, into an empty catalog.
	Prices       int         `json:"prices"`
	PricesLoaded bool        `json:"prices_loaded"`
	Topics       []topicJSON `json:"topics"`
}

type topicJSON struct {
	Topic      string `json:"topic"`
	Created    bool   `json:"created"`
	Partitions int    `json:"partitions"`
	Wanted     int    `json:"partitions_wanted"` // A topic that was there before keeps those that it has.
}

func migratedOutput(namespace string, m app.Migrated, topics []consumerkafka.TopicReport) migratedJSON {
	out := migratedJSON{namespace, m.Applied, m.Models, m.Loaded, m.Prices, m.PricesLoaded, []topicJSON{}}
	for _, t := range topics {
		out.Topics = append(out.Topics, topicJSON{t.Name, t.Created, t.Partitions, t.Wanted})
	}
	return out
}

// droppedJSON is the result of 'tidemark namespaces drop'.
type droppedJSON struct {
	Namespace string             `json:"namespace"`
	Dropped   bool               `json:"dropped"` // False without --yes.
	Tables    uint64             `json:"tables"`  // Views included.
	Rows      uint64             `json:"rows"`
	Bytes     uint64             `json:"database_bytes"`
	Foreign   []string           `json:"foreign_tables"`
	Topics    []droppedTopicJSON `json:"topics"`
	Groups    []groupJSON        `json:"groups"`
}

type droppedTopicJSON struct {
	Topic      string `json:"topic"`
	Partitions int    `json:"partitions"`
	Records    uint64 `json:"records"`
}

type groupJSON struct {
	Group   string `json:"group"`
	Members int    `json:"members"`
}

func droppedOutput(p namespaces.Plan, dropped bool) droppedJSON {
	out := droppedJSON{p.Name, dropped, p.Tables, p.Rows, p.Bytes, listJSON(p.Foreign), []droppedTopicJSON{}, []groupJSON{}}
	for _, name := range slices.Sorted(maps.Keys(p.Topics)) {
		out.Topics = append(out.Topics, droppedTopicJSON{name, p.Topics[name].Partitions, p.Topics[name].Records})
	}
	for _, g := range p.Groups {
		out.Groups = append(out.Groups, groupJSON{g.Name, g.Members})
	}
	return out
}

// modelsImportedJSON is the result of 'tidemark models import'.
type modelsImportedJSON struct {
	DryRun    bool     `json:"dry_run"`
	Added     []string `json:"added"`
	Changed   []string `json:"changed"`
	Removed   []string `json:"removed"`
	Unchanged int      `json:"unchanged"`
	Other     int      `json:"not_in_file"` // They stay.
}

func modelsImportedOutput(dry bool, c catalog.Change) modelsImportedJSON {
	out := modelsImportedJSON{dry, []string{}, []string{}, []string{}, c.Same, c.Other}
	for _, m := range c.Added {
		out.Added = append(out.Added, m.ID)
	}
	for _, pair := range c.Changed {
		out.Changed = append(out.Changed, pair.New.ID)
	}
	for _, m := range c.Removed {
		out.Removed = append(out.Removed, m.ID)
	}
	return out
}

// billingImportedJSON is the result of 'tidemark cost reconcile import'.
type billingImportedJSON struct {
	DryRun   bool              `json:"dry_run"`
	Format   string            `json:"format"`
	Source   string            `json:"source"`
	Rows     int               `json:"rows_stored"` // Or that would be.
	Replaced uint64            `json:"rows_replaced"`
	Rounded  int               `json:"amounts_rounded"`
	Periods  []periodJSON      `json:"periods"`
	Sums     []billedJSON      `json:"sums"`
	LeftOut  []leftOutRowsJSON `json:"left_out"`
}

type periodJSON struct {
	Kind billing.Kind `json:"kind"`
	From time.Time    `json:"from"`
	To   time.Time    `json:"to"`
}

// billedJSON is a sum of a provider: a cost in a currency, or tokens.
type billedJSON struct {
	Provider string  `json:"provider"`
	Currency string  `json:"currency,omitempty"`
	Cost     *string `json:"cost,omitempty"`
	Input    *string `json:"input_tokens,omitempty"`
	Output   *string `json:"output_tokens,omitempty"`
	Complete bool    `json:"complete"` // False: some tokens are not told.
}

type leftOutRowsJSON struct {
	What string `json:"what"`
	Rows int    `json:"rows"`
}

func billingImportedOutput(dry bool, r billing.Report, replaced uint64) billingImportedJSON {
	out := billingImportedJSON{DryRun: dry, Format: r.Format, Source: r.Source, Rows: len(r.Observations), Replaced: replaced, Rounded: r.Rounded,
		Periods: []periodJSON{}, Sums: []billedJSON{}, LeftOut: []leftOutRowsJSON{}}
	for _, kind := range []billing.Kind{billing.Usage, billing.Cost} {
		for _, span := range r.Covered[kind] {
			out.Periods = append(out.Periods, periodJSON{kind, span.From.UTC(), span.To.UTC()})
		}
	}
	for _, b := range sums(r) {
		one := billedJSON{Provider: b.provider, Currency: b.currency, Complete: !b.untold}
		if b.currency != "" {
			cost := prices.FormatPicos(&b.cost)
			one.Cost = &cost
		} else {
			input, output := b.input.String(), b.output.String()
			one.Input, one.Output = &input, &output
		}
		out.Sums = append(out.Sums, one)
	}
	for _, skip := range r.Skipped {
		out.LeftOut = append(out.LeftOut, leftOutRowsJSON{skip.What, skip.Rows})
	}
	return out
}

// importsJSON is the result of 'tidemark cost reconcile list'.
type importsJSON struct {
	Imports []importJSON `json:"imports"`
}

type importJSON struct {
	At       time.Time     `json:"imported_at"`
	Source   string        `json:"source"`
	Account  string        `json:"account"`
	Provider string        `json:"provider"`
	Kind     billing.Kind  `json:"kind"`
	From     time.Time     `json:"from"`
	To       time.Time     `json:"to"`
	State    billing.State `json:"state"`
	Then     billing.State `json:"state_when_imported"`
	Rows     uint64        `json:"rows"`
	Counts   uint64        `json:"rows_that_count"` // That no later import has replaced.
	File     string        `json:"file"`
}

func importsOutput(files []app.ImportedFile, now time.Time, settle time.Duration) importsJSON {
	out := importsJSON{Imports: []importJSON{}}
	for _, f := range files {
		out.Imports = append(out.Imports, importJSON{
			f.ImportedAt.UTC(), f.Source, f.Account, f.Provider, f.Kind, f.Span.From.UTC(), f.Span.To.UTC(),
			billing.StateOf(f.Span.To, now, settle), billing.StateOf(f.Span.To, f.ImportedAt, settle), f.Rows, f.Counts, f.File,
		})
	}
	return out
}

// generatedJSON is the result of 'tidemark dashboards generate'.
type generatedJSON struct {
	Files []generatedFileJSON `json:"files"`
}

type generatedFileJSON struct {
	File    string `json:"file"`
	Written bool   `json:"written"` // False: it had the text already.
}

// dashboardsJSON is the result of 'tidemark dashboards check'.
type dashboardsJSON struct {
	OK         bool            `json:"ok"`
	Dashboards int             `json:"dashboards"`
	Problems   []string        `json:"problems"`
	Runs       []statementJSON `json:"runs"` // None without --clickhouse.
}

// statementJSON is how the statements of a dashboard, or of the alert rules, ran.
type statementJSON struct {
	Of         string    `json:"of"`
	Statements int       `json:"statements"`
	Empty      int       `json:"without_rows"`
	Loads      []float64 `json:"loads_seconds,omitempty"` // With --loads: all panels, sorted.
	Slowest    string    `json:"slowest_panel,omitempty"`
}
