package prices

import (
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"tidemark/schemas"
)

// litellmUnits are the fields of LiteLLM's table that are the price of a unit that events count.
var litellmUnits = map[string]Unit{
	"input_cost_per_token": Input, "cache_read_input_token_cost": CacheRead, "cache_creation_input_token_cost": CacheWrite,
	"output_cost_per_token": Output, "output_cost_per_reasoning_token": Reasoning, "input_cost_per_audio_token": InputAudio,
	"input_cost_per_image_token": InputImage, "output_cost_per_audio_token": OutputAudio, "output_cost_per_image_token": OutputImage,
	"input_cost_per_request": Request,
}

// litellmOther are the fields whose unit events do not count: pictures, seconds, letters, searches, and what is billed apart. The price of tokens is
// right without them.
var litellmOther = regexp.MustCompile(`_per_(second|image|pixel|character|query|page|credit|session|1k_|gb_|video)|_per_audio_per_second|_dbu_cost_|search_context_cost|input_audio_token_cost|citation_cost|output_cost_per_video_token`)

// litellmField is a field with what comes after the unit.
var litellmField = regexp.MustCompile(`^(.+?)((?:_above_1hr|_above_\d+k_tokens|_priority|_flex|_batches)*)$`)

var litellmTiers = map[string]string{"priority": "priority", "flex": "flex", "batches": "batch"}

// MaxTable bounds the bytes of a table.
const MaxTable = 64 << 20

// ReadLiteLLM reads LiteLLM's model_prices_and_context_window.json. Its prices are in USD per token.
func ReadLiteLLM(r io.Reader) (Table, error) {
	var raw map[string]json.RawMessage
	if err := decode(r, &raw); err != nil {
		return Table{}, err
	}
	table := Table{Source: "litellm"}
	added := newAdder(&table)
	for _, key := range sortedKeys(raw) {
		if key == "sample_spec" {
			continue
		}
		var fields map[string]any
		if err := decode(strings.NewReader(string(raw[key])), &fields); err != nil {
			if key == "last_updated" { // Mirrors of the table add it.
				continue
			}
			table.skip(key, "it is no object")
			continue
		}
		found, reason := litellmEntry(key, fields)
		if reason != "" {
			table.skip(key, "%s", reason)
			continue
		}
		added.add(key, found)
	}
	return table, nil
}

// litellmEntry returns the prices of an entry, or why it has none.
func litellmEntry(key string, fields map[string]any) (found []Price, reason string) {
	provider, _ := fields["litellm_provider"].(string)
	base, reason := litellmKey(key, provider)
	if reason != "" {
		return nil, reason
	}
	mode, _ := fields["mode"].(string)
	for _, name := range sortedKeys(fields) {
		value := fields[name]
		switch {
		case !strings.Contains(name, "cost") && name != "tiered_pricing" || value == nil:
			continue
		case name == "tiered_pricing":
			steps, reason := litellmSteps(base, value)
			if reason != "" {
				return nil, reason
			}
			found = append(found, steps...)
			continue
		case name == "input_cost_per_token_cache_hit": // DeepSeek's name of what cache_read_input_token_cost says too.
			if _, twice := fields["cache_read_input_token_cost"]; twice {
				continue
			}
			name = "cache_read_input_token_cost"
		}
		p, known, reason := litellmPrice(base, name, value)
		if reason != "" {
			return nil, reason
		}
		if known {
			found = append(found, p)
		}
	}
	found, reason = withoutUnknown(found, mode)
	if reason != "" {
		return nil, reason
	}
	return litellmUplift(found, fields)
}

// withoutUnknown removes what is 0 because nobody knows it: a price of 0 beside others that are not, but for that of an output that a kind of call
// does not have.
func withoutUnknown(all []Price, mode string) (found []Price, reason string) {
	costs := slices.ContainsFunc(all, func(p Price) bool { return p.Picos > 0 })
	switch {
	case len(all) == 0:
		return nil, "it has no price of tokens"
	case !costs:
		return nil, "all its prices are 0, which may mean that they are not known"
	}
	return slices.DeleteFunc(all, func(p Price) bool {
		return p.Picos == 0 && p.Published != NotTold && (p.Unit != Output || mode != "embedding" && mode != "rerank")
	}), ""
}

// litellmKey returns what the key of an entry says.
func litellmKey(key, provider string) (base Price, reason string) {
	if provider == "" {
		return base, "it names no provider"
	}
	seller, model := vendorOf(key, provider, litellmProvider)
	base = Price{Key: Key{Provider: seller, Model: model, Tier: Standard}, Currency: "USD", Per: 1, Source: "litellm"}
	region, rest, found := strings.Cut(model, "/")
	switch {
	case !found || seller != "aws.bedrock" && seller != "azure.ai.openai":
	case strings.Contains(rest, "commitment/"):
		return base, "it is the price of a commitment, by time"
	case strings.ContainsAny(region, "*"):
		return base, "it is no model"
	case seller == "azure.ai.openai" && !slices.Contains([]string{"eu", "us", "global", "global-standard"}, region):
		return base, "it is no model of tokens"
	default:
		base.Region, base.Model = strings.TrimSuffix(region, "-standard"), rest
	}
	return base, ""
}

