package prices

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"tidemark/schemas"
)

// genaiUnits are the fields of genai-prices that are the price of a unit that events count, in USD: of a thousand calls, else of a million tokens.
var genaiUnits = map[string]Unit{
	"input_mtok": Input, "cache_read_mtok": CacheRead, "cache_write_mtok": CacheWrite, "cache_write_1h_mtok": CacheWrite1h, "output_mtok": Output,
	"output_reasoning_mtok": Reasoning, "input_audio_mtok": InputAudio, "input_image_mtok": InputImage, "output_audio_mtok": OutputAudio,
	"output_image_mtok": OutputImage, "requests_kcount": Request,
}

// genaiSame are the fields for a part of a unit that events do not count apart: the price of the unit is right only if theirs is equal.
var genaiSame = map[string]Unit{
	"input_text_mtok": Input, "cache_text_read_mtok": CacheRead, "cache_text_write_mtok": CacheWrite, "cache_write_5m_mtok": CacheWrite,
	"cache_text_write_5m_mtok": CacheWrite, "cache_text_write_1h_mtok": CacheWrite1h, "output_text_mtok": Output,
}

// genaiNotPriced are the fields whose unit events do not count: tokens of one medium in a cache, of tools and of citations; letters, pictures,
// seconds and pages; and searches and other calls of tools, which are billed apart. The price of the tokens is right without them.
var genaiNotPriced = strings.Fields(`
	cache_audio_read_mtok cache_audio_write_mtok cache_audio_write_5m_mtok cache_audio_write_1h_mtok
	cache_image_read_mtok cache_image_write_mtok cache_image_write_5m_mtok cache_image_write_1h_mtok
	cache_video_read_mtok cache_video_write_mtok cache_video_write_5m_mtok cache_video_write_1h_mtok
	input_video_mtok output_video_mtok
	input_tool_mtok input_text_tool_mtok input_audio_tool_mtok input_image_tool_mtok input_video_tool_mtok
	output_text_reasoning_mtok output_audio_reasoning_mtok output_image_reasoning_mtok output_video_reasoning_mtok
	output_citation_mtok output_text_citation_mtok output_audio_citation_mtok output_image_citation_mtok output_video_citation_mtok
	input_mchars input_text_messages_kcount input_gpixels input_document_kpages input_annotated_document_kpages
	audio_hours input_audio_hours output_audio_hours
	rerank_searches_kcount web_searches_kcount social_searches_kcount storage_searches_kcount code_executions_kcount tool_use_kcount`)

// genaiMoney are fields of a model that are about money, or seem so; genaiRead are those that are read, or say no price.
var (
	genaiMoney = regexp.MustCompile(`pric|cost|_mtok|_kcount`)
	genaiRead  = []string{"prices", "batch_prices", "price_variants", "price_comments", "price_discrepancies", "prices_checked"}
)

// genaiProviders are the providers that genai-prices calls otherwise than OpenTelemetry and everybody else do.
var genaiProviders = map[string]string{
	"aws": "aws.bedrock", "x-ai": "x_ai", "moonshotai": "moonshot_ai", "together": "together_ai", "fireworks": "fireworks_ai",
}

// genaiProvider is what genai-prices says of a provider, as far as it is about money and names.
type genaiProvider struct {
	ID       string       `json:"id"`
	Fallback []string     `json:"fallback_model_providers"`
	Models   []genaiModel `json:"models"`
}

// genaiModel is what it says of a model. What is raw is read later, so that an error names the model.
type genaiModel struct {
	ID       string          `json:"id"`
	Match    json.RawMessage `json:"match"`
	Prices   json.RawMessage `json:"prices"`
	Batch    json.RawMessage `json:"batch_prices"`
	Variants json.RawMessage `json:"price_variants"`
	unknown  string          // A field about money that Tidemark does not know.
	names    genaiClause     // Match.
}

// UnmarshalJSON implements json.Unmarshaler.
func (m *genaiModel) UnmarshalJSON(raw []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return err
	}
	for _, name := range sortedKeys(fields) {
		if genaiMoney.MatchString(name) && !slices.Contains(genaiRead, name) {
			m.unknown = name
		}
	}
	type plain genaiModel
	return json.Unmarshal(raw, (*plain)(m))
}

