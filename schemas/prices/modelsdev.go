package prices

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"tidemark/schemas"
)

// modelsDevUnits are the fields of a cost of models.dev.
var modelsDevUnits = map[string]Unit{
	"input": Input, "cache_read": CacheRead, "cache_write": CacheWrite, "output": Output, "reasoning": Reasoning, "input_audio": InputAudio,
	"output_audio": OutputAudio,
}

// modelsDevProviders are the providers that models.dev calls otherwise than OpenTelemetry and everybody else do.
var modelsDevProviders = map[string]string{
	"google-vertex": "gcp.vertex_ai", "google-vertex-anthropic": "gcp.vertex_ai", "amazon-bedrock": "aws.bedrock", "moonshotai": "moonshot_ai",
	"azure-cognitive-services": "azure.ai.inference", "togetherai": "together_ai", "fireworks-ai": "fireworks_ai", "zai": "zai",
}

// modelsDevModel is what models.dev says of a model, as far as it is about money.
type modelsDevModel struct {
	Cost         map[string]json.RawMessage `json:"cost"`
	Experimental struct {
		Modes map[string]struct {
			Cost     map[string]json.RawMessage `json:"cost"`
			Provider struct {
				Body struct {
					Tier string `json:"service_tier"`
				} `json:"body"`
			} `json:"provider"`
		} `json:"modes"`
	} `json:"experimental"`
}

// ReadModelsDev reads the api.json of models.dev. Its prices are in USD per million tokens.
func ReadModelsDev(r io.Reader) (Table, error) {
	var raw map[string]struct {
		Models map[string]modelsDevModel `json:"models"`
	}
	if err := decode(r, &raw); err != nil {
		return Table{}, err
	}
	table := Table{Source: "models.dev"}
	added := newAdder(&table)
	for _, provider := range sortedKeys(raw) {
		seller, other := modelsDevProviders[provider]
		if !other {
			seller = schemas.Provider(provider)
		}
		for _, model := range sortedKeys(raw[provider].Models) {
			entry := provider + "/" + model
			base := Price{Key: Key{Provider: seller, Model: model, Tier: Standard}, Currency: "USD", Per: 1_000_000, Source: table.Source}
			found, reason := raw[provider].Models[model].prices(base)
			if reason == "" {
				found, reason = withoutUnknown(found, "")
			}
			if reason != "" {
				table.skip(entry, "%s", reason)
				continue
			}
			added.add(entry, found)
		}
	}
	return table, nil
}

func (m modelsDevModel) prices(base Price) (found []Price, reason string) {
	found, reason = modelsDevCost(base, m.Cost)
	if reason != "" {
		return nil, reason
	}
	for _, name := range sortedKeys(m.Experimental.Modes) {
		mode := m.Experimental.Modes[name]
		if mode.Provider.Body.Tier != "priority" && mode.Provider.Body.Tier != "flex" || len(mode.Cost) == 0 {
			continue // A mode that no call tells.
		}
		base.Tier = mode.Provider.Body.Tier
		of, reason := modelsDevCost(base, mode.Cost)
		if reason != "" {
			return nil, fmt.Sprintf("mode %s: %s", schemas.Excerpt(name), reason)
		}
		found = append(found, of...)
	}
	return found, ""
}

// modelsDevCost reads a cost, and those of longer contexts within it.
func modelsDevCost(base Price, cost map[string]json.RawMessage) (found []Price, reason string) {
	tiers := false
	for _, name := range sortedKeys(cost) {
		switch unit, known := modelsDevUnits[name]; {
		case known:
			p := base
			p.Unit = unit
			p, _, reason = priced(p, string(cost[name]))
			if reason != "" {
				return nil, reason
			}
			found = append(found, p)
		case name == "tiers":
			tiers = true
			of, reason := modelsDevTiers(base, cost[name])
			if reason != "" {
				return nil, reason
			}
			found = append(found, of...)
		case name == "context_over_200k": // Made from the tiers where there are any.
		default:
			return nil, fmt.Sprintf("%s is a price that Tidemark does not know", schemas.Excerpt(name))
		}
	}
	if long, ok := cost["context_over_200k"]; ok && !tiers && base.ContextOver == 0 {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(long, &fields); err != nil {
			return nil, "context_over_200k is no cost"
		}
		base.ContextOver = 200_000
		of, reason := modelsDevCost(base, fields)
		if reason != "" {
			return nil, reason
		}
		found = append(found, of...)
	}
	return found, ""
}

// modelsDevTiers reads the prices of longer contexts.
func modelsDevTiers(base Price, raw json.RawMessage) (found []Price, reason string) {
	var tiers []map[string]json.RawMessage
	if err := json.Unmarshal(raw, &tiers); err != nil {
		return nil, "tiers is no list of costs"
	}
	for _, fields := range tiers {
		var tier struct {
			Type string      `json:"type"`
			Size json.Number `json:"size"`
		}
		if err := json.Unmarshal(fields["tier"], &tier); err != nil || tier.Type != "" && tier.Type != "context" {
			return nil, "a tier is not one by context"
		}
		size, err := strconv.ParseUint(tier.Size.String(), 10, 40)
		if err != nil || size == 0 {
			return nil, fmt.Sprintf("a tier begins at %q tokens", tier.Size)
		}
		delete(fields, "tier")
		base.ContextOver = size
		of, reason := modelsDevCost(base, fields)
		if reason != "" {
			return nil, reason
		}
		found = append(found, of...)
	}
	return found, ""
}
