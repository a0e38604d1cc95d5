package replay

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"tidemark/producers/formats"
	usagev1 "tidemark/schemas/usage/v1"
)

// event is a CloudEvent of a type that says nothing, with the data.
func event(typ, data string) string {
	return fmt.Sprintf(`{"specversion":"1.0","type":%q,"id":"1","time":"2026-03-01T10:00:00Z","subject":"acme","source":"s","data":%s}`, typ, data) + "\n"
}

// showTokens prints the classes of a call, and what goes with them.
func showTokens(c *usagev1.TokenCall) string {
	n := func(p *uint64) string {
		if p == nil {
			return "-"
		}
		return fmt.Sprint(*p)
	}
	text := fmt.Sprintf("in %s read %s write %s out %s reasoning %s", n(c.InputUncached), n(c.InputCacheRead), n(c.InputCacheWrite), n(c.OutputVisible), n(c.OutputReasoning))
	if c.Requests != nil {
		text += fmt.Sprintf(" requests %d", *c.Requests)
	}
	if c.ReportedCostNanos != nil {
		text += fmt.Sprintf(" cost %d.%03d %s", *c.ReportedCostNanos, c.ReportedCostPicos, c.CostCurrency)
	}
	if c.Model != "unknown" {
		text += " " + c.Model
	}
	return text
}

