package billing

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"tidemark/schemas"
)

// Import is a report as it is stored.
type Import struct {
	ID           uint64 // Chosen at random.
	Source       string
	Account      string
	Provider     string // Whose rows it is about; empty: all.
	Format       string
	File, SHA256 string // Name, and hash of the content in hex.
}

// Stored is an import and one of the periods that it is about.
type Stored struct {
	Import
	Kind       Kind
	Span       Span
	ImportedAt time.Time
}

// importColumns are the columns of billing_imports beside imported_at, and usageColumns those of billing_usage.
var (
	importColumns = []string{"import_id", "source", "account", "kind", "provider", "period_from", "period_to", "format", "file", "sha256"}
	usageColumns  = append(slices.Clone(keyColumns), numberColumns...)
	keyColumns    = []string{"import_id", "source", "account", "kind", "period_from", "period_to", "provider", "project", "model", "line", "currency"}
	numberColumns = []string{"input_tokens", "input_uncached", "input_cache_read", "input_cache_write", "output_tokens", "requests", "cost_picos"}
)

// rowsPerStatement bounds a statement of InsertSQL.
const rowsPerStatement = 1000

// InsertSQL returns the statements that store a report: observations first, and at last the import with its periods, in one statement, so that an
// interrupted import counts for nothing. Each may be run again.
func InsertSQL(in Import, r Report) []string {
	rows := make([]string, len(r.Observations))
	for i, o := range r.Observations {
		rows[i] = observationRow(in, o)
	}
	var all []string
	for some := range slices.Chunk(rows, rowsPerStatement) {
		all = append(all, insert(schemas.BillingUsageTable, usageColumns, some))
	}
	var periods []string
	for _, kind := range []Kind{Usage, Cost} {
		for _, s := range r.Covered[kind] {
			periods = append(periods, fmt.Sprintf("(%d, %s, %d, %d, %s)", in.ID, schemas.QuoteAll([]string{in.Source, in.Account, string(kind), in.Provider}),
				s.From.Unix(), s.To.Unix(), schemas.QuoteAll([]string{in.Format, in.File, in.SHA256})))
		}
	}
	return append(all, insert(schemas.BillingImportsTable, importColumns, periods))
}

func insert(table string, columns, rows []string) string {
	return "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES " + strings.Join(rows, ", ")
}

func observationRow(in Import, o Observation) string {
	cost := "NULL"
	if o.Cost != nil {
		cost = "toInt128('" + o.Cost.String() + "')"
	}
	cells := []string{
		strconv.FormatUint(in.ID, 10), schemas.QuoteAll([]string{in.Source, in.Account, string(o.Kind)}), fmt.Sprint(o.From.Unix()), fmt.Sprint(o.To.Unix()),
		schemas.QuoteAll([]string{o.Provider, o.Project, o.Model, o.Line, o.Currency}),
		orNull(o.Tokens.Input), orNull(o.Tokens.Uncached), orNull(o.Tokens.CacheRead), orNull(o.Tokens.CacheWrite), orNull(o.Tokens.Output), orNull(o.Requests), cost,
	}
	return "(" + strings.Join(cells, ", ") + ")"
}

func orNull(n *uint64) string {
	if n == nil {
		return "NULL"
	}
	return strconv.FormatUint(*n, 10)
}

// countedSQL is CountedTemplate without braces.
func countedSQL() string {
	return strings.NewReplacer("{@", "", "{", "", "}", "").Replace(CountedTemplate())
}

// CountedTemplate is a subquery for the observations that count: of each period, those of the newest import that is about it. Rows and periods that were
// inserted twice count once. Its columns are those of billing_usage, and imported_at. Names of tables and columns stand in braces, as dashboards check them.
func CountedTemplate() string {
	keys, cells := make([]string, len(keyColumns)), make([]string, 0, len(usageColumns))
	for i, c := range keyColumns {
		keys[i] = "{" + c + "}"
		cells = append(cells, "u."+keys[i]+" AS "+keys[i])
	}
	for _, c := range numberColumns {
		cells = append(cells, "any(u.{"+c+"}) AS {"+c+"}") // any of a Nullable skips nulls, and rows of one key are equal.
	}
	const imports = "SELECT {import_id} AS id, {source}, {account}, {kind}, {provider} AS whose, {period_from} AS first, {period_to} AS last, min({imported_at}) AS at FROM {@" +
		schemas.BillingImportsTable + "} GROUP BY ALL"
	return "(SELECT " + strings.Join(cells, ", ") + ", minIf(i.at, i.id = u.{import_id}) AS {imported_at} FROM {@" + schemas.BillingUsageTable +
		"} AS u INNER JOIN (" + imports + ") AS i ON u.{source} = i.{source} AND u.{account} = i.{account} AND u.{kind} = i.{kind}" +
		" WHERE (i.whose = '' OR i.whose = u.{provider}) AND i.first < u.{period_to} AND i.last > u.{period_from}" +
		" GROUP BY " + strings.Join(keys, ", ") + " HAVING argMax(i.id, (i.at, i.id)) = {import_id})"
}

// ImportsSQL returns the query for the periods of all imports, read by ReadStored, the latest import first.
func ImportsSQL() string {
	return "SELECT import_id, toString(source), account, toString(kind), toString(provider), toInt64(toUnixTimestamp(period_from)), toInt64(toUnixTimestamp(period_to)), toString(format), file," +
		" sha256, toUnixTimestamp64Micro(min(imported_at)) AS at FROM " + schemas.BillingImportsTable +
		" GROUP BY import_id, source, account, kind, provider, period_from, period_to, format, file, sha256 ORDER BY at DESC, import_id, kind, period_from"
}

