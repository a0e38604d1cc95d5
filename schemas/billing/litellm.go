package billing

import (
	"fmt"
	"strings"
	"time"

	"tidemark/schemas"
)

// Fields of LiteLLM's rows. Savings are money that nobody paid, and limits and budgets are no spend.
var (
	spendLogFields = words(`request_id call_type api_key spend total_tokens prompt_tokens completion_tokens startTime endTime completionStartTime
		request_duration_ms model model_id model_group api_base user metadata cache_hit cache_key request_tags team_id organization_id end_user
		requester_ip_address custom_llm_provider messages response proxy_server_request session_id status mcp_namespaced_tool_name agent_id`)
	dailyFields = words(`spend prompt_tokens completion_tokens total_tokens cache_read_input_tokens cache_creation_input_tokens api_requests
		successful_requests failed_requests compression_saved_tokens compression_savings_spend prompt_caching_savings_spend
		gateway_injected_caching_savings_spend autorouter_savings_spend total_response_time_ms timed_requests
		date metrics breakdown id user_id api_key team_id organization_id tag model model_group custom_llm_provider metadata api_key_breakdown`)
)

const day = 24 * time.Hour

// readSpendLogs reads LiteLLM's spend logs, a row per call, and sums them by day.
func readSpendLogs(content []byte, c *collector) error {
	ids := map[string]int{}
	return pages(content, "data", func(n int, v value) error {
		row := place{v, fmt.Sprintf("row %d", n)}
		id, err := row.label("request_id")
		if err != nil {
			return err
		}
		if id == "" {
			return row.wrong("request_id", "it is not there; a summary by day has none: export with summarize=false")
		}
		if before, twice := ids[id]; twice {
			return row.wrong("request_id", "%s is there twice, first in row %d: pages overlap", schemas.Excerpt(id), before)
		}
		ids[id] = n
		if err := row.known(spendLogFields); err != nil {
			return err
		}
		return spendLog(c, row)
	})
}

// naive is the layout of a time without a zone, which is in UTC.
const naive = "2006-01-02T15:04:05.999999999"

func spendLog(c *collector, row place) error {
	var started, provider, hit string
	var o Observation
	err := row.labels(map[string]*string{"startTime": &started, "custom_llm_provider": &provider, "model": &o.Model, "team_id": &o.Project, "cache_hit": &hit})
	if err != nil {
		return err
	}
	at, err := time.Parse(time.RFC3339Nano, started)
	if err != nil {
		if at, err = time.Parse(naive, strings.Replace(started, " ", "T", 1)); err != nil {
			return row.wrong("startTime", "%s is not a time such as 2026-11-01T12:00:00Z", schemas.Excerpt(started))
		}
	}
	o.From = at.UTC().Truncate(day)
	o.To = o.From.Add(day)
	span := Span{o.From, o.To}
	if err := span.validate(); err != nil {
		return row.wrong("startTime", "%w", err)
	}
	o.Provider, o.Model = litellmNames(provider, o.Model)
	c.cover(Usage, span)
	c.cover(Cost, span)
	if strings.EqualFold(hit, "true") {
		c.skip("answers from LiteLLM's own cache, for which no provider was asked")
	} else if err := spendTokens(c, row, o); err != nil {
		return err
	}
	return litellmSpend(c, row, o)
}

// litellmNames returns the names of a provider and a model as events have them.
func litellmNames(provider, model string) (asProvider, asModel string) {
	if provider == "" || provider == "unknown" {
		return "", model
	}
	return schemas.Provider(provider), strings.TrimPrefix(model, provider+"/")
}

// litellmSpend adds the money of a row.
func litellmSpend(c *collector, row place, o Observation) error {
	text, err := row.amount("spend")
	if err != nil {
		return err
	}
	o.Tokens, o.Requests, o.Currency = Tokens{}, nil, "USD"
	if err := c.spend(o, text, inUnits); err != nil {
		return row.wrong("spend", "%w", err)
	}
	return nil
}

// spendTokens adds the tokens of a call.
func spendTokens(c *collector, row place, o Observation) error {
	t := &o.Tokens
	if err := row.counts(map[string]**uint64{"prompt_tokens": &t.Input, "completion_tokens": &t.Output}); err != nil {
		return err
	}
	if t.Input != nil {
		t.CacheRead, t.CacheWrite = cachesOf(row.fields["metadata"])
		if t.CacheRead != nil && split(t) != nil {
			t.CacheRead, t.CacheWrite = nil, nil
			c.skip(oddSplit)
		}
	}
	one := uint64(1)
	o.Kind, o.Requests = Usage, &one
	if err := c.add(o); err != nil {
		return row.wrong("prompt_tokens", "%w", err)
	}
	return nil
}

// cachesOf returns the tokens from and to caches of the usage object in the metadata of a call, which may be JSON in a text; nil if it does not tell.
func cachesOf(metadata value) (read, write *uint64) {
	if metadata.kind == stringValue {
		w := newWalker([]byte(metadata.text))
		w.left = maxValues
		metadata, _ = w.next(0) // What is no JSON tells nothing.
	}
	usage := metadata.fields["usage_object"]
	details := usage.fields["prompt_tokens_details"]
	first := func(found ...value) *uint64 {
		for _, v := range found {
			if n, err := (place{value: value{fields: map[string]value{"n": v}}}).count("n"); n != nil && err == nil {
				return n
			}
		}
		return nil
	}
	read = first(usage.fields["cache_read_input_tokens"], details.fields["cached_tokens"])
	write = first(usage.fields["cache_creation_input_tokens"], details.fields["cache_creation_tokens"], details.fields["cache_write_tokens"])
	if read == nil && write == nil {
		return nil, nil
	}
	if read == nil {
		read = new(uint64)
	}
	if write == nil {
		write = new(uint64)
	}
	return read, write
}

// oddSplit is what of a row is left out.
const oddSplit = "splits of input whose tokens from and to caches are not told, or are more than all input"
