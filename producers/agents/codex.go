package agents

import (
	"fmt"

	"tidemark/producers/calls"
	"tidemark/producers/formats/jsonpath"
	"tidemark/producers/stored"
)

var codex = agent{client: "codex", product: "codex", provider: "openai", operation: "chat"}

// Codex reads a session log of Codex. Nothing in it names a call: the sum of all tokens so far does, within the session that it
// began in. A session that was forked begins with a copy of the other one, under new times; its calls are those of the other.
type Codex struct {
	session string            // The first one that the file names.
	latest  string            // The last one.
	parents map[string]string // Of sessions that were forked.

	model, version, provider string
}

// NewCodex returns a reader of one file.
func NewCodex() *Codex { return &Codex{parents: map[string]string{}} }

// Read adds what a line says about a call to the batch.
func (c *Codex) Read(line jsonpath.Object, b *calls.Batch) {
	kind := line.First("type")
	switch kind {
	case "session_meta":
		c.meta(line.Inner("payload"))
	case "turn_context":
		c.model = line.Inner("payload").First("model")
	case "event_msg":
		if payload := line.Inner("payload"); payload.First("type") == "token_count" {
			c.count(line, payload.Inner("info"), b)
			return
		}
	}
	b.Skip(skipOther)
}

// meta notes the session, and the one that it is a copy of: it says so, or the copied lines have their session's name.
func (c *Codex) meta(payload jsonpath.Object) {
	id := payload.First("id", "session_id")
	if id == "" {
		return
	}
	if c.session == "" {
		c.session = id
		c.version, c.provider = payload.First("cli_version"), payload.First("model_provider")
	}
	if from := payload.First("forked_from_id"); from != "" {
		c.parents[id] = from
	}
	if _, known := c.parents[c.latest]; !known && c.latest != "" && c.latest != id && id != c.session {
		c.parents[c.latest] = id
	}
	c.latest = id
}

// origin returns the session that the calls of the file are named by.
func (c *Codex) origin() string {
	id := c.session
	for range len(c.parents) { // No more, whatever names whom.
		if from, ok := c.parents[id]; ok {
			id = from
		}
	}
	return id
}

// count reads the usage of the last call.
func (c *Codex) count(line, info jsonpath.Object, b *calls.Batch) {
	last, total := info.Inner("last_token_usage"), info.Inner("total_token_usage")
	if last == nil || total == nil {
		b.Skip(skipNoUsage)
		return
	}
	r, problem := codex.report(line)
	if problem != "" {
		b.Reject("timestamp", problem)
		return
	}
	for _, of := range []struct {
		path string
		into *calls.Count
	}{
		{"input_tokens", &r.Input}, {"cached_input_tokens", &r.Read}, {"cache_write_input_tokens", &r.Write}, {"output_tokens", &r.Output},
		{"reasoning_output_tokens", &r.Reasoning}, {"total_tokens", &r.Total},
	} {
		if *of.into, problem = stored.Count(last, of.path); problem != "" {
			b.Reject("payload.info.last_token_usage."+of.path, problem)
			return
		}
	}
	if r.Input.N == 0 && r.Output.N == 0 {
		b.Skip(skipEstimate)
		return
	}
	if c.session == "" {
		b.Reject("payload.info", "belongs to no session: the line session_meta at the beginning of the file is missing")
		return
	}
	if c.provider != "" {
		r.Provider = c.provider
	}
	r.Served, r.Version = c.model, c.version
	r.ReporterID = fmt.Sprintf("%s/%s-%s-%s-%s", c.origin(), total.First("input_tokens"), total.First("cached_input_tokens"), total.First("output_tokens"),
		total.First("reasoning_output_tokens"))
	b.Report(r)
}
