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
	"errors"
	"fmt"
	"io"
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

// split returns the objects of a body.
func split(body []byte) ([]json.RawMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(body, []byte("\ufeff"))))
	var all []json.RawMessage
	for {
		var value json.RawMessage
		err := decoder.Decode(&value)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("byte %d is no JSON: send one object, an array of objects, or one object per line", decoder.InputOffset())
		}
		if value[0] == '[' {
			var items []json.RawMessage
			if err := json.Unmarshal(value, &items); err != nil {
				return nil, errors.New("the array is no JSON")
			}
			all = append(all, items...)
		} else {
			all = append(all, value)
		}
		if len(all) > maxItems {
			return nil, fmt.Errorf("more than %d records in one request: send them in parts", maxItems)
		}
	}
}

// readRecord adds what a record says to the batch.
func readRecord(b *calls.Batch, raw json.RawMessage) {
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
