package agents

import (
	"encoding/json"

	"tidemark/producers/formats/jsonpath"
)

// Kind returns the name of the agent whose sessions have such an object: that of its format, empty if the object tells none.
func Kind(o jsonpath.Object) string {
	if _, ok := o["payload"]; ok {
		switch o.First("type") {
		case "session_meta", "turn_context", "event_msg", "response_item":
			return codex.product
		}
	}
	switch o.First("type") {
	case "gemini":
		return geminiCLI.product
	case "qwen":
		return qwenCode.product
	case "assistant":
		switch {
		case o.Inner("usageMetadata") != nil:
			return qwenCode.product
		case o.Inner("message.usage") != nil:
			return claudeCode.product
		}
	}
	var messages []jsonpath.Object
	if json.Unmarshal(o[Messages], &messages) != nil {
		return ""
	}
	for _, message := range messages {
		if kind := Kind(message); kind != "" {
			return kind
		}
	}
	return ""
}
