package pricing

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/spans"
	"tidemark/schemas"
	"tidemark/schemas/prices"
)

// periodsSQL lists the periods, the one made last first.
var periodsSQL = fmt.Sprintf("SELECT made, toInt32(%s), toInt32(%s), toString(tenant), toUInt64(book), toString(reason) FROM "+schemas.PricePeriodsTable+" FINAL ORDER BY made DESC, tenant DESC, book DESC, from_bucket, to_bucket",
	spans.MinuteSQL("from_bucket"), spans.MinuteSQL("to_bucket"))

// SelectSQL returns a query for what groups of calls cost, of a query for rows of raw with Columns: start, the first minute of the hour, the dimensions of
// the rollups of costs, and their measures by name. Several of its rows may have equal dimensions.
func (p *Plan) SelectSQL(rows string) string {
	price := func(units ...prices.Unit) string {
		terms := make([]string, len(units))
		for i, u := range units {
			terms[i] = fmt.Sprintf("toInt128(%s) * ifNull(prices[%d], 0)", quantity(u), 1+place(u))
		}
		return strings.Join(terms, " + ")
	}
	var unpriced, saved, all []string
	for _, u := range prices.KindUnits() {
		if u == prices.Request {
			continue
		}
		all = append(all, quantity(u))
		unpriced = append(unpriced, fmt.Sprintf("if(isNull(prices[%d]), %s, 0)", 1+place(u), quantity(u)))
		if u == prices.CacheRead || u == prices.CacheWrite || u == prices.CacheWrite1h {
			saved = append(saved, fmt.Sprintf("toInt128(%s) * ifNull(uncached - prices[%d], 0)", quantity(u), 1+place(u)))
		}
	}
	cost := strings.Join(schemas.CostParts, " + ")
	compared := fmt.Sprintf("reason = '' AND bitTest(kind, %d) AND cost_currency = currency", toldBit)
	return fmt.Sprintf(`SELECT start, tenant, product, provider, model, currency, if(found, why, '%[1]s') AS reason, book, %[15]s AS calls, n_records AS records, `+
		`%[2]s + misfits AS tokens, %[3]s + misfits AS unpriced_tokens, `+
		`%[4]s AS input_cost_picos, %[5]s AS cache_read_cost_picos, %[6]s AS cache_write_cost_picos, %[7]s AS output_cost_picos, %[8]s AS reasoning_cost_picos, %[9]s AS request_cost_picos, `+
		`if(bitTest(kind, %[10]d), %[11]s, 0) AS at_most_cost_picos, %[12]s AS cache_saved_picos, `+
		`if(%[13]s, %[15]s, 0) AS compared_calls, if(%[13]s, %[11]s, 0) AS compared_cost_picos, if(%[13]s, n_told, 0) AS compared_reported_picos FROM (%[14]s)`,
		Unresolved, strings.Join(all, " + "), strings.Join(unpriced, " + "),
		price(prices.Input, prices.InputAudio, prices.InputImage), price(prices.CacheRead), price(prices.CacheWrite, prices.CacheWrite1h),
		price(prices.Output, prices.OutputAudio, prices.OutputImage), price(prices.Reasoning), price(prices.Request),
		atMostBit, cost, strings.Join(saved, " + "), compared, p.joinedSQL(rows, true), quantity(prices.Request))
}

// ChargesSQL returns a query for what each class of tokens of a query's rows cost: tenant, product, provider, model, tier, region, the threshold of the
// price, the unit, the price of one in picos, the currency, the book, and how many there were. What has no price is left out.
func (p *Plan) ChargesSQL(rows string) string {
	var names, quantities []string
	for _, u := range prices.KindUnits() {
		names, quantities = append(names, schemas.Quote(string(u))), append(quantities, quantity(u))
	}
	return fmt.Sprintf(`SELECT toString(tenant), toString(product), toString(provider), toString(model), toString(served), toString(region), threshold, charge.1 AS unit, assumeNotNull(charge.2) AS picos, toString(currency), toUInt64(book), `+
		`toString(sum(charge.3)) FROM (%s) ARRAY JOIN arrayZip([%s], prices, [%s]) AS charge WHERE found AND charge.3 > 0 AND isNotNull(charge.2) GROUP BY tenant, product, provider, model, served, region, threshold, unit, picos, currency, book ORDER BY ALL`,
		p.joinedSQL(rows, true), strings.Join(names, ", "), strings.Join(quantities, ", "))
}