// ReadGenAIPrices reads genai-prices: its data.json in any of its versions, with or without the list of units, or the YAML file of one provider. A
// price has no first instant unless the table says since which day it holds. A price of a unit that Tidemark does not know is an error.
func ReadGenAIPrices(r io.Reader) (Table, error) {
	providers, err := genaiDocument(r)
	if err != nil {
		return Table{}, err
	}
	if err := genaiCheck(providers); err != nil {
		return Table{}, err
	}
	table := Table{Source: "genai-prices"}
	seen := map[modelKey]string{}
	for _, p := range providers {
		if err := p.read(&table, seen); err != nil {
			return Table{}, fmt.Errorf("%s/%w", p.ID, err)
		}
	}
	return table, nil
}

// genaiDocument decodes the providers, whatever the form of the file.
func genaiDocument(r io.Reader) (all []genaiProvider, err error) {
	content, err := io.ReadAll(io.LimitReader(r, MaxTable))
	if err != nil {
		return nil, err
	}
	content = bytes.TrimLeft(content, " \t\r\n\ufeff")
	if !bytes.HasPrefix(content, []byte("[")) && !bytes.HasPrefix(content, []byte("{")) {
		if content, err = yamlToJSON(content); err != nil {
			return nil, err
		}
	}
	if bytes.HasPrefix(content, []byte("[")) {
		err := decode(bytes.NewReader(content), &all)
		return all, err
	}
	var one struct {
		genaiProvider
		Providers []genaiProvider `json:"providers"`
	}
	if err := decode(bytes.NewReader(content), &one); err != nil {
		return nil, err
	}
	if one.Providers != nil {
		return one.Providers, nil
	}
	if one.ID == "" || one.Models == nil {
		return nil, errors.New("it has neither providers nor models of one: it is no table of genai-prices")
	}
	return []genaiProvider{one.genaiProvider}, nil
}

// read adds the prices and names of a provider. The error is of a model.
func (p genaiProvider) read(table *Table, seen map[modelKey]string) error {
	seller, other := genaiProviders[p.ID]
	if !other {
		seller = schemas.Provider(p.ID)
	}
	if len(p.Fallback) > 0 {
		table.notTaken(p.ID, "the prices of %s, where it has none: a price is never that of another seller", strings.Join(p.Fallback, ", "))
	}
	clauses := 0
	for i := range p.Models {
		m := &p.Models[i]
		if err := json.Unmarshal(m.Match, &m.names); err != nil {
			return fmt.Errorf("%s: match: %w", m.ID, err)
		}
		if clauses += m.names.count(); clauses > maxClauses {
			return fmt.Errorf("%s: the provider has more than %d conditions of names", m.ID, maxClauses)
		}
	}
	names := make([]string, len(p.Models)) // Empty: its entry is skipped.
	for i, m := range p.Models {
		entry := p.ID + "/" + m.ID
		name, unnamed := p.name(i)
		found, reason, err := m.prices(Price{Key: Key{Provider: seller, Model: name, Tier: Standard}, Currency: "USD", Source: table.Source}, table, entry)
		if err != nil {
			return fmt.Errorf("%s: %w", m.ID, err)
		}
		if reason == "" {
			reason = unnamed
		}
		if by, known := seen[modelKey{seller, name}]; reason == "" && known {
			reason = fmt.Sprintf("%s has prices of this model too", by)
		}
		if reason == "" {
			found, reason = withoutUnknown(found, "")
		}
		if reason != "" {
			table.skip(entry, "%s", reason)
			continue
		}
		seen[modelKey{seller, name}] = entry
		names[i] = name
		table.Prices = append(table.Prices, found...)
	}
	p.aliases(table, seller, names)
	return nil
}

// genaiPriceOf is a price of one unit: a number, or one that depends on the tokens of input.
type genaiPriceOf struct {
	base  string
	tiers []genaiTier // The first threshold first.
}