// ReadStored makes a period of an import of one row of ImportsSQL.
func ReadStored(scan func(dest ...any) error) (Stored, error) {
	var s Stored
	var kind string
	var from, to, at int64
	if err := scan(&s.ID, &s.Source, &s.Account, &kind, &s.Provider, &from, &to, &s.Format, &s.File, &s.SHA256, &at); err != nil {
		return s, fmt.Errorf("read an import of a provider's file: %w", err)
	}
	s.Kind, s.Span, s.ImportedAt = Kind(kind), Span{time.Unix(from, 0).UTC(), time.Unix(to, 0).UTC()}, time.UnixMicro(at).UTC()
	return s, nil
}

// Scope is what is looked at. Empty texts are all.
type Scope struct {
	Span
	Source, Account, Provider string
}

// conditions are those on observations that touch the scope.
func (s Scope) conditions() string {
	sql := fmt.Sprintf("period_from < toDateTime64(%d, 0, 'UTC') AND period_to > toDateTime64(%d, 0, 'UTC')", s.To.Unix(), s.From.Unix())
	for _, c := range []struct{ column, value string }{{"source", s.Source}, {"account", s.Account}, {"provider", s.Provider}} {
		if c.value != "" {
			sql += " AND " + c.column + " = " + schemas.Quote(c.value)
		}
	}
	return sql
}

// Theirs is a sum of observations that count.
type Theirs struct {
	Source, Account string
	Kind            Kind
	Span            Span
	Provider, Model string
	Currency        string
	Cost            *big.Int // Nil for usage.
	Tokens          ClassSums
	Requests        *big.Int // Nil if not told.
	Rows            uint64
	ImportedAt      time.Time // The oldest.
}

// CountedSQL returns the query for what others say of a time, summed by period, provider, model and currency, read by ReadTheirs.
func CountedSQL(s Scope) string {
	var sums []string
	for _, c := range numberColumns {
		// A sum of which a part is not told is not told.
		sums = append(sums, fmt.Sprintf("if(count() = count(%[1]s), toString(sum(to%[2]s(%[1]s))), '')", c, map[bool]string{true: "Int256", false: "UInt128"}[c == "cost_picos"]))
	}
	return "SELECT toString(source), account, toString(kind), toInt64(toUnixTimestamp(period_from)), toInt64(toUnixTimestamp(period_to)), toString(provider), toString(model), toString(currency), " +
		strings.Join(sums, ", ") + ", count(), toUnixTimestamp64Micro(min(imported_at)) FROM " + countedSQL() + " WHERE " + s.conditions() +
		" GROUP BY source, account, kind, period_from, period_to, provider, model, currency ORDER BY source, account, kind, period_from, period_to, provider, model, currency"
}

// ReadTheirs makes a sum of one row of CountedSQL.
func ReadTheirs(scan func(dest ...any) error) (Theirs, error) {
	var t Theirs
	var kind string
	var from, to, at int64
	numbers := make([]string, len(numberColumns))
	dest := []any{&t.Source, &t.Account, &kind, &from, &to, &t.Provider, &t.Model, &t.Currency}
	for i := range numbers {
		dest = append(dest, &numbers[i])
	}
	if err := scan(append(dest, &t.Rows, &at)...); err != nil {
		return t, fmt.Errorf("read what a provider says: %w", err)
	}
	t.Kind, t.Span, t.ImportedAt = Kind(kind), Span{time.Unix(from, 0).UTC(), time.Unix(to, 0).UTC()}, time.UnixMicro(at).UTC()
	into := []**big.Int{&t.Tokens.Input, &t.Tokens.Uncached, &t.Tokens.CacheRead, &t.Tokens.CacheWrite, &t.Tokens.Output, &t.Requests, &t.Cost}
	for i, text := range numbers {
		if text == "" {
			continue
		}
		n, ok := new(big.Int).SetString(text, 10)
		if !ok {
			return t, fmt.Errorf("read what a provider says: %s is not a number", schemas.Excerpt(text))
		}
		*into[i] = n
	}
	return t, nil
}

// Touched is what an import would replace.
type Touched struct {
	Rows, Cut uint64 // Rows that count now; those of them that the import covers in part.
	CutSpan   string // One of those.
}

// TouchedSQL returns the query for what an import replaces in one of its periods, read by ReadTouched.
func TouchedSQL(in Import, kind Kind, s Span) string {
	scope := Scope{Span: s, Source: in.Source, Provider: in.Provider}
	cut := fmt.Sprintf("period_from < toDateTime64(%d, 0, 'UTC') OR period_to > toDateTime64(%d, 0, 'UTC')", s.From.Unix(), s.To.Unix())
	return "SELECT count(), countIf(" + cut + "), anyIf(concat(toString(period_from), ' to ', toString(period_to)), " + cut + ") FROM " + countedSQL() +
		" WHERE " + scope.conditions() + " AND account = " + schemas.Quote(in.Account) + " AND kind = " + schemas.Quote(string(kind))
}

// ReadTouched reads the row of TouchedSQL.
func ReadTouched(scan func(dest ...any) error) (t Touched, err error) {
	if err := scan(&t.Rows, &t.Cut, &t.CutSpan); err != nil {
		return t, fmt.Errorf("read what an import replaces: %w", err)
	}
	return t, nil
}

// CountedRowsSQL returns the query for how many rows of each import count, and how many it has.
func CountedRowsSQL() string {
	return "SELECT import_id, sum(counts), sum(has) FROM (SELECT import_id, count() AS counts, 0 AS has FROM " + countedSQL() +
		" GROUP BY import_id UNION ALL SELECT import_id, 0, uniqExact(" + strings.Join(keyColumns[3:], ", ") + ") FROM " + schemas.BillingUsageTable + " GROUP BY import_id) GROUP BY import_id"
}