// TestUsageObjects reads what the big APIs say of a call, as it is, under the key usage and elsewhere.
func TestUsageObjects(t *testing.T) {
	f := func(data, want string) {
		t.Helper()
		o := options("cloudevents", Stdin)
		o.Product, o.Stdin = "api", strings.NewReader(event("com.example.event", data))
		log, result := replayed(t, o)
		if len(log.calls) != 1 || result.Skipped > 0 || result.Tokenless > 0 || len(result.Unread) > 0 {
			t.Errorf("%s: %v, %+v", data, result.Problems, result)
			return
		}
		rows, err := formats.Named("cloudevents").Open(linesOf(event("com.example.event", data)), o.settings())
		if err != nil {
			t.Fatal(err)
		}
		e, err := rows.Next(1)
		if err != nil {
			t.Fatal(err)
		}
		if got := showTokens(e.(*usagev1.TokenCall)); got != want { //nolint:errcheck // It is one.
			t.Errorf("%s\ngot  %s\nwant %s", data, got, want)
		}
	}
	openAI := `"prompt_tokens":2006,"completion_tokens":300,"total_tokens":2306,"prompt_tokens_details":{"cached_tokens":1920,"cache_write_tokens":6},"completion_tokens_details":{"reasoning_tokens":128}`
	anthropic := `"input_tokens":12,"cache_creation_input_tokens":2089,"cache_read_input_tokens":16399,"cache_creation":{"ephemeral_5m_input_tokens":2089},"output_tokens":445,"output_tokens_details":{"thinking_tokens":300}`
	gemini := `"promptTokenCount":1200,"cachedContentTokenCount":1000,"candidatesTokenCount":80,"thoughtsTokenCount":400,"toolUsePromptTokenCount":50,"totalTokenCount":1730`
	bedrock := `"inputTokens":35,"outputTokens":446,"totalTokens":1581,"cacheReadInputTokens":1000,"cacheWriteInputTokens":100`
	for _, in := range []string{"{%s}", `{"usage":{%s}}`, `{"response":{"usage":{%s}}}`, `{"metadata":{"usage_object":{%s}},"prompt_tokens":1,"completion_tokens":1}`} {
		f(fmt.Sprintf(in, openAI), "in 80 read 1920 write 6 out 172 reasoning 128")
		f(fmt.Sprintf(in, anthropic), "in 12 read 16399 write 2089 out 145 reasoning 300")
		f(fmt.Sprintf(in, bedrock), "in 35 read 1000 write 100 out 446 reasoning -")
		f(fmt.Sprintf(in, gemini), "in 250 read 1000 write - out 80 reasoning 400")
	}
	f(`{"usageMetadata":{`+gemini+`}}`, "in 250 read 1000 write - out 80 reasoning 400")
	f(`{"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":5,"totalTokenCount":15}}`, "in 10 read - write - out 5 reasoning -")
	f(`{"usage":"{\"input_tokens\":75,\"input_tokens_details\":{\"cached_tokens\":25},\"output_tokens\":1186,\"output_tokens_details\":{\"reasoning_tokens\":1024},\"total_tokens\":1261}"}`, "in 50 read 25 write - out 162 reasoning 1024")
	f(`{"input_tokens":"75","output_tokens":"10"}`, "in 75 read - write - out 10 reasoning -")
	f(`{"usage":{"input_tokens":7,"output_tokens":3,"cache_creation":{"ephemeral_5m_input_tokens":5,"ephemeral_1h_input_tokens":6}}}`, "in 7 read - write 11 out 3 reasoning -")
	f(`{"usage":{"prompt_tokens":100,"prompt_cache_hit_tokens":64,"prompt_cache_miss_tokens":36,"completion_tokens":50,"completion_tokens_details":{"reasoning_tokens":30},"total_tokens":150}}`, "in 36 read 64 write - out 20 reasoning 30") // DeepSeek.
	f(`{"usage":{"prompt_tokens":100,"completion_tokens":50,"completion_tokens_details":{"reasoning_tokens":30},"total_tokens":180}}`, "in 100 read - write - out 50 reasoning 30")                                                            // xAI.
	f(`{"usage":{"prompt_tokens":100,"num_cached_tokens":10,"completion_tokens":50,"total_tokens":150}}`, "in 90 read 10 write - out 50 reasoning -")                                                                                          // Mistral.
	f(`{"usage":{"prompt_tokens":3019,"completion_tokens":104,"prompt_tokens_details":{"cached_tokens":2048,"cache_creation_input_tokens":100}}}`, "in 871 read 2048 write 100 out 104 reasoning -")                                           // Qwen.
	f(`{"usage":{"prompt_tokens":5,"completion_tokens":1,"cache_read_input_tokens":40}}`, "in 5 read 40 write - out 1 reasoning -")                                                                                                            // More than the sum.
	f(`{"usage":{"billed_units":{"input_tokens":5,"output_tokens":6},"tokens":{"input_tokens":50,"output_tokens":60}}}`, "in 5 read - write - out 6 reasoning -")                                                                              // Cohere.
	f(`{"meta":{"tokens":{"input_tokens":50,"output_tokens":60}}}`, "in 50 read - write - out 60 reasoning -")
	f(`{"usage":{"cachedInputTokens":4,"inputTokens":10,"outputTokens":6,"reasoningTokens":2,"totalTokens":16}}`, "in 6 read 4 write - out 4 reasoning 2") // Vercel.
	f(`{"usageDetails":{"input":6,"input_cached_tokens":4,"output":5,"output_reasoning_tokens":2,"total":17}}`, "in 6 read 4 write - out 5 reasoning 2")   // Langfuse.
	f(`{"usageDetails":{"input":10,"input_cached_tokens":4,"output":7,"output_reasoning_tokens":2,"total":17}}`, "in 6 read 4 write - out 5 reasoning 2")
	f(`{"usage":{"input":6,"output":5,"total":11,"unit":"TOKENS"}}`, "in 6 read - write - out 5 reasoning -")
	f(`{"modelId":"m","input":{"inputTokenCount":35,"cacheReadInputTokenCount":7},"output":{"outputTokenCount":446}}`, "in 35 read 7 write - out 446 reasoning - m")
	// LiteLLM, as it sends to OpenMeter; its costs are dollars.
	f(`{"model":"gpt-x","cost":0.00045,"prompt_tokens":120,"completion_tokens":30,"total_tokens":150}`, "in 120 read - write - out 30 reasoning - cost 450000.000 USD gpt-x")
	f(`{"model":"gpt-x","cost":null,"prompt_tokens":80,"completion_tokens":20}`, "in 80 read - write - out 20 reasoning - gpt-x")
	f(`{"response_cost":"1e-12","prompt_tokens":80}`, "in 80 read - write - out - reasoning - cost 0.001 USD")
	f(`{"cost":2,"currency":"eur","prompt_tokens":80}`, "in 80 read - write - out - reasoning - cost 2000000000.000 EUR")
	f(`{"usage":{"prompt_tokens":8,"cost":0.5}}`, "in 8 read - write - out - reasoning - cost 500000000.000 USD")
	f(`{"usage":{"prompt_tokens":8,"cost_in_usd_ticks":12345}}`, "in 8 read - write - out - reasoning - cost 1234.500 USD")
	// OpenMeter's examples: one number and its type.
	f(`{"tokens":"123","model":"m","type":"input"}`, "in 123 read - write - out - reasoning - m")
	f(`{"tokens":7,"type":"output"}`, "in - read - write - out 7 reasoning - requests 0")
	f(`{"tokens":7,"type":"Cached_Input"}`, "in - read 7 write - out - reasoning - requests 0")
	// Own names go before all.
	f(`{"tokens":{"input_uncached":3},"usage":{"prompt_tokens":8}}`, "in 3 read - write - out - reasoning -")
	f(`{"input_tokens":300,"input_cache_read":40,"gen_ai.usage.output_tokens":5}`, "in 260 read 40 write - out 5 reasoning -")
}

