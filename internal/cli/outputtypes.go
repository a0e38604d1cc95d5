package cli

import (
	"time"

	"tidemark/consumers/audit"
	"tidemark/consumers/audit/expect"
	"tidemark/consumers/namespaces"
	"tidemark/schemas/catalog"
	"tidemark/schemas/prices"
)

// auditJSON is the result of 'tidemark audit'.
type auditJSON struct {
	ID          string        `json:"audit_id"`
	Verdict     audit.Verdict `json:"verdict"`
	Checks      int           `json:"checks"`
	Differences int           `json:"differences"`
	Errors      int           `json:"errors"`
	Pending     int           `json:"pending"`
	Lost        uint64        `json:"lost_records"`
	Dead        uint64        `json:"dead_letters"`
	Findings    []findingJSON `json:"findings"`
}

type findingJSON struct {
	Check   string        `json:"check"`
	Scope   string        `json:"scope"`
	Verdict audit.Verdict `json:"verdict"`
	Detail  string        `json:"detail"`
	Seconds float64       `json:"seconds"`
}

// auditOutput returns the result of an audit for JSON. Its verdict is the worst of a finding; work under way is ok.
func auditOutput(r audit.Result) auditJSON {
	counts := r.Counts()
	out := auditJSON{
		ID: r.ID, Verdict: audit.OK, Checks: len(r.Findings), Differences: counts[audit.Difference], Errors: counts[audit.Error], Pending: counts[audit.Pending],
		Lost: r.Lost, Dead: r.Dead, Findings: []findingJSON{},
	}
	switch {
	case out.Differences > 0:
		out.Verdict = audit.Difference
	case !r.OK:
		out.Verdict = audit.Error
	}
	for _, f := range r.Findings {
		out.Findings = append(out.Findings, findingJSON{f.Check, f.Scope, f.Verdict, f.Detail, f.Took.Seconds()})
	}
	return out
}

// namespacesJSON is the result of 'tidemark namespaces list'.
type namespacesJSON struct {
	Namespaces []namespaceJSON `json:"namespaces"`
}

type namespaceJSON struct {
	Name          string              `json:"namespace"`
	Topics        int                 `json:"topics"`
	MissingTopics []string            `json:"missing_topics"`
	Bytes         uint64              `json:"database_bytes"`
	Problem       string              `json:"problem,omitempty"`
	Audit         *namespaceAuditJSON `json:"last_audit"` // Null: never audited.
	Types         []typeRowsJSON      `json:"types"`
}

type namespaceAuditJSON struct {
	At          time.Time `json:"at"`
	Checks      uint64    `json:"checks"`
	Differences uint64    `json:"differences"`
	Pending     uint64    `json:"pending"`
}

type typeRowsJSON struct {
	Type  string     `json:"type"`
	Rows  uint64     `json:"rows"`
	First *time.Time `json:"first"`
	Last  *time.Time `json:"last"`
}

func namespaceOutput(info namespaces.Info) namespaceJSON {
	out := namespaceJSON{Name: info.Name, Topics: len(info.Topics), MissingTopics: listJSON(missingTopics(info)), Bytes: info.Bytes, Problem: info.Problem, Types: []typeRowsJSON{}}
	if a := info.Audit; !a.At.IsZero() {
		out.Audit = &namespaceAuditJSON{a.At.UTC(), a.Checks, a.Differences, a.Pending}
	}
	for _, t := range info.Types {
		one := typeRowsJSON{Type: t.Type.String(), Rows: t.Rows}
		if t.Rows > 0 {
			one.First, one.Last = timeJSON(t.First), timeJSON(t.Last)
		}
		out.Types = append(out.Types, one)
	}
	return out
}

// diffJSON is the result of 'tidemark namespaces diff'.
type diffJSON struct {
	A      string           `json:"a"`
	B      string           `json:"b"`
	Equal  bool             `json:"equal"`
	Rows   uint64           `json:"rows_compared"`
	Behind []string         `json:"rollups_behind"`
	Tables []comparedRows   `json:"tables"`
	First  []differenceJSON `json:"first_differences"`
}

type comparedRows struct {
	Table    string         `json:"table"`
	Equal    bool           `json:"equal"`
	Rows     uint64         `json:"rows"`
	Differ   uint64         `json:"rows_different"`
	OnlyA    uint64         `json:"rows_only_in_a"`
	OnlyB    uint64         `json:"rows_only_in_b"`
	Measures []measuredJSON `json:"measures"`
}

type measuredJSON struct {
	Measure string `json:"measure"`
	Rows    uint64 `json:"rows"`
	A       string `json:"total_a,omitempty"`
	B       string `json:"total_b,omitempty"`
}

type differenceJSON struct {
	Table   string    `json:"table"`
	Bucket  time.Time `json:"bucket"`
	Row     string    `json:"row"`
	Measure string    `json:"measure"`
	A       string    `json:"a"`
	B       string    `json:"b"`
}

