package billing

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"tidemark/schemas/prices"
)

var update = flag.Bool("update", false, "write the expected reports instead of comparing with them")

// listed writes a report as text.
func listed(r Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %s\n", r.Format, r.Source)
	for _, kind := range []Kind{Usage, Cost} {
		for _, s := range r.Covered[kind] {
			fmt.Fprintf(&b, "%s %s\n", kind, s)
		}
	}
	for _, o := range r.Observations {
		fmt.Fprintf(&b, "%s %s provider=%q project=%q model=%q line=%q", o.Kind, Span{o.From, o.To}, o.Provider, o.Project, o.Model, o.Line)
		if o.Cost != nil {
			fmt.Fprintf(&b, " %s %s", prices.FormatPicos(o.Cost), o.Currency)
		} else {
			t := o.Tokens
			fmt.Fprintf(&b, " input=%s (%s uncached, %s read, %s written) output=%s requests=%s", orNull(t.Input), orNull(t.Uncached), orNull(t.CacheRead), orNull(t.CacheWrite), orNull(t.Output), orNull(o.Requests))
		}
		b.WriteByte('\n')
	}
	for _, s := range r.Skipped {
		fmt.Fprintf(&b, "skipped %d %s\n", s.Rows, s.What)
	}
	fmt.Fprintf(&b, "rounded %d\n", r.Rounded)
	return b.String()
}

// files are the samples, and their formats.
var files = map[string]string{
	"openai-usage.jsonl": "openai-usage", "openai-costs.json": "openai-costs", "anthropic-usage.json": "anthropic-usage", "anthropic-costs.json": "anthropic-costs",
	"litellm-logs.json": "litellm-logs", "litellm-daily.json": "litellm-daily", "litellm-rows.jsonl": "litellm-daily", "focus.csv": "focus", "focus-rows.jsonl": "focus",
}

func sample(t testing.TB, file string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// TestRead reads the samples, by name of the format and by itself.
func TestRead(t *testing.T) {
	for file, format := range files {
		content := sample(t, file)
		r, err := Read([]byte(content), "auto")
		if err != nil || r.Format != format {
			t.Errorf("%s: format %s, %v", file, r.Format, err)
			continue
		}
		named, err := Read([]byte("\ufeff"+content), format)
		if err != nil || !reflect.DeepEqual(r, named) {
			t.Errorf("%s as %s: %v\n%s", file, format, err, listed(named))
		}
		got, golden := listed(r), filepath.Join("testdata", file+".txt")
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if want := sample(t, file+".txt"); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", file, got, want)
		}
	}
}

// TestPagesInAnyForm: pages one after another, in an array, and their items alone say the same.
func TestPagesInAnyForm(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(sample(t, "openai-usage.jsonl")), "\n")
	want, err := Read([]byte(strings.Join(lines, "\n")), "auto")
	if err != nil {
		t.Fatal(err)
	}
	var items []string
	for _, line := range lines {
		_, rest, _ := strings.Cut(line, `"data":[`)
		data, _, _ := strings.Cut(rest, `],"has_more"`)
		items = append(items, data)
	}
	for _, form := range []string{"[" + strings.Join(lines, ",") + "]", strings.Join(lines, ""), "[" + strings.Join(items, ",") + "]", `{"has_more":false,"data":[` + strings.Join(items, ",") + `]}`} {
		if got, err := Read([]byte(form), "auto"); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v\n%s\nof %.200s", err, listed(got), form)
		}
	}
}

