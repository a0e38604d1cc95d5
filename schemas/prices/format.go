package prices

import (
	"bytes"
	"encoding/json"
)

// FormatOf says of which format a table is: litellm, models.dev, history or yaml.
func FormatOf(content []byte) string {
	head := bytes.TrimLeft(content, " \t\r\n\ufeff")
	switch {
	case bytes.HasPrefix(head, []byte("observed_at,")):
		return "history"
	case !bytes.HasPrefix(head, []byte("{")):
		return "yaml"
	}
	// Of models.dev, an entry is a provider, which has models.
	var entries map[string]struct {
		Models json.RawMessage `json:"models"`
	}
	if err := json.Unmarshal(content, &entries); err == nil {
		for _, e := range entries {
			if len(e.Models) > 0 {
				return "models.dev"
			}
		}
	}
	return "litellm"
}
