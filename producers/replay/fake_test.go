package replay

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"tidemark/producers"
	"tidemark/producers/formats"
	"tidemark/producers/formats/fields"
	"tidemark/producers/formats/mapping"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// memory is a Log that keeps events decoded, with the time since its start at which they came.
type memory struct {
	mu    sync.Mutex
	begin time.Time
	calls []*usagev1.TokenCall
	runs  []*usagev1.Run
	all   []schemas.Event // Runs left out.
	at    []time.Duration
	// full, if set, is called with the count of calls so far.
	full func(calls int)
}

func (m *memory) Partitions(context.Context, string) (int, error) { return 4, nil }

func (m *memory) Append(_ context.Context, records []producers.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range records {
		_, topic, _ := strings.Cut(r.Topic, ".")
		spec, ok := schemas.SpecByTopic(topic)
		if !ok {
			return fmt.Errorf("topic %s", r.Topic)
		}
		e := schemas.NewEvent(spec.Type)
		if err := proto.Unmarshal(r.Value, e); err != nil {
			return err
		}
		if err := schemas.Validate(e); err != nil {
			return err
		}
		if spec.Type != schemas.RunType {
			m.all = append(m.all, e)
		}
		switch e := e.(type) {
		case *usagev1.TokenCall:
			m.calls, m.at = append(m.calls, e), append(m.at, time.Since(m.begin))
		case *usagev1.Run:
			m.runs = append(m.runs, e)
		}
	}
	if m.full != nil {
		m.full(len(m.calls))
	}
	return nil
}

// replayed runs a replay into memory.
func replayed(t *testing.T, o Options) (*memory, Result) {
	t.Helper()
	log := &memory{begin: time.Now()}
	result, err := Run(t.Context(), &producers.Sender{Log: log}, o)
	if err != nil {
		t.Fatal(err)
	}
	return log, result
}

// testUsers is a key that is known.
var testUsers = fields.KeyedUsers([]byte("0123456789abcdef0123456789abcdef"))

// options are those to replay the files with, without Start where there is no use for it.
func options(format string, files ...string) Options {
	o := Options{Format: format, Files: files, Users: testUsers, Run: "test"}
	if formats.Named(format).NeedsStart {
		o.Start = start
	}
	return o
}

// readMapping reads a mapping that is right.
func readMapping(t *testing.T, name string) *mapping.Mapping {
	t.Helper()
	m, err := mapping.Read(name)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func zipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// show prints an event for a golden file.
func show(c *usagev1.TokenCall) string {
	n := func(p *uint64) string {
		if p == nil {
			return "-"
		}
		return fmt.Sprint(*p)
	}
	return fmt.Sprintf("%s %s %s/%s %s %s user=%016x stream=%t in=%s cached=%s out=%s first=%s latency=%s", c.Id,
		time.UnixMicro(c.GetTimeUs()).UTC().Format(time.RFC3339Nano), c.Tenant, c.Product, c.Provider, c.Model, c.User, c.Streaming,
		n(c.InputUncached), n(c.InputCacheRead), n(c.OutputVisible), n(c.FirstTokenUs), n(c.LatencyUs))
}

// showAll prints all that is set in an event.
func showAll(e schemas.Event) string {
	spec, _ := schemas.TypeOf(e)
	text := spec.String()
	fields := e.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if !e.ProtoReflect().Has(fd) {
			continue
		}
		value := e.ProtoReflect().Get(fd).Interface()
		switch {
		case fd.TextName() == "time_us":
			value = time.UnixMicro(e.GetTimeUs()).UTC().Format(time.RFC3339Nano)
		case fd.TextName() == "run":
			continue
		case fd.TextName() == "user":
			value = fmt.Sprintf("%016x", value)
		}
		text += fmt.Sprintf(" %s=%v", fd.TextName(), value)
	}
	return text
}

// byTime compares calls by their time.
func byTime(a, b *usagev1.TokenCall) int { return cmp.Compare(a.GetTimeUs(), b.GetTimeUs()) }
