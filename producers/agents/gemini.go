package agents

import (
	"encoding/json"

	"tidemark/producers/calls"
	"tidemark/producers/formats/jsonpath"
	"tidemark/producers/stored"
)

// Messages is the key of the messages of a recorded chat. They may come as objects of their own after the rest of the chat.
const Messages = "messages"

// Chats reads a recorded chat of Gemini CLI or of Qwen Code: an object with messages, or a line per message, and lines that set
// something for the whole chat.
type Chats struct {
	agent
	session string
}

var (
	geminiCLI = agent{client: "gemini_cli", product: "gemini-cli", provider: "gcp.gemini", operation: "generate_content", apart: true}
	qwenCode  = agent{client: "qwen-code", product: "qwen-code", provider: "alibaba_cloud", operation: "chat"}
)

// NewGeminiCLI returns a reader of one file of Gemini CLI, whose output lacks the thoughts.
func NewGeminiCLI() *Chats { return &Chats{agent: geminiCLI} }

// NewQwenCode returns a reader of one file of Qwen Code, whose output includes the thoughts.
func NewQwenCode() *Chats { return &Chats{agent: qwenCode} }

// Read adds what an object says about calls to the batch.
func (c *Chats) Read(o jsonpath.Object, b *calls.Batch) {
	if set := o.Inner("$set"); set != nil {
		o = set
	}
	if session := o.First("sessionId"); session != "" {
		c.session = session
	}
	raw, whole := o[Messages]
	if !whole {
		c.message(o, b)
		return
	}
	var messages []json.RawMessage
	if json.Unmarshal(raw, &messages) != nil {
		b.Reject("messages", "is not an array")
		return
	}
	for _, raw := range messages {
		var message jsonpath.Object
		if json.Unmarshal(raw, &message) != nil {
			b.Reject("messages", "has an element that is not an object")
			continue
		}
		c.message(message, b)
	}
}

// tokenNames are the counts of a message: first those of tokens, then those of usageMetadata.
var tokenNames = [][2]string{
	{"input", "promptTokenCount"}, {"output", "candidatesTokenCount"}, {"cached", "cachedContentTokenCount"}, {"thoughts", "thoughtsTokenCount"},
	{"tool", "toolUsePromptTokenCount"}, {"total", "totalTokenCount"},
}

// message reads a message.
func (c *Chats) message(m jsonpath.Object, b *calls.Batch) {
	root, names := "tokens", 0
	tokens := m.Inner(root)
	if tokens == nil {
		root, names = "usageMetadata", 1
		tokens = m.Inner(root)
	}
	if tokens == nil {
		switch m.First("type") {
		case "gemini", "qwen", "assistant":
			b.Skip(skipNoUsage)
		default:
			b.Skip(skipOther)
		}
		return
	}
	r, problem := c.report(m)
	if problem != "" {
		b.Reject("timestamp", problem)
		return
	}
	var tool calls.Count
	for i, into := range []*calls.Count{&r.Input, &r.Output, &r.Read, &r.Reasoning, &tool, &r.Total} {
		path := tokenNames[i][names]
		if *into, problem = stored.Count(tokens, path); problem != "" {
			b.Reject(root+"."+path, problem)
			return
		}
	}
	r.Input.N += tool.N // It is input beside the prompt.
	if r.Input.N == 0 && r.Output.N == 0 {
		b.Skip(skipNoUsage)
		return
	}
	id := m.First("id", "uuid")
	if id == "" {
		b.Reject("id", "is missing: it tells the message from others")
		return
	}
	const uuidLength = 36
	if len(id) < uuidLength && c.session != "" {
		id = c.session + "/" + id
	}
	r.Served, r.Version, r.ReporterID = m.First("model"), m.First("version"), id
	b.Report(r)
}