// TestRefused: each change of a sample is refused with the place and the cause.
func TestRefused(t *testing.T) {
	for _, c := range []struct{ file, old, new, want string }{
		{"openai-usage.jsonl", `"has_more":false`, `"has_more":true`, "the last page says that there are more (has_more): export all pages"},
		{"openai-usage.jsonl", `"input_video_tokens":0`, `"input_video_tokens":5`, `line 2, item 3, result 2: Tidemark does not know the field "input_video_tokens", which carries money or tokens`},
		{"openai-usage.jsonl", `"input_video_tokens":0`, `"details":{"x":[{"video_token_count":"5"}]}`, `does not know the field "details.x.video_token_count"`},
		{"openai-usage.jsonl", `"input_cache_write_tokens":200`, `"input_cache_write_tokens":300`, "line 1, item 1, result 1: input_tokens: 5000 is not the sum of 3000 uncached, 1800 from caches and 300 to caches"},
		{"openai-usage.jsonl", `"input_cached_tokens":8448`, `"input_cached_tokens":28448`, "line 2, item 3, result 1: input_tokens: 28448 from caches and 0 to caches are more than all input, 27444"},
		{"openai-usage.jsonl", `"input_tokens":5000`, `"input_tokens":-5`, `line 1, item 1, result 1: input_tokens: "-5" is not a whole number from 0 on`},
		{"openai-usage.jsonl", `"input_tokens":5000`, `"input_tokens":5e3`, `"5e3" is not a whole number`},
		{"openai-usage.jsonl", `"input_tokens":5000`, `"input_tokens":"5000"`, "input_tokens: a number is expected"},
		{"openai-usage.jsonl", `"input_tokens":5000,`, ``, "input_tokens: it is not there"},
		{"openai-usage.jsonl", `"input_tokens":5000,`, `"input_tokens":5000,"input_tokens":5000,`, `line 1: the field "input_tokens" is there twice`},
		{"openai-usage.jsonl", `"start_time":1793577600,"end_time":1793664000`, `"start_time":1793491200,"end_time":1793577600`, "line 2, item 2: the period 2026-11-01T00:00:00Z to 2026-11-02T00:00:00Z is in the file twice, first at line 1, item 1"},
		{"openai-usage.jsonl", `"start_time":1793577600,"end_time":1793664000`, `"start_time":1793577599,"end_time":1793664000`, "overlaps 2026-11-01T00:00:00Z to 2026-11-02T00:00:00Z"},
		{"openai-usage.jsonl", `"end_time":1793577600`, `"end_time":1793491200`, "end_time: the period ends at 2026-11-01T00:00:00Z, not after"},
		{"openai-usage.jsonl", `"end_time":1793577600`, `"end_time":1793577600000`, "is not within the years 2000 to 2099"},
		{"openai-usage.jsonl", `"start_time":1793491200`, `"start_time":"today"`, `start_time: "today" is not a number of seconds since 1970`},
		{"openai-usage.jsonl", `"object":"organization.usage.completions.result","input_tokens":5000`, `"object":"organization.usage.images.result","input_tokens":5000`, "organization.usage.completions.result is read, this is \"organization.usage.images.result\""},
		{"openai-usage.jsonl", `"model":"gpt-5.6-terra"`, `"model":{"id":1}`, "model: a text is expected"},
		{"openai-usage.jsonl", `"model":"gpt-5.6-terra"`, `"model":"gpt\n5"`, "has control characters"},
		{"openai-usage.jsonl", `"results":[]`, `"results":{}`, "results: an array is expected"},
		{"openai-usage.jsonl", `"next_page":null}`, `"next_page":null`, "line 2: the file ends within a value: it was cut off"},
		{"openai-usage.jsonl", `"next_page":null}`, `"next_page":nul}`, "line 2: it is no JSON"},
		{"openai-costs.json", `{"value": 0.06, "currency": "usd"}`, `{"value": 0.06, "currency": "US"}`, `line 9, item 1, result 1, amount: value: the currency "US" is not three letters`},
		{"openai-costs.json", `{"value": 0.06, "currency": "usd"}`, `{"value": null, "currency": "usd"}`, "value: it has no amount"},
		{"openai-costs.json", `"value": 0.06`, `"value": "0,06"`, `value: "0,06" is not a decimal number`},
		{"openai-costs.json", `"value": 0.06`, `"value": 1e19`, `value: "1e19" is above 1e18 of the currency`},
		{"openai-costs.json", `"value": 0.06`, `"value": 0.06, "fee": 1`, `does not know the field "fee"`},
		{"anthropic-usage.json", `"cache_read_input_tokens": 200`, `"cache_read_input_tokens": 200, "cache_creation_input_tokens": 9`, `result 1: Tidemark does not know the field "cache_creation_input_tokens"`},
		{"anthropic-usage.json", `"ephemeral_5m_input_tokens": 500`, `"ephemeral_5m_input_tokens": 500, "ephemeral_24h_input_tokens": 1`, `cache_creation: Tidemark does not know the field "ephemeral_24h_input_tokens"`},
		{"anthropic-usage.json", `"2026-11-01T00:00:00Z"`, `"2026-11-01"`, `starting_at: "2026-11-01" is not a time`},
		{"anthropic-usage.json", `"2026-11-01T00:00:00Z"`, `"2026-11-01T00:00:00.5Z"`, "has parts of seconds"},
		{"anthropic-usage.json", `"uncached_input_tokens": 7,`, ``, "uncached_input_tokens: it is not there"},
		{"anthropic-usage.json", `"uncached_input_tokens": 1500,`, `"uncached_input_tokens": 9223372036854775807, `, "are too large to be added"},
		{"anthropic-costs.json", `"currency": "USD"`, `"currency": "EUR"`, `currency: "EUR" is not USD, and amounts are in the smallest unit`},
		{"anthropic-costs.json", `"amount": "123.78912"`, `"amount": {"value": 5}`, "amount: it has no amount"},
		{"litellm-logs.json", `chatcmpl-2`, `chatcmpl-1`, `row 2: request_id: "chatcmpl-1" is there twice, first in row 1: pages overlap`},
		{"litellm-logs.json", `"request_id": "req-4"`, `"id": "req-4"`, "row 4: request_id: it is not there; a summary by day has none: export with summarize=false"},
		{"litellm-logs.json", `"spend": 0.5`, `"spend": 0.5, "flat_cost": 3`, `row 5: Tidemark does not know the field "flat_cost"`},
		{"litellm-logs.json", `"page": 1, "page_size": 100, "total_pages": 1`, `"page": 1, "page_size": 100, "total_pages": 2`, "the last page says that there are more (page 1 of 2)"},
		{"litellm-logs.json", `2026-11-03 12:00:02.5`, `yesterday`, `startTime: "yesterday" is not a time`},
		{"litellm-logs.json", `"spend": 0.5`, `"spent": 0`, "spend: it has no amount"},
		{"litellm-daily.json", `"prompt_tokens": 150`, `"prompt_tokens": 151`, "row 1, breakdown: providers: its parts have 150 prompt_tokens, and the day has 151"},
		{"litellm-daily.json", `2026-11-03`, `2026-11-01`, "date: 2026-11-01 is there twice, first in row 1"},
		{"litellm-daily.json", `2026-11-03`, `3 November`, `date: "3 November" is not a day`},
		{"litellm-daily.json", `"spend": 0.75`, `"spend": 0.75, "flat_cost": 1`, `line 5, row 1, metrics: Tidemark does not know the field "flat_cost"`},
		{"litellm-daily.json", `"has_more": false`, `"has_more": true`, "the last page says that there are more"},
		{"focus.csv", "Id,", "Price,", `line 2: Tidemark does not know the column "Price", which carries money or tokens`},
		{"focus.csv", "ChargeCategory", "Category", "line 1: the column ChargeCategory is not there"},
		{"focus.csv", "Tags", "Id", `line 1: the column "Id" is there twice`},
		{"focus.csv", "1,1.25,", "1,,", `line 2: BilledCost: "" is not a decimal number`},
		{"focus.csv", "4,-0.5,111,USD,", "4,-0.5,111,usd,", `line 5: BilledCost: the currency "usd" is not three letters`},
		{"focus.csv", "2026-11-01T01:00:00Z", "2026-10-01T01:00:00Z", "line 2: ChargePeriodEnd: the period ends at"},
		{"focus.csv", "{},\n", "{}\n", "line 3: it is no CSV: wrong number of fields"},
		{"focus-rows.jsonl", `"x_Discount"`, `"Discount"`, `line 1, row 1: Tidemark does not know the field "Discount"`},
		{"focus-rows.jsonl", `"ServiceName"`, `"Service"`, "it has no column ServiceName"},
	} {
		content := sample(t, c.file)
		changed := strings.Replace(content, c.old, c.new, 1)
		if changed == content {
			t.Errorf("%s does not have %s", c.file, c.old)
			continue
		}
		if r, err := Read([]byte(changed), files[c.file]); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s with %s: %v\nwant %s\n%s", c.file, c.new, err, c.want, listed(r))
		}
	}
}

