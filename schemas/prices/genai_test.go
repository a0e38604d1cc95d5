package prices

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// genaiTable reads a table of one provider, a.
func genaiTable(t *testing.T, models string) Table {
	t.Helper()
	table, err := ReadGenAIPrices(strings.NewReader(`[{"id": "a", "models": [` + models + `]}]`))
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func notTaken(t Table) string {
	var lines []string
	for _, s := range t.NotTaken {
		lines = append(lines, s.Entry+": "+s.Reason)
	}
	return strings.Join(lines, "\n")
}

func named(t Table) string {
	var lines []string
	for _, a := range t.Aliases {
		lines = append(lines, fmt.Sprintf("%s %s %s of %s", a.Kind, a.Pattern, a.Model, a.Provider))
	}
	return strings.Join(lines, "\n")
}

func TestReadGenAIPrices(t *testing.T) {
	table := genaiTable(t, `
		{"id": "tiers", "match": {"equals": "tiers"}, "prices": {"input_mtok": {"base": 1, "tiers": [{"start": 500000, "price": 3}, {"start": 200000, "price": 2}]},
			"output_mtok": {"base": 3, "tiers": [{"start": 200000, "price": 5}]}, "cache_read_mtok": null, "requests_kcount": 12.5, "web_searches_kcount": 10}},
		{"id": "days", "match": {"equals": "days"}, "prices": [{"prices": {"input_mtok": 1.50, "cache_write_1h_mtok": 3}}, {"constraint": {"start_date": "2026-02-01"}, "prices": {"input_mtok": 2}}]},
		{"id": "hours", "match": {"equals": "hours"}, "prices": [{"prices": {"input_mtok": 1, "output_mtok": 4, "output_reasoning_mtok": 5, "cache_read_mtok": 0.5}},
			{"constraint": {"start_time": "00:30:00+08:00", "end_time": "00:30:00Z"}, "prices": {"input_mtok": 2, "output_mtok": 8}}]},
		{"id": "hourly", "match": {"equals": "hourly"}, "prices": [{"prices": {"input_mtok": 1}}, {"constraint": {"start_time": "00:30:00Z", "end_time": "16:30:00Z"}, "prices": {"input_mtok": {"base": 2, "tiers": [{"start": 5, "price": 3}]}}}]},
		{"id": "first", "match": {"equals": "first"}, "prices": [{"constraint": {"start_date": "2026-02-01"}, "prices": {"input_mtok": 7}}, {"constraint": {"start_date": "2026-03-01"}, "prices": {"input_mtok": 8}}]},
		{"id": "batch", "match": {"equals": "batch"}, "prices": {"input_mtok": 10, "output_mtok": 20}, "batch_prices": {"input_mtok": 5},
			"price_variants": [{"when": {"service_tier": ["priority", "fast"]}, "constraint": {"start_date": "2026-02-01"}, "prices": {"output_mtok": 40}},
			{"when": {"service_tier": "default"}, "prices": {}}, {"when": {"route": "eu"}, "prices": {"input_mtok": 11}}]},
		{"id": "text", "match": {"equals": "text"}, "prices": {"input_mtok": 5, "input_text_mtok": 5, "output_mtok": 9, "output_text_mtok": 8, "cache_write_5m_mtok": 6}},
		{"id": "free", "match": {"equals": "free"}, "prices": {}},
		{"id": "hall", "match": {"equals": "hall"}, "prices": {"audio_hours": 0.2}},
		{"id": "fine", "match": {"equals": "fine"}, "prices": {"input_mtok": 0.0416666666666667}},
		{"id": "clash", "match": {"equals": "clash"}, "prices": [{"prices": {"input_mtok": 1}}, {"constraint": {"start_time": "01:00:00Z", "end_time": "03:00:00Z"}, "prices": {"input_mtok": 2}},
			{"constraint": {"start_time": "02:00:00Z", "end_time": "04:00:00Z"}, "prices": {"input_mtok": 3}}]}`)
	compareText(t, "prices", listed(table.Prices), `
a tiers input 0.000001 USD
a tiers output 0.000003 USD
a tiers request 0.0125 USD
a tiers input over 200000 tokens 0.000002 USD
a tiers output over 200000 tokens 0.000005 USD
a tiers request over 200000 tokens 0.0125 USD
a tiers input over 500000 tokens 0.000003 USD
a tiers output over 500000 tokens 0.000005 USD
a tiers request over 500000 tokens 0.0125 USD
a days input 0.0000015 USD any time..2026-02-01T00:00:00Z
a days cache_write_1h 0.000003 USD any time..2026-02-01T00:00:00Z
a days input 0.000002 USD 2026-02-01T00:00:00Z..any time
a hours input 0.000001 USD
a hours cache_read 0.0000005 USD
a hours output 0.000004 USD
a hours reasoning 0.000005 USD
a hours input 16:30 to 00:30 0.000002 USD
a hours cache_read 16:30 to 00:30 0 USD
a hours output 16:30 to 00:30 0.000008 USD
a hours reasoning 16:30 to 00:30 0.000008 USD
a hourly input 0.000001 USD
a hourly input over 5 tokens 0.000001 USD
a hourly input 00:30 to 16:30 0.000002 USD
a hourly input over 5 tokens 00:30 to 16:30 0.000003 USD
a first input 0.000007 USD any time..2026-02-01T00:00:00Z
a first input 0.000007 USD 2026-02-01T00:00:00Z..2026-03-01T00:00:00Z
a first input 0.000008 USD 2026-03-01T00:00:00Z..any time
a batch input 0.00001 USD
a batch output 0.00002 USD
a batch input batch 0.000005 USD
a batch output batch 0.00002 USD
a batch input priority 0.00001 USD 2026-02-01T00:00:00Z..any time
a batch output priority 0.00004 USD 2026-02-01T00:00:00Z..any time
a text input 0.000005 USD
a text cache_write 0 USD
a text output 0 USD`)
	for _, p := range table.Prices {
		if p.Picos == 0 && p.Published != NotTold {
			t.Errorf("%s is %s", p.Name(), p.Published)
		}
	}
	compareText(t, "skipped", skips(table), `
a/free: it has no price of tokens
a/hall: it has no price of tokens
a/fine: input: the price 0.0416666666666667 per 1000000 is finer than 1e-12 of the currency per unit
a/clash: it has two prices for one time of day`)
	compareText(t, "not taken", notTaken(table), `
a/batch: the prices of "fast": no call tells it
a/batch: the prices of "route \"eu\"": no call tells it`)
	if table.Dated || table.Source != "genai-prices" {
		t.Errorf("%+v", table)
	}
	if _, err := New(1, table.Prices, table.Aliases); err != nil {
		t.Error(err)
	}
}

func TestGenAINames(t *testing.T) {
	table := genaiTable(t, `
		{"id": "gpt", "match": {"or": [{"equals": "gpt"}, {"equals": "gpt-latest"}, {"starts_with": "gpt-"}, {"or": [{"starts_with": "old-gpt-"}]}]}, "prices": {"input_mtok": 1}},
		{"id": "gpt-audio", "match": {"and": [{"starts_with": "gpt"}, {"contains": "audio"}]}, "prices": {"input_mtok": 9}},
		{"id": "o", "match": {"or": [{"equals": "o"}, {"starts_with": "o-"}, {"regex": "^o-\\d+$"}, {"ends_with": "-o"}]}, "prices": {"input_mtok": 1}},
		{"id": "p-o", "match": {"or": [{"equals": "p-o"}, {"starts_with": "p-"}]}, "prices": {"input_mtok": 1}},
		{"id": "q", "match": {"or": [{"equals": "q"}, {"equals": "q-o"}, {"equals": "q-x"}]}, "prices": {"input_mtok": 1}},
		{"id": "unpriced", "match": {"equals": "un"}, "prices": {}},
		{"id": "w", "match": {"newer": "x"}, "prices": {"input_mtok": 1}},
		{"id": "z", "match": {"equals": "z"}, "prices": {"input_mtok": 1}}`)
	compareText(t, "aliases", named(table), `
exact gpt-latest gpt of a
prefix old-gpt- gpt of a
prefix o- o of a
exact q-x q of a`)
	compareText(t, "skipped", skips(table), `
a/gpt-audio: its name is one of gpt
a/p-o: its name is one of o
a/unpriced: its name is one of w
a/w: its names have the condition "newer", which Tidemark does not know
a/z: its name is one of w`) // "newer" may match all names that no model before it has.
	compareText(t, "not taken", notTaken(table), `
a/gpt: the names that match starts_with "gpt-": some of them are those of gpt-audio, whose pattern is not taken
a/o: the names that match regex "^o-\\d+$": only equals and starts_with make an alias
a/o: the names that match ends_with "-o": only equals and starts_with make an alias
a/q: the names that match equals "q-o": o comes first`)
}

// TestGenAINamesWithoutID: genai-prices finds a model by its conditions alone. Where they do not find its id, that is no name of it.
func TestGenAINamesWithoutID(t *testing.T) {
	const price = `, "prices": {"input_mtok": 1}}`
	for name, c := range map[string]struct{ models, prices, aliases, skipped string }{
		"a name that is equal": {
			`{"id": "kimi", "match": {"or": [{"starts_with": "hosts/kimi-"}, {"equals": "hosts/kimi"}, {"equals": "kimi-latest"}]}` + price,
			"a hosts/kimi input 0.000001 USD", "prefix hosts/kimi- hosts/kimi of a\nexact kimi-latest hosts/kimi of a", "",
		},
		"how names begin":             {`{"id": "small", "match": {"starts_with": "small-"}` + price, "a small- input 0.000001 USD", "prefix small- small- of a", ""},
		"another case of its letters": {`{"id": "big", "match": {"equals": "BIG"}` + price, "a big input 0.000001 USD", "exact BIG big of a", ""},
		"a regular expression alone": {
			`{"id": "regional.m", "match": {"regex": "^(us|eu)\\.m$"}` + price, "", "", `a/regional.m: its id is none of its names: only what matches regex "^(us|eu)\\.m$" is`,
		},
		"an expression that looks ahead may match it": {`{"id": "m", "match": {"regex": "^m(?!x)"}` + price, "a m input 0.000001 USD", "", ""},
		"no condition holds":                          {`{"id": "m", "match": {"or": []}` + price, "", "", "a/m: its id is none of its names: only what matches () is"},
		"the name of a model before it": {
			`{"id": "first", "match": {"starts_with": "f"}` + price + `, {"id": "second", "match": {"equals": "f2"}` + price, "a first input 0.000001 USD", "prefix f first of a",
			`a/second: its id is none of its names: only what matches equals "f2" is`,
		},
		"the same name of two": {
			`{"id": "one", "match": {"equals": "n"}` + price + `, {"id": "two", "match": {"or": [{"equals": "n"}, {"equals": "o"}]}` + price,
			"a n input 0.000001 USD\na o input 0.000001 USD", "", "",
		},
		"an empty text": {`{"id": "m", "match": {"or": [{"equals": "m"}, {"equals": ""}]}` + price, "a m input 0.000001 USD", "", ""},
	} {
		table := genaiTable(t, c.models)
		compareText(t, name+": prices", listed(table.Prices), "\n"+c.prices)
		compareText(t, name+": aliases", named(table), "\n"+c.aliases)
		compareText(t, name+": skipped", skips(table), "\n"+c.skipped)
		if _, err := New(1, table.Prices, table.Aliases); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestGenAIForms: the forms in which the table is published say the same.
func TestGenAIForms(t *testing.T) {
	const model = `{"id": "m", "match": {"equals": "m"}, "prices": [{"prices": {"input_mtok": 0.10}}, {"constraint": {"start_time": "00:30:00Z", "end_time": "16:30:00Z"}, "prices": {"input_mtok": 0.2}}]}`
	want := ""
	for i, document := range []string{
		`[{"id": "x-ai", "models": [` + model + `]}]`,
		`{"units": {"input_tokens": {"per": 1000000}}, "providers": [{"id": "x-ai", "models": [` + model + `]}]}`,
		`{"id": "x-ai", "models": [` + model + `]}`,
		"# a comment\nname: X AI\nid: x-ai\npricing_urls: [https://example.com]\ntool_use_kcount: {web_search: 10}\nmodels:\n  - id: m\n    match: {equals: m}\n    deprecated: true\n    prices_checked: 2026-01-01\n" +
			"    prices:\n      - prices: {input_mtok: 0.10}\n      - constraint:\n          start_time: 00:30:00Z\n          end_time: 16:30:00Z\n        prices: {input_mtok: 0.2, output_mtok: ~}\n",
	} {
		table, err := ReadGenAIPrices(strings.NewReader(document))
		if err != nil {
			t.Fatalf("%s: %v", document, err)
		}
		if got := FormatOf([]byte(document)); got != "genai-prices" {
			t.Errorf("%s is %s", document, got)
		}
		if got := listed(table.Prices); i == 0 {
			want = got
		} else if got != want || got == "" {
			t.Errorf("%s:\n%s\nwant\n%s", document, got, want)
		}
	}
	for document, want := range map[string]string{`{"m": {"litellm_provider": "x"}}`: "litellm", `{"openai": {"models": {"m": {}}}}`: "models.dev", "observed_at,event": "history", "prices: []": "yaml", "{": "litellm"} {
		if got := FormatOf([]byte(document)); got != want {
			t.Errorf("%s is %s, want %s", document, got, want)
		}
	}
}

func TestGenAIRefuses(t *testing.T) {
	model := func(fields string) string { return `[{"id": "a", "models": [{"id": "m", ` + fields + `}]}]` }
	const match = `"match": {"equals": "m"}, `
	for document, want := range map[string]string{
		"":                          "the file is empty",
		"{}":                        "it has neither providers nor models of one",
		"[5]":                       "read the table as JSON",
		"a: *b":                     "read the table as YAML",
		"a: &b 1\nmodels: [*b]":     "line 2: a reference to another part of the file is not read",
		"a: 0x10\nmodels: []":       "line 1: \"0x10\" is not a decimal number",
		"models: []\n":              "it has neither providers nor models of one",
		model(`"prices": {}`):       "a/m: match: ",
		model(`"match": {}`):        "a/m: match: \"{}\" is not one condition of a name",
		model(`"match": {"or": 1}`): "is no list of conditions",
		model(match + `"prices": {"input_mtok": 1, "frames_kcount": 2}`):                                     `a/m: "frames_kcount" is a price of a unit that Tidemark does not know`,
		model(match + `"prices": {"input_mtok": 1}, "spot_prices": {}`):                                      `a/m: "spot_prices" is a price of a unit that Tidemark does not know`,
		model(match + `"prices": {"input_mtok": 1}, "price_variants": [{"when": {}, "prices": {"x": 1}}]`):   `a/m: "x" is a price of a unit that Tidemark does not know`,
		model(match + `"prices": {"input_mtok": "much"}`):                                                    "a/m: input_mtok: ",
		model(match + `"prices": {"input_mtok": {"base": 1, "tiers": [{"start": 5, "price": 1, "to": 6}]}}`): "is neither a number nor a base with tiers",
		model(match + `"prices": {"input_mtok": {"base": 1, "tiers": [{"start": 0, "price": 1}]}}`):          "a tier begins at 0 tokens",
		model(match + `"prices": [{"constraint": {"weekday": "monday"}, "prices": {}}]`):                     "a/m: constraint: ",
		model(match + `"prices": [{"constraint": {"start_date": "soon"}, "prices": {}}]`):                    `start_date: "soon" is no day`,
		model(match + `"prices": [{"constraint": {"start_time": "1:00"}, "prices": {}}]`):                    `"1:00" is no time of day with a zone`,
		model(match + `"prices": [{"constraint": {"start_time": "01:00:30Z", "end_time": "02:00:00Z"}}]`):    "is not a whole minute",
		model(match + `"prices": [{"constraint": {"start_time": "01:00:00Z", "end_time": "01:00:00Z"}}]`):    "is no time",
		model(`"match": {"or": [` + strings.Repeat(`{"equals": "x"}, `, maxClauses) + `{"equals": "m"}]}`):   "a/m: the provider has more than 20000 conditions of names",
		model(`"match": ` + strings.Repeat(`{"or": [`, 50) + strings.Repeat("]}", 50)):                       "is not one condition of a name",
		// What genai-prices refuses of ids and of conditions.
		`[{"id": "a", "models": []}, {"models": []}]`:                                    "provider 2: it has no id",
		`[{"id": "a b", "models": []}]`:                                                  `provider 1: its id, "a b", has a blank`,
		`[{"id": "` + strings.Repeat("ä", 101) + `", "models": []}]`:                     "has more than 100 characters",
		`[{"id": "A", "models": []}]`:                                                    "A: the id of a provider has no capital letters",
		`[{"id": "a", "models": []}, {"id": "a", "models": []}]`:                         "a: two providers have this id",
		`[{"id": "a", "models": [{` + match + `"prices": {}}]}]`:                         "a: model 1: it has no id",
		`[{"id": "a", "models": [{"id": "m\u00a0n", ` + match + `"prices": {}}]}]`:       `a: model 1: its id, "m\u00a0n", has a blank`,
		`[{"id": "a", "models": [{"id": "m", ` + match + `"prices": {}}, {"id": "m"}]}]`: "a/m: two models of the provider have this id",
		model(`"match": {"equals": null}`):                                               `a/m: match: equals: "null" is no text`,
		model(`"match": {"starts_with": 5}`):                                             `a/m: match: starts_with: "5" is no text`,
		model(`"match": {"or": null}`):                                                   `a/m: match: "null" is no list of conditions of a name`,
		model(`"match": {"equals": "m", "regex": "m"}`):                                  "is not one condition of a name",
		model(`"match": {"or": [{"equals": "m"}, {"regex": "m(1|2"}]}`):                  `a/m: match: regex: "m(1|2" is no regular expression: missing closing )`,
		model(`"match": {"regex": "*m"}`):                                                `a/m: match: regex: "*m" is no regular expression`,
	} {
		if _, err := ReadGenAIPrices(strings.NewReader(document)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", document, err, want)
		}
	}
}

// FuzzReadGenAIPrices: whatever comes in is an error or makes a book.
func FuzzReadGenAIPrices(f *testing.F) {
	events, err := os.ReadFile("testdata/genai-events.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(events))
	f.Add("id: a\nmodels:\n- id: m\n  match: {or: [{equals: m}, {regex: '^m(?!x)'}]}\n  prices: {input_mtok: {base: 1, tiers: [{start: 5, price: 2}]}}\n")
	f.Add(`{"providers": [{"id": "a", "models": [{"id": "m", "match": {"starts_with": "m"}, "prices": [{"prices": {}}, {"constraint": {"start_time": "23:00:00Z", "end_time": "01:00:00Z"}, "prices": {"input_mtok": 1e-3}}]}]}]}`)
	f.Fuzz(func(t *testing.T, document string) {
		table, err := ReadGenAIPrices(strings.NewReader(document))
		if err != nil {
			return
		}
		for _, p := range table.Prices {
			if p.Model == "" || p.Provider == "" || len(p.Model) > maxName || len(p.Provider) > maxName || p.Validate() != nil {
				return // New says what is wrong with the name.
			}
		}
		if _, err := New(1, table.Prices, table.Aliases); err != nil {
			t.Errorf("no book: %v\n%s", err, document)
		}
	})
}
