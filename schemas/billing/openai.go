package billing

import (
	"fmt"
	"strings"

	"tidemark/schemas"
)

// Fields of the results of OpenAI's buckets. Those by modality are parts of others.
var (
	openAIUsageFields = words(`object input_tokens input_cached_tokens input_cache_write_tokens input_uncached_tokens output_tokens num_model_requests
		input_text_tokens input_audio_tokens input_image_tokens input_cached_text_tokens input_cached_audio_tokens input_cached_image_tokens
		output_text_tokens output_audio_tokens output_image_tokens project_id user_id api_key_id model batch service_tier`)
	openAICostFields = words(`object amount line_item project_id project_name organization_id api_key_id quantity quantity_unit`)
	amountFields     = words(`value currency`)
)

const (
	openAIUsage = "organization.usage.completions.result"
	openAICost  = "organization.costs.result"
)

// readOpenAI reads pages of OpenAI's usage of completions, or of its costs.
func readOpenAI(content []byte, c *collector, kind Kind) error {
	return pages(content, "data", func(n int, v value) error {
		bucket := place{v, fmt.Sprintf("item %d", n)}
		span, err := bucket.unixSpan("start_time", "end_time")
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
			o := Observation{From: span.From, To: span.To, Kind: kind, Provider: "openai"}
			if err := openAIResult(c, r, o); err != nil {
				return err
			}
		}
		return nil
	})
}

func openAIResult(c *collector, r place, o Observation) error {
	object, err := r.label("object")
	if err != nil {
		return err
	}
	want, fields := openAIUsage, openAIUsageFields
	if o.Kind == Cost {
		want, fields = openAICost, openAICostFields
	}
	if object != "" && object != want {
		return r.wrong("object", "%s is read, this is %s: each goes into a file of its own", want, schemas.Excerpt(object))
	}
	if err := r.known(fields); err != nil {
		return err
	}
	if err := r.labels(map[string]*string{"project_id": &o.Project, "model": &o.Model, "line_item": &o.Line}); err != nil {
		return err
	}
	if o.Kind == Usage {
		return openAITokens(c, r, o)
	}
	o.Model = lineModel(o.Line)
	amount := place{r.fields["amount"], r.path + ", amount"}
	if amount.kind != objectValue {
		return r.wrong("amount", "it has no amount")
	}
	if err := amount.known(amountFields); err != nil {
		return err
	}
	text, err := amount.amount("value")
	if err != nil {
		return err
	}
	if o.Currency, err = amount.label("currency"); err != nil {
		return err
	}
	o.Currency = strings.ToUpper(o.Currency)
	if err := c.spend(o, text, inUnits); err != nil {
		return amount.wrong("value", "%w", err)
	}
	return nil
}

func openAITokens(c *collector, r place, o Observation) error {
	t := &o.Tokens
	err := r.counts(map[string]**uint64{
		"input_tokens": &t.Input, "input_uncached_tokens": &t.Uncached, "input_cached_tokens": &t.CacheRead, "input_cache_write_tokens": &t.CacheWrite,
		"output_tokens": &t.Output, "num_model_requests": &o.Requests,
	})
	if err != nil {
		return err
	}
	if t.Input == nil {
		return r.wrong("input_tokens", "it is not there")
	}
	if t.CacheRead != nil {
		if t.CacheWrite == nil {
			t.CacheWrite = new(uint64) // Exports of before there were such tokens.
		}
		if err := split(t); err != nil {
			return r.wrong("input_tokens", "%w", err)
		}
	}
	if err := c.add(o); err != nil {
		return r.wrong("results", "%w", err)
	}
	return nil
}

// split works out the uncached input, or checks it. Where it includes the tokens that were written to caches, it takes them out.
func split(t *Tokens) error {
	cached := *t.CacheRead + *t.CacheWrite
	if cached > *t.Input {
		return fmt.Errorf("%d from caches and %d to caches are more than all input, %d", *t.CacheRead, *t.CacheWrite, *t.Input)
	}
	rest := *t.Input - cached
	if t.Uncached != nil && *t.Uncached != rest && *t.Uncached != rest+*t.CacheWrite {
		return fmt.Errorf("%d is not the sum of %d uncached, %d from caches and %d to caches", *t.Input, *t.Uncached, *t.CacheRead, *t.CacheWrite)
	}
	t.Uncached = &rest
	return nil
}

// lineModel returns the model of a line item such as "gpt-5.6-terra, cached input" or "gpt-image-1 image, output", and nothing if it names none.
func lineModel(line string) string {
	comma := strings.LastIndex(line, ", ")
	if comma < 0 {
		return ""
	}
	switch line[comma+2:] {
	case "input", "output", "cached input", "cache writes":
	default:
		return ""
	}
	model := line[:comma]
	for _, modality := range []string{" text", " audio", " image"} {
		model = strings.TrimSuffix(model, modality)
	}
	if strings.ContainsAny(model, " ,|") {
		return ""
	}
	return model
}