// TestFormatOf: what is of no format is refused with the reason.
func TestFormatOf(t *testing.T) {
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	for content, want := range map[string]string{
		"": "it is empty", "  \n": "it is empty", "a,b\n1,2\n": "neither JSON nor a CSV file with the column BilledCost", "{}": "it is of none of the formats", "[]": "it is of none of the formats",
		"[1]": "line 1: a JSON object is expected", `{"data":[1]}`: "line 1: item 1 is not a JSON object", `{"data":[{"a":` + deep + `}]}`: "line 1: values are nested more than 64 deep",
		`{"data":[{"start_time":1,"end_time":2,"results":[]}]}`: "say which one with --format openai-usage or openai-costs",
		`{"error":{"message":"no such key"}}`:                   "it is the answer of a request that failed: no such key",
		`{"a":1}}`:                                              "line 1: it is no JSON",
	} {
		if format, err := FormatOf([]byte(content)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is %s, %v; want %s", content, format, err, want)
		}
	}
	if _, err := Read([]byte("{}"), "xls"); err == nil || !strings.Contains(err.Error(), `"xls" is not one of the formats openai-usage, `) {
		t.Error(err)
	}
	// A bucket without results says that there was nothing, to who knows what.
	r, err := Read([]byte(`{"data":[{"start_time":1793491200,"end_time":1793577600,"results":[]}]}`), "openai-costs")
	if err != nil || len(r.Observations) != 0 || len(r.Covered[Cost]) != 1 {
		t.Errorf("%v\n%s", err, listed(r))
	}
}

