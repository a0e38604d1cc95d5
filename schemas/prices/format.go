package prices

import (
	"bytes"
	"encoding/json"
	"regexp"
)

// genaiYAML is a line that only files of genai-prices have, of those in YAML.
var genaiYAML = regexp.MustCompile(`(?m)^models:`)

// FormatOf says of which format a table is: litellm, models.dev, genai-prices, history or yaml.
func FormatOf(content []byte) string {
	head := bytes.TrimLeft(content, " \t\r\n\ufeff")
	switch {
	case bytes.HasPrefix(head, []byte("observed_at,")):
		return "history"
	case bytes.HasPrefix(head, []byte("[")):
		return "genai-prices"
	case !bytes.HasPrefix(head, []byte("{")):
		if genaiYAML.Match(content) {
			return "genai-prices"
		}
		return "yaml"
	}
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(content, &entries); err != nil {
		return "litellm"
	}
	for _, name := range []string{"providers", "models"} {
		if bytes.HasPrefix(entries[name], []byte("[")) {
			return "genai-prices"
		}
	}
	// Of models.dev, an entry is a provider, which has models.
	for _, entry := range entries {
		var e struct {
			Models json.RawMessage `json:"models"`
		}
		if err := json.Unmarshal(entry, &e); err == nil && len(e.Models) > 0 {
			return "models.dev"
		}
	}
	return "litellm"
}