// The bits of calls whose classes of tokens are not known exactly, and of those that report a cost. No price depends on them.
const (
	atMostBit = 20
	toldBit   = 21
)

// quantity is the column of groups that has how many of a unit the calls have, and place its bit.
func quantity(u prices.Unit) string { return "q" + strconv.Itoa(place(u)) }

func place(u prices.Unit) int {
	for i, one := range prices.KindUnits() {
		if one == u {
			return i
		}
	}
	return -1
}

// joinedSQL joins groups with their rates, with or without the sums of their calls. Of the rates of a key it takes the last one that begins before the group, which
// is found only if it has not ended: the rate of the group may not have been made yet.
func (p *Plan) joinedSQL(rows string, sums bool) string {
	return fmt.Sprintf(`SELECT g.*, r.found AND g.at < r.to_minute AS found, r.rate_currency AS currency, r.rate_reason AS why, r.prices AS prices, r.uncached AS uncached, r.threshold AS threshold FROM (%s) AS g LEFT ASOF JOIN (%s) AS r `+
		`ON g.book = r.rate_book AND g.negotiated = r.rate_tenant AND g.provider = r.rate_provider AND g.model = r.rate_model AND g.served = r.rate_tier AND g.region = r.rate_region `+
		`AND g.over = r.context_over AND g.rated = r.rate_kind AND g.at >= r.from_minute`, p.groupsSQL(rows, sums), p.ratesSQL())
}

// ratesSQL lists the rates of the range. Rates of one key that both begin before it cannot both reach into it.
func (p *Plan) ratesSQL() string {
	numbers := make([]string, len(p.books))
	for i, b := range p.books {
		numbers[i] = strconv.FormatUint(b.Number, 10)
	}
	return fmt.Sprintf(`SELECT true AS found, book AS rate_book, tenant AS rate_tenant, provider AS rate_provider, model AS rate_model, tier AS rate_tier, region AS rate_region, context_over, kind AS rate_kind, from_minute, to_minute, `+
		`currency AS rate_currency, reason AS rate_reason, prices, uncached, threshold FROM `+schemas.PriceRatesTable+` FINAL WHERE book IN (%s) AND from_minute < %d AND to_minute > %d`,
		strings.Join(numbers, ", "), p.To, p.From)
}

// groupsSQL groups calls by all that a price depends on. Few calls have tokens of audio or images, and to look for them costs a third of all: where a Plan was asked to
// look and found some, these calls are apart, and where it found none they are left out.
func (p *Plan) groupsSQL(rows string, sums bool) string {
	var grouped string
	switch p.parts {
	case partsUnknown:
		grouped = p.groupedSQL(rows, true, sums)
	case partsFound:
		grouped = p.groupedSQL("SELECT * FROM ("+rows+") WHERE NOT ("+saysParts+")", false, sums) + " UNION ALL " + p.groupedSQL("SELECT * FROM ("+rows+") WHERE "+saysParts, true, sums)
	case partsNone:
		grouped = p.groupedSQL(rows, false, sums)
	}
	return fmt.Sprintf("SELECT *, if(service_tier = '', '%s', service_tier) AS served, %s AS book, %s AS negotiated, toUInt32(bitAnd(kind, %d)) AS rated FROM (%s)",
		prices.Standard, p.bookSQL(), p.negotiatedSQL(), prices.KindsOfRates, grouped)
}