func TestLineModel(t *testing.T) {
	for line, want := range map[string]string{
		"gpt-5.6-terra, output": "gpt-5.6-terra", "gpt-5.6-terra, cached input": "gpt-5.6-terra", "gpt-image-2-2026-04-21 text, input": "gpt-image-2-2026-04-21",
		"gpt-4o audio, cache writes": "gpt-4o", "whisper": "", "": "", ", input": "", "assistants api | file search, input": "", "a, b": "",
	} {
		if got := lineModel(line); got != want {
			t.Errorf("%q is of %q, want %q", line, got, want)
		}
	}
}

// TestFor selects what a file says of a provider.
func TestFor(t *testing.T) {
	read := func(file string) Report {
		r, err := Read([]byte(sample(t, file)), "auto")
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, c := range []struct {
		file, provider, whose string
		rows                  int
	}{{"openai-costs.json", "", "openai", 4}, {"openai-costs.json", "azure.ai.openai", "azure.ai.openai", 4}, {"litellm-logs.json", "", "", 6}, {"litellm-logs.json", "anthropic", "anthropic", 2}} {
		r, whose, err := read(c.file).For(c.provider)
		if err != nil || whose != c.whose || len(r.Observations) != c.rows {
			t.Errorf("%s for %q: %q, %v\n%s", c.file, c.provider, whose, err, listed(r))
		}
		for _, o := range r.Observations {
			if whose != "" && o.Provider != whose {
				t.Errorf("%s for %q has a row of %s", c.file, c.provider, o.Provider)
			}
		}
	}
	if _, _, err := read("litellm-logs.json").For("mistral_ai"); err == nil || !strings.Contains(err.Error(), `it has no row of the provider "mistral_ai"; it has 'anthropic', 'gcp.vertex_ai', 'openai'`) {
		t.Error(err)
	}
}

// fuzzRead: a file is read or refused. What is read lies within the periods that it is about, and reads the same again.
func fuzzRead(t *testing.T, content []byte, format string) {
	r, err := Read(content, format)
	if err != nil {
		return
	}
	for _, o := range r.Observations {
		within := false
		for _, s := range r.Covered[o.Kind] {
			within = within || s.covers(Span{o.From, o.To})
		}
		if !within || (o.Kind == Cost) != (o.Cost != nil && o.Currency != "") {
			t.Errorf("%+v is wrong or not within %v", o, r.Covered)
		}
		if in := o.Tokens; in.Uncached != nil && in.CacheRead != nil && in.CacheWrite != nil && *in.Input != *in.Uncached+*in.CacheRead+*in.CacheWrite {
			t.Errorf("%+v: the input is not the sum of its parts", o)
		}
	}
	if again, err := Read(content, r.Format); err != nil || !reflect.DeepEqual(r, again) {
		t.Errorf("read again: %v\n%s\n%s", err, listed(again), listed(r))
	}
	for _, statement := range InsertSQL(Import{ID: 1, Source: r.Source}, r) {
		if !strings.HasPrefix(statement, "INSERT INTO billing_") {
			t.Error(statement)
		}
	}
}

// FuzzRead reads with the format that a file seems to have.
func FuzzRead(f *testing.F) {
	for file := range files {
		f.Add([]byte(sample(f, file)))
	}
	f.Fuzz(func(t *testing.T, content []byte) { fuzzRead(t, content, "auto") })
}

// FuzzFormats reads with every format.
func FuzzFormats(f *testing.F) {
	for file := range files {
		f.Add([]byte(sample(f, file)))
	}
	f.Add([]byte("BilledCost,BillingCurrency,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ServiceName\n1,USD,2026-11-01,2026-11-02,Tax,Vertex AI\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, format := range formats {
			fuzzRead(t, content, format.name)
		}
	})
}
