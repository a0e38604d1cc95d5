package otlp_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/protobuf/proto"

	"tidemark/internal/test/env"
	"tidemark/producers/calls"
	"tidemark/producers/otlp"
	usagev1 "tidemark/schemas/usage/v1"
)

// providerCall is one call as the provider answered it.
type providerCall struct {
	Status  int                `json:"http_status"`
	Outcome string             `json:"outcome"`
	Given   string             `json:"usage_given_to_client"`
	Tokens  map[string]*uint64 `json:"tokens"`
}

// expectation is what a provider answered in the cases of one client.
type expectation struct {
	Wire  map[string]string
	Cases map[string]struct {
		Files         []string
		ProviderCalls []providerCall `json:"provider_calls"`
	}
}

// fewer are cases that report fewer calls than there were, and the calls that they report.
var fewer = map[string]int{
	"otel-google-genai-1.3b0/tool":       1, // The loop over two calls is one span, with the usage of the second.
	"otel-google-genai-1.3b0/tool.optin": 1,
}

// unsaid is the input of each call that a client leaves out of its counts: Gemini counts the tokens of tool use apart.
var unsaid = map[string]uint64{"otel-google-genai-1.3b0": 50}

// TestCaptures reads what 13 clients sent and expects each answered call once, with the classes that the client sends.
func TestCaptures(t *testing.T) {
	root := env.Data(t, "otlp-captures")
	paths, err := filepath.Glob(filepath.Join(root, "*", "expect.json"))
	if err != nil || len(paths) == 0 {
		t.Fatal("no captures", err)
	}
	for _, path := range paths {
		var expect expectation
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &expect); err != nil {
			t.Fatal(err)
		}
		client := filepath.Base(filepath.Dir(path))
		for name, c := range expect.Cases {
			if strings.HasSuffix(name, ".generic") {
				continue // No OTLP.
			}
			for _, order := range []string{"forward", "backward", "forward with restarts", "backward with restarts"} {
				t.Run(client+"/"+name+"/"+order, func(t *testing.T) {
					files := slices.Clone(c.Files)
					if strings.HasPrefix(order, "backward") {
						slices.Reverse(files)
					}
					check(t, client, name, expect.Wire, events(t, filepath.Dir(path), files, strings.HasSuffix(order, "restarts")), c.ProviderCalls)
				})
			}
		}
	}
}

// events returns the last statement of each event in files that are sent twice; with restarts to a decoder that knows only what
// is on the log, for each file.
func events(t *testing.T, folder string, files []string, restarts bool) []*usagev1.TokenCall {
	t.Helper()
	d := otlp.New(calls.NewMemory(calls.Options{}))
	last := map[string]*usagev1.TokenCall{}
	var log []*usagev1.TokenCall
	for range 2 {
		for _, file := range files {
			if restarts {
				memory := calls.NewMemory(calls.Options{})
				memory.Recall(log)
				d = otlp.New(memory)
			}
			made := decode(t, d, filepath.Join(folder, file))
			log = append(log, made...)
			for _, e := range made {
				old := last[e.Source+e.Id]
				if old != nil && old.GetTimeUs() != e.GetTimeUs() {
					t.Errorf("%s %s has two times", e.Source, e.Id)
				}
				if old != nil && old.Revision == e.Revision && !proto.Equal(old, e) {
					t.Errorf("two statements of one revision: %v and %v", old, e)
				}
				if old == nil || e.Revision >= old.Revision {
					last[e.Source+e.Id] = e
				}
			}
		}
	}
	return slices.Collect(maps.Values(last))
}

