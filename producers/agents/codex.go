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

	sum    usage // All tokens so far.
	resets int   // How often the sum began anew.
}

// usage is the counts of a usage object of Codex, in the order of usagePaths.
type usage [6]calls.Count

var usagePaths = [len(usage{})]string{
	"input_tokens", "cached_input_tokens", "cache_write_input_tokens", "output_tokens", "reasoning_output_tokens", "total_tokens",
}

// read reads a usage object. The path at fault and what is wrong with it are to be read one after the other.
func (u *usage) read(from jsonpath.Object) (path, problem string) {
	for i, path := range usagePaths {
		if u[i], problem = stored.Count(from, path); problem != "" {
			return path, problem
		}
	}
	return "", ""
}

// since returns what came to an earlier sum. A sum with less input or output than the earlier one began anew; of another class
// with less it is unknown what came.
func (u usage) since(before usage) (came usage, anew bool) {
	const input, output = 0, 3
	if u[input].N < before[input].N || u[output].N < before[output].N {
		return u, true
	}
	for i := range u {
		if u[i].Known && u[i].N >= before[i].N {
			came[i] = calls.Of(u[i].N - before[i].N)
		}
	}
	return came, false
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

// count reads the usage of the last call. A log without it has the sum of all calls only: then what came to the sum counts.
func (c *Codex) count(line, info jsonpath.Object, b *calls.Batch) {
	last, total := info.Inner("last_token_usage"), info.Inner("total_token_usage")
	if total == nil {
		b.Skip(skipNoUsage)
		return
	}
	r, problem := codex.report(line)
	if problem != "" {
		b.Reject("timestamp", problem)
		return
	}
	own, field, problem := c.last(last, total)
	r.Difference = last == nil
	for i, into := range []*calls.Count{&r.Input, &r.Read, &r.Write, &r.Output, &r.Reasoning, &r.Total} {
		*into = own[i]
	}
	switch {
	case problem != "":
		b.Reject("payload.info."+field, problem)
		return
	case r.Input.N == 0 && r.Output.N == 0 && last == nil:
		b.Skip(skipUnchanged)
		return
	case r.Input.N == 0 && r.Output.N == 0:
		b.Skip(skipEstimate)
		return
	case c.session == "":
		b.Reject("payload.info", "belongs to no session: the line session_meta at the beginning of the file is missing")
		return
	}
	if c.provider != "" {
		r.Provider = c.provider
	}
	r.Served, r.Version = c.model, c.version
	r.ReporterID = fmt.Sprintf("%s/%s-%s-%s-%s", c.origin(), total.First("input_tokens"), total.First("cached_input_tokens"), total.First("output_tokens"),
		total.First("reasoning_output_tokens"))
	if r.Difference && c.resets > 0 {
		r.ReporterID += fmt.Sprintf("/%d", c.resets) // The sum may have been the same before.
	}
	b.Report(r)
}

// last returns the usage of the last call, by what is said of it or by the sum of all, and notes the sum.
func (c *Codex) last(last, total jsonpath.Object) (own usage, field, problem string) {
	var sum usage
	if path, problem := sum.read(total); problem != "" && last == nil {
		return own, "total_token_usage." + path, problem
	} else if problem != "" {
		sum = c.sum // The last call has its own counts.
	}
	own, anew := sum.since(c.sum)
	if c.sum = sum; anew {
		c.resets++
	}
	if last == nil {
		return own, "", ""
	}
	path, problem := own.read(last)
	return own, "last_token_usage." + path, problem
}