// groupedSQL groups calls that may say something of audio or images, or those that do not, with or without their sums.
func (p *Plan) groupedSQL(rows string, parts, sums bool) string {
	classes := classesSQL
	units := units
	misfits := "toUInt128(0)"
	if parts {
		classes = append(slices.Clone(classesSQL), partsSQL()...)
		misfits = "sum(toUInt128((if(x_input_audio, u_input, 0) + if(x_input_image, rest_input_audio, 0) + if(x_output_audio, u_output, 0) + if(x_output_image, rest_output_audio, 0)) * weight))"
	} else {
		units = maps.Clone(units)
		units[prices.Input], units[prices.Output] = "u_input", "u_output"
		for _, u := range prices.Parts() {
			delete(units, u)
		}
	}
	return fmt.Sprintf(`SELECT minute - positiveModulo(minute, 60) AS start, %s AS part, tenant, product, provider, model, service_tier, region, %s AS over, %s AS kind, cost_currency, min(minute) AS at%s `+
		`FROM (SELECT *, %s FROM (%s)) GROUP BY start, part, tenant, product, provider, model, service_tier, region, over, kind, cost_currency`,
		p.partSQL(), p.overSQL(), p.kindSQL(units, parts), sumsSQL(units, misfits, sums), strings.Join(classes, ", "), rows)
}

// sumsSQL are the sums of a group; empty if they are not wanted.
func sumsSQL(units map[prices.Unit]string, misfits string, wanted bool) string {
	if !wanted {
		return ""
	}
	all := ", count() AS n_records, " + misfits + " AS misfits, sum((toInt128(ifNull(reported_cost_nanos, 0)) * 1000 + reported_cost_picos) * weight) AS n_told"
	for _, u := range prices.KindUnits() {
		if units[u] == "" {
			all += ", toUInt128(0) AS " + quantity(u)
		} else {
			all += fmt.Sprintf(", sum(toUInt128(%s * weight)) AS %s", units[u], quantity(u))
		}
	}
	return all
}

// ManyRows is from how many rows of raw on LookForParts is worth its query.
const ManyRows = 50_000

// LookForParts finds out whether any of the rows says something of audio or images.
func (p *Plan) LookForParts(ctx context.Context, db ledgerdb.Querier, rows string) error {
	var found uint64
	err := db.Query(ctx, "SELECT count() FROM (SELECT 1 FROM ("+rows+") WHERE "+saysParts+" LIMIT 1)", func(scan func(...any) error) error { return scan(&found) })
	if err != nil {
		return fmt.Errorf("look for audio and images: %w", err)
	}
	if p.parts = partsNone; found > 0 {
		p.parts = partsFound
	}
	return nil
}

// saysParts is the condition that a call says something of audio or images.
const saysParts = "isNotNull(input_audio) OR isNotNull(input_image) OR isNotNull(output_audio) OR isNotNull(output_image)"

// units are the expressions for how many of each unit a call has.
var units = map[prices.Unit]string{
	prices.InputAudio: "u_input_audio", prices.InputImage: "u_input_image", prices.OutputAudio: "u_output_audio", prices.OutputImage: "u_output_image",
	prices.Input: "rest_input_image", prices.CacheRead: "u_read", prices.CacheWrite: "(u_write - u_hour)", prices.CacheWrite1h: "u_hour",
	prices.Output: "rest_output_image", prices.Reasoning: "u_reasoning", prices.Request: "ifNull(requests, 1)",
}

// classesSQL are the classes of tokens of a call, 0 where they are not known.
var classesSQL = []string{
	"ifNull(input_uncached, 0) AS u_input", "ifNull(input_cache_read, 0) AS u_read", "ifNull(input_cache_write, 0) AS u_write", "least(ifNull(cache_write_1h, 0), u_write) AS u_hour",
	"ifNull(output_visible, 0) AS u_output", "ifNull(output_reasoning, 0) AS u_reasoning",
}