// TestUnknownTypes counts events that nobody knows by their type, tells each type once, and takes them for what the type says.
func TestUnknownTypes(t *testing.T) {
	data := strings.Repeat(event("com.example.click", `{"x":1}`), 3) + event("view", `{}`) + event("usage", `{"prompt_tokens":5}`) + event("token_call", `{"input_total":6}`)
	o := options("cloudevents", Stdin)
	o.Product, o.Stdin = "api", strings.NewReader(data)
	log, result := replayed(t, o)
	if len(log.calls) != 2 || result.Skipped != 4 || len(result.Problems) != 2 || !maps.Equal(result.UnknownTypes, map[string]int64{"com.example.click": 3, "view": 1}) {
		t.Errorf("got %+v", result)
	}
	if want := "set type to say what it is"; !strings.HasSuffix(result.Problems[0].Text, want) {
		t.Errorf("got %q, want %q", result.Problems[0].Text, want)
	}
	o.Stdin, o.CloudType = strings.NewReader(data), "queries"
	log, result = replayed(t, o)
	if len(log.all) != 6 || len(log.calls) != 1 || result.Skipped > 0 || len(result.UnknownTypes) > 0 {
		t.Errorf("as queries: %d events, %+v", len(log.all), result)
	}
	for name, want := range map[string]string{"calls": `type: "calls" is not a type of event such as token_calls`, "runs": `type: "runs" is not a type`} {
		o.CloudType = name
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	o = options("azure-llm", "f")
	if o.CloudType = "token_calls"; o.Validate() == nil {
		t.Error("a type of an azure-llm file is accepted")
	}
	var many strings.Builder
	for i := range manyKinds + 50 {
		many.WriteString(event(fmt.Sprint("t", i), `{}`))
	}
	o = options("cloudevents", Stdin)
	o.Product, o.Stdin = "api", strings.NewReader(many.String())
	if _, result = replayed(t, o); result.Skipped != manyKinds+50 || len(result.UnknownTypes) != manyKinds+1 || result.UnknownTypes[""] != 50 {
		t.Errorf("got %d types, %d skipped", len(result.UnknownTypes), result.Skipped)
	}
}

// TestTokenless counts calls that say no tokens, and says what they have.
func TestTokenless(t *testing.T) {
	o := options("cloudevents", Stdin)
	o.Product = "api"
	o.Stdin = strings.NewReader(event("token_call", `{"model":"m","units":5}`) + event("token_call", `{"model":"m","n_tokens":5}`) + event("token_call", `{"error_type":"timeout"}`) +
		event("token_call", `{"input_total":0}`) + event("token_call", `{"output_reasoning":1}`) + event("query", `{}`))
	_, result := replayed(t, o)
	if result.Tokenless != 2 || !slices.Equal(result.TokenlessHave, []string{"model", "n_tokens", "units"}) || result.Sent != 6 {
		t.Errorf("got %+v", result)
	}
}

// TestAttributesDoNotCostTheEvent counts calls whose optional attributes are malformed, and refuses those whose counts are.
func TestAttributesDoNotCostTheEvent(t *testing.T) {
	const tokens = `"usage":{"prompt_tokens":5},`
	f := func(data, want string, unread ...string) {
		t.Helper()
		o := options("cloudevents", Stdin)
		o.Product, o.Stdin = "api", strings.NewReader(event("token_call", data))
		log, result := replayed(t, o)
		var got []string
		for _, p := range result.Problems {
			got = append(got, p.Text)
		}
		for _, c := range log.calls {
			got = append(got, strings.TrimPrefix(showAll(c), "token_calls source=s id=1 time_us=2026-03-01T10:00:00Z tenant=acme product=api "))
		}
		if strings.Join(got, "; ") != want {
			t.Errorf("%s\ngot  %s\nwant %s", data, strings.Join(got, "; "), want)
		}
		got = nil
		for _, u := range result.Unread {
			got = append(got, fmt.Sprintf("%d %s %s %s", u.Rows, u.Field, u.Reason, u.Example))
		}
		if !slices.Equal(got, unread) {
			t.Errorf("%s: unread %q, want %q", data, got, unread)
		}
	}
	f(`{`+tokens+`"country":"us","cost":1,"cost_currency":"usd"}`, "country=US model=unknown status=1 input_uncached=5 reported_cost_nanos=1000000000 cost_currency=USD usage=1")
	f(`{`+tokens+`"country":"Germany"}`, "model=unknown status=1 input_uncached=5 usage=1", `1 country is not 2 upper-case letters "Germany"`)
	f(`{`+tokens+`"country":["US"]}`, "model=unknown status=1 input_uncached=5 usage=1", `1 country is an array and not a text or a number `)
	f(`{`+tokens+`"cost_reported":3}`, "model=unknown status=1 input_uncached=5 usage=1", `1 reported_cost_nanos has no currency `)
	f(`{`+tokens+`"cost":{"total":1}}`, "model=unknown status=1 input_uncached=5 usage=1", `1 reported_cost_nanos is an object and not a text or a number `)
	f(`{`+tokens+`"duration_ms":-3}`, "model=unknown status=1 input_uncached=5 usage=1", `1 latency_us is negative "-3"`)
	f(`{`+tokens+`"user":{"id":1}}`, "model=unknown status=1 input_uncached=5 usage=1", `1 user is an object and not a text or a number `)
	f(`{`+tokens+`"status":"completed","stream":"maybe"}`, "model=unknown status=1 input_uncached=5 usage=1", `1 status is not one of `+statuses+` "completed"`, `1 streaming is neither true nor false "maybe"`)
	f(`{`+tokens+`"input_audio":"many","attempt":-1,"service_tier":{"name":"flex"},"split":"half"}`, "model=unknown status=1 input_uncached=5 usage=1", `1 attempt is negative "-1"`, `1 input_audio is not a number "many"`, `1 service_tier is an object and not a text or a number `, `1 split is not one of exact, none, upper_bound "half"`)
	f(`{`+tokens+`"input_cache_write":8,"cache_write_5m":5,"cache_write_1h":4}`, "model=unknown status=1 input_cache_write=8", `1 cache_write_5m and cache_write_1h are more than input_cache_write 5 + 4 of 8`)
	f(`{`+tokens+`"input_cache_write":8,"cache_write_5m":"5","cache_write_1h":3,"output_image":2,"region":"us","client":"cli","client_version":"1.2","response_id":"r","attempt":2,"usage":"estimated","split":"upper_bound","joined":1,"may_be_double":true}`,
		"model=unknown status=1 input_cache_write=8 cache_write_5m=5 cache_write_1h=3 output_image=2 region=us client=cli client_version=1.2 response_id=r attempt=2 usage=2 split=2 joined=1 may_be_double=true")
	f(`{"usage":{"prompt_tokens":-5},"country":"Germany"}`, `usage.prompt_tokens "-5" is negative`)
	f(`{"usage":{"prompt_tokens":"many"}}`, `usage.prompt_tokens "many" is not a number`)
	f(`{`+tokens+`"weight":"x"}`, `weight "x" is not a number`)
	f(`{`+tokens+`"tenant":{}}`, `tenant is an object and not a text or a number`)
}

// TestBatches reads batches of CloudEvents.
func TestBatches(t *testing.T) {
	one := strings.TrimSpace(event("token_call", `{"input_total":1}`))
	two := strings.Replace(one, `"id":"1"`, `"id":"2"`, 1)
	for _, data := range []string{"[" + one + "," + two + "]", "[\n  " + one + ",\n  " + two + "\n]\n", "[" + one + "]\n[" + two + "]\n[]"} {
		o := options("cloudevents", Stdin)
		o.Product, o.Stdin = "api", strings.NewReader(data)
		if log, result := replayed(t, o); len(log.calls) != 2 || result.Skipped > 0 {
			t.Errorf("%s: %+v", data, result)
		}
	}
}

// FuzzUsage reads any data as the usage of a call: the classes are disjoint and within the sums.
func FuzzUsage(f *testing.F) {
	f.Add([]byte(`{"usage":{"prompt_tokens":5,"total_tokens":7,"prompt_tokens_details":{"cached_tokens":9}}}`))
	f.Add([]byte(`{"id":"m","type":"message","role":"assistant","usage":{"input_tokens":5,"cache_creation":{"ephemeral_5m_input_tokens":3,"ephemeral_1h_input_tokens":9},"cache_creation_input_tokens":4,"service_tier":"flex"}}`))
	f.Add([]byte(`{"usageMetadata":{"promptTokenCount":1,"thoughtsTokenCount":5}}`))
	f.Add([]byte(`{"usage":"{\"input\":1,\"output\":2}","tokens":"3","type":"input"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		drainAny(t, Options{Format: "cloudevents", Product: "p"}, []byte(event("token_call", string(data))))
	})
}
