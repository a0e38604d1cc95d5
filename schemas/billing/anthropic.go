package billing

import (
	"errors"
	"fmt"

	"tidemark/schemas"
)

// Fields of the results of Anthropic's buckets.
var (
	anthropicUsageFields = words(`uncached_input_tokens cache_creation cache_read_input_tokens output_tokens server_tool_use model workspace_id api_key_id
		account_id service_account_id service_tier context_window inference_geo speed`)
	anthropicWriteFields = words(`ephemeral_1h_input_tokens ephemeral_5m_input_tokens`)
	anthropicCostFields  = words(`amount currency cost_type token_type description model workspace_id service_tier context_window inference_geo speed`)
)

// readAnthropic reads pages of Anthropic's usage report of messages, or of its cost report.
func readAnthropic(content []byte, c *collector, kind Kind) error {
	return pages(content, "data", func(n int, v value) error {
		bucket := place{v, fmt.Sprintf("item %d", n)}
		span, err := bucket.textSpan("starting_at", "ending_at")
		if err != nil {
			return err
		}
		if err := c.bucket(kind, span, bucket.where()); err != nil {
			return err
		}
		results, err := bucket.list("results", "result")
		if err != nil {
			return err
		}
		for _, r := range results {
			o := Observation{From: span.From, To: span.To, Kind: kind, Provider: "anthropic"}
			if err := r.labels(map[string]*string{"workspace_id": &o.Project, "model": &o.Model}); err != nil {
				return err
			}
			if kind == Cost {
				err = anthropicCost(c, r, o)
			} else {
				err = anthropicUsage(c, r, o)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func anthropicUsage(c *collector, r place, o Observation) error {
	if err := r.known(anthropicUsageFields); err != nil {
		return err
	}
	t := &o.Tokens
	err := r.counts(map[string]**uint64{"uncached_input_tokens": &t.Uncached, "cache_read_input_tokens": &t.CacheRead, "output_tokens": &t.Output})
	if err != nil {
		return err
	}
	if t.Uncached == nil {
		return r.wrong("uncached_input_tokens", "it is not there")
	}
	if writes := (place{r.fields["cache_creation"], r.path + ", cache_creation"}); writes.kind == objectValue {
		if err := writes.known(anthropicWriteFields); err != nil {
			return err
		}
		var hour *uint64
		if err := writes.counts(map[string]**uint64{"ephemeral_5m_input_tokens": &t.CacheWrite, "ephemeral_1h_input_tokens": &hour}); err != nil {
			return err
		}
		if err := plus(&t.CacheWrite, hour); err != nil {
			return writes.wrong("ephemeral_1h_input_tokens", "%w", err)
		}
	}
	all := *t.Uncached
	t.Input = &all
	err = errors.Join(plus(&t.Input, t.CacheRead), plus(&t.Input, t.CacheWrite))
	if err == nil {
		err = c.add(o)
	}
	if err != nil {
		return r.wrong("uncached_input_tokens", "%w", err)
	}
	return nil
}

func anthropicCost(c *collector, r place, o Observation) error {
	if err := r.known(anthropicCostFields); err != nil {
		return err
	}
	var costType string
	if err := r.labels(map[string]*string{"description": &o.Line, "cost_type": &costType, "currency": &o.Currency}); err != nil {
		return err
	}
	if o.Line == "" {
		o.Line = costType
	}
	if o.Currency != "USD" {
		return r.wrong("currency", "%s is not USD, and amounts are in the smallest unit of their currency, which Tidemark knows of USD alone", schemas.Excerpt(o.Currency))
	}
	text, err := r.amount("amount")
	if err != nil {
		return err
	}
	if err := c.spend(o, text, inCents); err != nil {
		return r.wrong("amount", "%w", err)
	}
	return nil
}
