// Package gateways makes token calls of the records that gateways write about them: LiteLLM's callbacks, logs of Kong AI
// Gateway, of Envoy AI Gateway and others that use the names of OpenTelemetry, and the invocation log of Amazon Bedrock.
//
//	body -> objects -> format that fits -> calls.Report -> calls.Memory: which call -> event
//
// Records hold prompts, answers and people's addresses. Only the paths that a format lists are read.
package gateways

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"tidemark/producers/calls"
	"tidemark/producers/formats/jsonpath"
)

// Decoder makes events of records. It is safe for concurrent use.
type Decoder struct{ memory *calls.Memory }

// New returns a decoder that finds calls in the memory.
func New(memory *calls.Memory) *Decoder { return &Decoder{memory: memory} }

// maxItems bounds the records of one body.
const maxItems = 10_000

// Decode makes events of a body: one object, an array of them, or one per line, whatever its content type says. A record
// that no format fits is rejected. The error is about the body as a whole.
func (d *Decoder) Decode(o calls.Origin, body []byte) (calls.Result, error) {
	objects, err := split(body)
	if err != nil {
		return calls.Result{}, err
	}
	var b calls.Batch
	for _, raw := range objects {
		readRecord(&b, raw)
	}
	return d.memory.Result(o, &b), nil
}

// ErrTooMany means that a body has more records than a request may have.
var ErrTooMany = fmt.Errorf("more than %d records in one request: send them in parts", maxItems)

// split returns the objects of a body.
func split(body []byte) ([]json.RawMessage, error) {
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	decoder := json.NewDecoder(bytes.NewReader(body))
	var all []json.RawMessage
	for {
		rest := bytes.TrimLeft(body[decoder.InputOffset():], " \t\r\n")
		if len(rest) == 0 {
			return all, nil
		}
		if err := value(decoder, rest[0] == '[', &all); err != nil {
			return nil, err
		}
	}
}

// value adds the next value of a body or, one at a time, the items of the array that it is.
func value(decoder *json.Decoder, isArray bool, all *[]json.RawMessage) error {
	bad := func() error {
		return fmt.Errorf("byte %d is no JSON: send one object, an array of objects, or one object per line", decoder.InputOffset())
	}
	one := func() error {
		var item json.RawMessage
		if decoder.Decode(&item) != nil {
			return bad()
		}
		if len(*all) == maxItems {
			return ErrTooMany
		}
		*all = append(*all, item)
		return nil
	}
	if !isArray {
		return one()
	}
	if _, err := decoder.Token(); err != nil {
		return bad()
	}
	for decoder.More() {
		if err := one(); err != nil {
			return err
		}
	}
	if _, err := decoder.Token(); err != nil {
		return bad()
	}
	return nil
}

// maxRecord bounds a record in bytes.
const maxRecord = 1 << 20

// readRecord adds what a record says to the batch.
func readRecord(b *calls.Batch, raw json.RawMessage) {
	if len(raw) > maxRecord {
		b.Reject("record", "is larger than 1 MiB")
		return
	}
	var o jsonpath.Object
	if json.Unmarshal(raw, &o) != nil || o == nil {
		b.Reject("record", "is not a JSON object")
		return
	}
	for i := range formats {
		f := &formats[i]
		if !f.fits(o) {
			continue
		}
		r := &calls.Report{Scope: calls.ScopeOf(f.client), Client: f.client, Operation: "chat"}
		if f.cached != nil && f.cached(o) {
			b.Skip(skipCached)
			return
		}
		if field, reason := f.read(o, r); reason != "" {
			b.Reject(field, reason)
			return
		}
		if r.ResponseID == "" && r.ReporterID == "" {
			b.Reject("id", "is missing: a record needs the id of its call, so that a record that is sent again counts once")
			return
		}
		r.End = max(r.Start, r.End)
		// A call may be stated twice, as a failure and then as a success.
		r.LogID = fmt.Sprint(r.ResponseID, "/", r.ReporterID, "/", r.Start, "/", r.End, "/", r.Failed, "/", r.Input.N, "/", r.Output.N)
		b.Report(r)
		return
	}
	b.Reject("record", "is of no gateway that is known: "+known())
}

// skipCached is why an answer from a gateway's cache is no call: no provider was asked.
const skipCached = "answered from the gateway's cache"

// known lists the formats, for messages.
func known() string {
	var names []string
	for i := range formats {
		names = append(names, formats[i].title)
	}
	return strings.Join(names, ", ")
}