// partsSQL takes the parts of input and output, audio and then images, out of the class that is neither cached nor reasoning. A part that is more than
// what is left does not fit: nobody knows where it belongs, and what is left has no price.
func partsSQL() []string {
	var all []string
	for _, p := range []struct{ name, of string }{{"input_audio", "u_input"}, {"input_image", "rest_input_audio"}, {"output_audio", "u_output"}, {"output_image", "rest_output_audio"}} {
		all = append(all, fmt.Sprintf("ifNull(%[1]s, 0) > %[2]s AS x_%[1]s, if(x_%[1]s, 0, ifNull(%[1]s, 0)) AS u_%[1]s, if(x_%[1]s, 0, %[2]s - u_%[1]s) AS rest_%[1]s", p.name, p.of))
	}
	return all
}

// overSQL is the highest threshold that the input of a call exceeds, or 0.
func (p *Plan) overSQL() string {
	thresholds := union(p.books, (*prices.Book).Thresholds)
	if len(thresholds) == 0 {
		return "toUInt64(0)"
	}
	var conditions []string
	for _, threshold := range slices.Backward(thresholds) {
		conditions = append(conditions, fmt.Sprintf("u_input + u_read + u_write > %[1]d, toUInt64(%[1]d)", threshold))
	}
	return "multiIf(" + strings.Join(conditions, ", ") + ", toUInt64(0))"
}

// partSQL tells the parts of an hour apart between which prices change.
func (p *Plan) partSQL() string {
	sql := "toUInt8(0)"
	for _, minute := range union(p.books, func(b *prices.Book) []int { return b.Edges(spans.TimeOf(p.From), spans.TimeOf(p.To)) }) {
		sql += fmt.Sprintf(" + (positiveModulo(minute, 60) >= %d)", minute)
	}
	return "toUInt8(" + sql + ")"
}

// kindSQL is the kind of a call, see prices.Kind.
func (p *Plan) kindSQL(units map[prices.Unit]string, parts bool) string {
	bit := func(condition string, bit prices.Kind) string {
		return fmt.Sprintf("if(%s, %d, 0)", condition, bit)
	}
	apart := slices.ContainsFunc(p.books, (*prices.Book).ReasoningApart)
	var bits []string
	for _, u := range prices.KindUnits() {
		switch {
		case units[u] == "":
		case u == prices.Output && !apart:
			bits = append(bits, bit(units[u]+" > 0 OR "+units[prices.Reasoning]+" > 0", prices.KindOf(u)))
		case u != prices.Reasoning || apart:
			bits = append(bits, bit(units[u]+" > 0", prices.KindOf(u)))
		}
	}
	if parts {
		bits = append(bits, bit("x_input_audio AND u_input > 0", prices.Exceeds(prices.InputAudio)), bit("x_input_image AND rest_input_audio > 0", prices.Exceeds(prices.InputImage)),
			bit("x_output_audio AND u_output > 0", prices.Exceeds(prices.OutputAudio)), bit("x_output_image AND rest_output_audio > 0", prices.Exceeds(prices.OutputImage)))
	}
	bits = append(bits,
		bit("status != 'error' AND (isNull(input_uncached) AND isNull(input_cache_read) AND isNull(input_cache_write) OR isNull(output_visible) AND isNull(output_reasoning) AND operation NOT IN ('embeddings', 'rerank'))", prices.KindNoUsage),
		bit("ifNull(requests, 1) > 1", prices.KindSeveral),
		bit("split IN ('upper_bound', 'none')", 1<<atMostBit), bit("isNotNull(reported_cost_nanos)", 1<<toldBit))
	return "toUInt32(" + strings.Join(bits, " + ") + ")"
}