// decode reads a request as it was sent.
func decode(t *testing.T, d *otlp.Decoder, path string) []*usagev1.TokenCall {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(path, ".gz") {
		r, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if body, err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	origin := calls.Origin{Tenant: "acme", Product: "chat"}
	var result calls.Result
	isJSON := strings.Contains(filepath.Base(path), ".json")
	switch {
	case strings.Contains(path, "-traces."):
		r := ptraceotlp.NewExportRequest()
		if isJSON {
			err = r.UnmarshalJSON(body)
		} else {
			err = r.UnmarshalProto(body)
		}
		result = d.Traces(origin, r.Traces())
	case strings.Contains(path, "-logs."):
		r := plogotlp.NewExportRequest()
		if isJSON {
			err = r.UnmarshalJSON(body)
		} else {
			err = r.UnmarshalProto(body)
		}
		result = d.Logs(origin, r.Logs())
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range result.Rejected {
		t.Errorf("%s: item %d: %s %s", path, bad.Index, bad.Field, bad.Reason)
	}
	return result.Events
}

// check compares events with the calls of a case.
func check(t *testing.T, client, name string, wire map[string]string, events []*usagev1.TokenCall, calls []providerCall) {
	t.Helper()
	var answered []providerCall
	for _, call := range calls {
		if call.Status == 200 {
			answered = append(answered, call)
		}
	}
	var ok []*usagev1.TokenCall
	for _, e := range events {
		if e.MayBeDouble {
			t.Errorf("may be double: %v", e)
		}
		if e.Status == usagev1.Status_STATUS_OK || slices.ContainsFunc(answered, func(c providerCall) bool { return c.Outcome == "cut" }) {
			ok = append(ok, e)
		}
	}
	want := len(answered)
	if n, is := fewer[client+"/"+name]; is {
		want = n
	}
	if len(ok) != want {
		t.Errorf("%d calls, want %d: %v", len(ok), want, events)
		return
	}
	if want != len(answered) {
		return
	}
	for _, call := range answered {
		if !slices.ContainsFunc(ok, func(e *usagev1.TokenCall) bool { return differs(wire, e, call, unsaid[client]) == "" }) {
			t.Errorf("no event has %v: %s", call, differs(wire, ok[0], call, unsaid[client]))
		}
	}
}

// differs says which class of the call the event has wrong.
func differs(wire map[string]string, e *usagev1.TokenCall, call providerCall, unsaid uint64) string {
	if call.Given == "none" {
		if e.InputUncached != nil || e.OutputVisible != nil {
			return fmt.Sprintf("tokens are invented: %v", e)
		}
		return ""
	}
	of := func(name string) uint64 {
		if n := call.Tokens[name]; n != nil {
			return *n
		}
		return 0
	}
	input := of("input_uncached") + of("cache_read") + of("cache_write_5m") + of("cache_write_1h") + of("cache_write_other")
	input -= min(unsaid, input)
	output := of("output_visible") + of("output_reasoning")
	if got := e.GetInputUncached() + e.GetInputCacheRead() + e.GetInputCacheWrite(); got != input {
		return fmt.Sprintf("input %d, want %d: %v", got, input, e)
	}
	if got := e.GetOutputVisible() + e.GetOutputReasoning(); got != output && call.Given == "all" {
		return fmt.Sprintf("output %d, want %d: %v", got, output, e)
	}
	if call.Given != "all" {
		if e.OutputVisible != nil {
			return fmt.Sprintf("output of a cut stream: %v", e)
		}
		return ""
	}
	if e.InputCacheRead != nil && e.GetInputCacheRead() != of("cache_read") {
		return fmt.Sprintf("cache read: %v", e)
	}
	if e.InputCacheWrite != nil && e.GetInputCacheWrite() != of("cache_write_5m")+of("cache_write_1h")+of("cache_write_other") {
		return fmt.Sprintf("cache write: %v", e)
	}
	if e.OutputReasoning != nil && e.GetOutputReasoning() != of("output_reasoning") {
		return fmt.Sprintf("reasoning: %v", e)
	}
	if e.CacheWrite_5M != nil && (e.GetCacheWrite_5M() != of("cache_write_5m") || e.GetCacheWrite_1H() != of("cache_write_1h")) {
		return fmt.Sprintf("5m and 1h: %v", e)
	}
	if strings.HasPrefix(wire["cache_read"], "yes") && !strings.Contains(wire["cache_read"], "not for streams") && of("cache_read") > 0 && e.InputCacheRead == nil {
		return fmt.Sprintf("cache read is on the wire: %v", e)
	}
	if wire["reasoning"] == "yes" && of("output_reasoning") > 0 && e.OutputReasoning == nil {
		return fmt.Sprintf("reasoning is on the wire: %v", e)
	}
	return ""
}