func diffOutput(a, b string, r namespaces.DiffResult) diffJSON {
	out := diffJSON{A: a, B: b, Equal: r.Equal(), Behind: listJSON(r.Behind), Tables: []comparedRows{}, First: []differenceJSON{}}
	for _, t := range r.Tables {
		out.Rows += t.Rows
		one := comparedRows{t.Table, t.Equal(), t.Rows, t.Differ, t.OnlyA, t.OnlyB, []measuredJSON{}}
		for _, m := range t.Measures {
			one.Measures = append(one.Measures, measuredJSON{m.Column, m.Rows, m.A, m.B})
		}
		out.Tables = append(out.Tables, one)
	}
	for _, d := range r.First {
		out.First = append(out.First, differenceJSON{d.Table, d.Bucket.UTC(), d.Row, d.Measure, d.A, d.B})
	}
	return out
}

// expectationsJSON is the result of 'tidemark scenarios check'.
type expectationsJSON struct {
	Verdict      expect.Verdict    `json:"verdict"` // MISS if a line is.
	OK           int               `json:"ok"`
	Miss         int               `json:"miss"`
	Illustrative int               `json:"illustrative"`
	Unconfirmed  int               `json:"unconfirmed"`
	Lines        []expectationJSON `json:"expectations"`
}

type expectationJSON struct {
	Scenario  string         `json:"scenario"`
	ID        string         `json:"expectation"`
	What      string         `json:"what"`
	Reported  string         `json:"reported"`
	Measured  string         `json:"measured"`
	Tolerance string         `json:"tolerance"`
	Verdict   expect.Verdict `json:"verdict"`
	Source    string         `json:"source"`
	Detail    string         `json:"detail,omitempty"`
}

func expectationsOutput(lines []expect.Line, counts map[expect.Verdict]int) expectationsJSON {
	out := expectationsJSON{
		Verdict: expect.OK, OK: counts[expect.OK], Miss: counts[expect.Miss], Illustrative: counts[expect.Illustrative], Unconfirmed: counts[expect.Unconfirmed],
		Lines: []expectationJSON{},
	}
	if out.Miss > 0 {
		out.Verdict = expect.Miss
	}
	for _, l := range lines {
		out.Lines = append(out.Lines, expectationJSON{l.Scenario, l.ID, l.What, l.Reported, l.Measured, l.Tolerance, l.Verdict, l.Source, l.Detail})
	}
	return out
}

// scenariosJSON is the result of 'tidemark scenarios list'.
type scenariosJSON struct {
	Scenarios []scenarioJSON `json:"scenarios"`
}

type scenarioJSON struct {
	Name    string `json:"scenario"`
	Records uint64 `json:"records"`
	Checked int    `json:"expectations_checked"`
	Shown   int    `json:"expectations_shown_only"`
	Title   string `json:"title"`
}

// modelsJSON is the result of 'tidemark models list'.
type modelsJSON struct {
	Models []modelJSON `json:"models"`
	All    int         `json:"models_in_catalog"`
}

// modelJSON is a model. A fact that is not known is null.
type modelJSON struct {
	ID           string    `json:"model"`
	Weights      *factJSON `json:"weights"`
	License      *factJSON `json:"license"`
	Organization *factJSON `json:"organization"`
	Country      *factJSON `json:"country"`
	ReleaseDate  *factJSON `json:"release_date"`
}

type factJSON struct {
	Value  string `json:"value"`
	Source string `json:"source"`
}

func modelsOutput(models []catalog.Model, all int) modelsJSON {
	out := modelsJSON{Models: []modelJSON{}, All: all}
	fact := func(f catalog.Fact) *factJSON {
		if f.Value == "" {
			return nil
		}
		return &factJSON{f.Value, f.Source}
	}
	for _, m := range models {
		out.Models = append(out.Models, modelJSON{m.ID, fact(m.Weights), fact(m.License), fact(m.Organization), fact(m.Country), fact(m.ReleaseDate)})
	}
	return out
}

// priceJSON is a price of one unit.
type priceJSON struct {
	Tenant      string     `json:"tenant,omitempty"` // Empty: everybody's.
	Provider    string     `json:"provider"`
	Model       string     `json:"model"`
	Region      string     `json:"region,omitempty"`
	Tier        string     `json:"tier"`
	ContextOver uint64     `json:"context_over_tokens,omitempty"`
	Conditions  string     `json:"conditions,omitempty"` // All of them in words.
	Unit        string     `json:"unit"`
	PerMillion  string     `json:"price_per_million"` // A decimal number, exact; "?" if it is not told.
	Currency    string     `json:"currency"`
	From        *time.Time `json:"from"`
	To          *time.Time `json:"to"`
	Source      string     `json:"source"`
}

// pricesJSON is the result of 'tidemark prices list' and 'show'.
type pricesJSON struct {
	At     *time.Time  `json:"at"` // Null: any time.
	Book   uint64      `json:"book"`
	Note   string      `json:"book_note"`
	Prices []priceJSON `json:"prices"`
}

func pricesOutput(at time.Time, made prices.Made, found []prices.Price) pricesJSON {
	out := pricesJSON{At: timeJSON(at), Book: made.Number, Note: made.Note, Prices: []priceJSON{}}
	for _, p := range found {
		out.Prices = append(out.Prices, priceJSON{
			Tenant: p.Tenant, Provider: p.Provider, Model: p.Model, Region: p.Region, Tier: p.Tier, ContextOver: p.ContextOver, Conditions: p.Conditions(),
			Unit: string(p.Unit), PerMillion: p.PerMillion(), Currency: p.Currency, From: timeJSON(p.From), To: timeJSON(p.To), Source: p.Source,
		})
	}
	return out
}