type genaiTier struct {
	Start uint64      `json:"start"`
	Price json.Number `json:"price"`
}

// at returns the number for calls whose input is more tokens than a threshold.
func (p genaiPriceOf) at(over uint64) string {
	number := p.base
	for _, t := range p.tiers {
		if t.Start <= over {
			number = t.Price.String()
		}
	}
	return number
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *genaiPriceOf) UnmarshalJSON(raw []byte) error {
	var number json.Number
	if err := json.Unmarshal(raw, &number); err == nil {
		p.base = number.String()
		return nil
	}
	var tiered struct {
		Base  json.Number `json:"base"`
		Tiers []genaiTier `json:"tiers"`
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&tiered); err != nil || tiered.Base == "" {
		return fmt.Errorf("%s is neither a number nor a base with tiers", schemas.Excerpt(string(raw)))
	}
	p.base, p.tiers = tiered.Base.String(), tiered.Tiers
	slices.SortStableFunc(p.tiers, func(a, b genaiTier) int { return cmp.Compare(a.Start, b.Start) })
	if len(p.tiers) > 0 && p.tiers[0].Start == 0 {
		return errors.New("a tier begins at 0 tokens")
	}
	return nil
}

// genaiUnitPrices are prices that hold together.
type genaiUnitPrices map[Unit]genaiPriceOf

// UnmarshalJSON implements json.Unmarshaler. A field that Tidemark does not know is an error.
func (u *genaiUnitPrices) UnmarshalJSON(raw []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return err
	}
	*u = genaiUnitPrices{}
	same := genaiUnitPrices{}
	for _, name := range sortedKeys(fields) {
		unit, known := genaiUnits[name]
		into := *u
		if !known {
			unit, known = genaiSame[name]
			into = same
		}
		if string(fields[name]) == "null" || slices.Contains(genaiNotPriced, name) {
			continue
		}
		if !known {
			return &unknownUnitError{name}
		}
		var p genaiPriceOf
		if err := json.Unmarshal(fields[name], &p); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if before, twice := into[unit]; twice && !before.equal(p) {
			p = genaiPriceOf{base: NotTold}
		}
		into[unit] = p
	}
	for unit, p := range same {
		if whole, known := (*u)[unit]; !known || !whole.equal(p) {
			(*u)[unit] = genaiPriceOf{base: NotTold} // Two prices for what events count as one.
		}
	}
	return nil
}

// unknownUnitError says that a table has a price of something that Tidemark does not know.
type unknownUnitError struct{ unit string }

// Error implements error.
func (e *unknownUnitError) Error() string {
	return fmt.Sprintf("%s is a price of a unit that Tidemark does not know: take it out of the file, or get a newer Tidemark", schemas.Excerpt(e.unit))
}

func (p genaiPriceOf) equal(q genaiPriceOf) bool {
	return p.base == q.base && slices.Equal(p.tiers, q.tiers)
}

// thresholds adds the thresholds of the prices to a set.
func (u genaiUnitPrices) thresholds(into map[uint64]bool) {
	for _, p := range u {
		for _, t := range p.tiers {
			into[t.Start] = true
		}
	}
}

// over returns the prices with others in their place, where those have one.
func (u genaiUnitPrices) over(others genaiUnitPrices) genaiUnitPrices {
	all := maps.Clone(u)
	maps.Copy(all, others)
	return all
}

// rows returns the prices as rows of a book, at each threshold: a unit without a threshold of its own keeps its price.
func (u genaiUnitPrices) rows(base Price, thresholds map[uint64]bool) (found []Price, reason string) {
	for _, over := range append([]uint64{0}, slices.Sorted(maps.Keys(thresholds))...) {
		for _, unit := range Units {
			of, known := u[unit]
			if !known {
				continue
			}
			p := base
			p.Unit, p.ContextOver, p.Per = unit, over, 1_000_000
			if unit == Request {
				p.Per = 1000
			}
			p, _, reason = priced(p, of.at(over))
			if reason != "" {
				return nil, reason
			}
			found = append(found, p)
		}
	}
	return found, ""
}