// litellmProvider returns the name of a provider, whose parts LiteLLM tells apart.
func litellmProvider(name string) string {
	name = strings.TrimPrefix(name, "text-completion-")
	if before, _, found := strings.Cut(name, "-"); found && (before == "vertex_ai" || before == "fireworks_ai") {
		name = before
	}
	switch name {
	case "bedrock_converse", "bedrock_mantle":
		name = "bedrock"
	case "cohere_chat":
		name = "cohere"
	case "azure_text":
		name = "azure"
	}
	return schemas.Provider(name)
}

// litellmPrice reads a field. known is false if its unit is none that events count.
func litellmPrice(base Price, name string, value any) (p Price, known bool, reason string) {
	if strings.HasPrefix(name, "regional_processing_uplift") || litellmOther.MatchString(name) {
		return base, false, ""
	}
	parts := litellmField.FindStringSubmatch(name)
	unit, ok := litellmUnits[parts[1]]
	number, isNumber := value.(json.Number)
	if !ok || !isNumber {
		return base, false, fmt.Sprintf("%s is a price that Tidemark does not know", schemas.Excerpt(name))
	}
	p = base
	p.Unit = unit
	for suffix := range strings.SplitSeq(strings.ReplaceAll(parts[2], "_above_", "_above-"), "_") {
		tokens, above := strings.CutPrefix(suffix, "above-")
		switch {
		case suffix == "" || suffix == "tokens":
		case tokens == "1hr" && unit == CacheWrite:
			p.Unit = CacheWrite1h
		case above && strings.HasSuffix(tokens, "k"):
			n, err := strconv.ParseUint(strings.TrimSuffix(tokens, "k"), 10, 32)
			if err != nil {
				return p, false, fmt.Sprintf("%s: %s is no number of tokens", name, tokens)
			}
			p.ContextOver = n * 1000
		case litellmTiers[suffix] != "":
			p.Tier = litellmTiers[suffix]
		default:
			return p, false, fmt.Sprintf("%s is a price that Tidemark does not know", schemas.Excerpt(name))
		}
	}
	return priced(p, number.String())
}

// priced completes a price by the number that was published.
func priced(p Price, published string) (_ Price, known bool, reason string) {
	p.Published = published
	picos, err := p.picos()
	if err != nil {
		return p, false, fmt.Sprintf("%s: %v", p.Unit, err)
	}
	p.Picos = picos
	return p, true, ""
}

// litellmSteps reads tiered_pricing: ranges of the tokens of input, each with prices of all tokens.
func litellmSteps(base Price, value any) (found []Price, reason string) {
	steps, _ := value.([]any)
	for _, step := range steps {
		fields, _ := step.(map[string]any)
		bounds, _ := fields["range"].([]any)
		if len(bounds) != 2 {
			return nil, "tiered_pricing has a step without a range of tokens"
		}
		number, _ := bounds[0].(json.Number)
		over, ok := new(big.Rat).SetString(number.String())
		if !ok || !over.IsInt() || over.Sign() < 0 || !over.Num().IsUint64() {
			return nil, fmt.Sprintf("tiered_pricing begins at %q tokens", number)
		}
		base.ContextOver = over.Num().Uint64()
		for _, name := range sortedKeys(fields) {
			if !strings.Contains(name, "cost") {
				continue
			}
			p, known, reason := litellmPrice(base, name, fields[name])
			if reason != "" {
				return nil, reason
			}
			if known {
				found = append(found, p)
			}
		}
	}
	if len(found) == 0 {
		return nil, "tiered_pricing has no step with a price of tokens"
	}
	return found, ""
}

// litellmUplift adds the prices of the regions for which the entry has a factor.
func litellmUplift(all []Price, fields map[string]any) (found []Price, reason string) {
	found = all
	for _, region := range []string{"eu", "us"} {
		number, ok := fields["regional_processing_uplift_multiplier_"+region].(json.Number)
		if !ok {
			continue
		}
		factor, ok := new(big.Rat).SetString(number.String())
		if !ok || factor.Sign() <= 0 {
			return nil, fmt.Sprintf("the factor of %s is %q", region, number)
		}
		for _, p := range all {
			picos := new(big.Rat).Mul(factor, new(big.Rat).SetInt64(int64(p.Picos)))
			if !picos.IsInt() || !picos.Num().IsInt64() {
				return nil, fmt.Sprintf("%s in %s is finer than 1e-12 USD", p.Name(), region)
			}
			p.Region, p.Picos = region, Picos(picos.Num().Int64())
			p.Published = p.Picos.String()
			found = append(found, p)
		}
	}
	return found, ""
}

// decode reads one JSON value whose numbers stay as they are written.
func decode(r io.Reader, into any) error {
	d := json.NewDecoder(io.LimitReader(r, MaxTable))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("read the table as JSON: %w", err)
	}
	return nil
}

func sortedKeys[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