// bookSQL is the number of the book that prices a group: that of the period made last.
func (p *Plan) bookSQL() string {
	var conditions []string
	rest := uint64(0)
	for _, period := range p.periods {
		within := []string{}
		if period.From > p.From {
			within = append(within, fmt.Sprintf("start >= %d", period.From))
		}
		if period.To < p.To {
			within = append(within, fmt.Sprintf("start < %d", period.To))
		}
		if period.Tenant != "" {
			within = append(within, "tenant = "+schemas.Quote(period.Tenant))
		}
		if len(within) == 0 {
			rest = period.Book
			break
		}
		conditions = append(conditions, strings.Join(within, " AND ")+fmt.Sprintf(", %d", period.Book))
	}
	if len(conditions) == 0 {
		return fmt.Sprintf("toUInt32(%d)", rest)
	}
	return fmt.Sprintf("toUInt32(multiIf(%s, %d))", strings.Join(conditions, ", "), rest)
}

// negotiatedSQL is the tenant of a group if it has prices of its own.
func (p *Plan) negotiatedSQL() string {
	tenants := union(p.books, (*prices.Book).Negotiated)
	if len(tenants) == 0 {
		return "''"
	}
	return "if(tenant IN (" + schemas.QuoteAll(tenants) + "), tenant, '')"
}

// missingSQL lists what has no rate yet, in the form that Resolve reads.
func (p *Plan) missingSQL(rows, settings string) string {
	return fmt.Sprintf("SELECT DISTINCT toUInt64(book), toString(negotiated), toString(provider), toString(model), toString(served), toString(region), over, toUInt64(rated), toInt32(at) FROM (%s) WHERE NOT found SETTINGS %s",
		p.joinedSQL(rows, false), settings)
}

// insertRatesSQL saves rates.
func insertRatesSQL(rates []rateOf) string {
	rows := make([]string, len(rates))
	for i := range rates {
		rows[i] = rates[i].sql()
	}
	return "INSERT INTO " + schemas.PriceRatesTable + " (book, tenant, provider, model, tier, region, context_over, kind, from_minute, to_minute, threshold, currency, reason, prices, uncached) VALUES " + strings.Join(rows, ", ")
}

// sql is the row of the rate.
func (r *rateOf) sql() string {
	s := r.minutes()
	return fmt.Sprintf("(%d, %s, %d, %d, %d, %d, %d, %s, %s, %s)", r.book, schemas.QuoteAll([]string{r.Tenant, r.Provider, r.Model, r.Tier, r.Region}), r.Over, r.Kind, s.From, s.To, r.Threshold,
		schemas.QuoteAll([]string{r.Currency, string(r.Reason)}), r.list(), picos(r.Uncached))
}

// list are the prices as an array of the database.
func (r *rateOf) list() string {
	all := make([]string, len(r.Prices))
	for i, p := range r.Prices {
		all[i] = picos(p)
	}
	return "[" + strings.Join(all, ",") + "]"
}

func picos(p *prices.Picos) string {
	if p == nil {
		return "NULL"
	}
	return strconv.FormatInt(int64(*p), 10)
}

// says is what the rate says, as storedRatesSQL writes it.
func (r *rateOf) says() string {
	s := r.minutes()
	return fmt.Sprintf("%d to %d over %d: %s %s %s uncached %s", s.From, s.To, r.Threshold, r.Currency, r.Reason, r.list(), picos(r.Uncached))
}

// storedRatesSQL lists the rates by book: what each is of, and what it says, as rateOf.says writes it.
const storedRatesSQL = "SELECT toUInt64(book), toString(tenant), toString(provider), toString(model), toString(tier), toString(region), context_over, toUInt64(kind), from_minute, " +
	"concat(toString(from_minute), ' to ', toString(to_minute), ' over ', toString(threshold), ': ', currency, ' ', reason, ' ', toString(prices), ' uncached ', ifNull(toString(uncached), 'NULL')) FROM " + schemas.PriceRatesTable + " FINAL ORDER BY ALL"
