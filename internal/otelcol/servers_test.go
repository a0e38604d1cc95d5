package otelcol

import (
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"os"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/zap"

	"tidemark/producers/calls"
	"tidemark/producers/collector"
	"tidemark/producers/collector/keys"
	"tidemark/producers/formats/fields"
	"tidemark/producers/otlp"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// limit bounds a body in both servers.
const limit = 1 << 20

// ports are the addresses of a server.
type ports struct{ web, rpc string }

// failing is what both servers store events in: a place that may fail.
type failing struct {
	mu  sync.Mutex
	err error
}

func (f *failing) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *failing) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// host is a Collector without extensions.
type host struct{}

func (host) GetExtensions() map[component.ID]component.Component { return nil }

// startReceiver starts the receiver of the OpenTelemetry Collector. What it receives goes nowhere, or fails.
func startReceiver(t *testing.T, sink *failing) ports {
	t.Helper()
	factory := otlpreceiver.NewFactory()
	config, ok := factory.CreateDefaultConfig().(*otlpreceiver.Config)
	if !ok {
		t.Fatal("another configuration")
	}
	at := ports{web: freePort(t), rpc: freePort(t)}
	web, rpc := config.Protocols.HTTP.GetOrInsertDefault(), config.Protocols.GRPC.GetOrInsertDefault()
	web.ServerConfig.NetAddr.Endpoint, web.ServerConfig.MaxRequestBodySize = at.web, limit
	rpc.NetAddr.Endpoint, rpc.MaxRecvMsgSizeMiB = at.rpc, limit>>20
	settings := receiver.Settings{ID: component.NewID(factory.Type()), TelemetrySettings: component.TelemetrySettings{
		Logger: zap.NewNop(), TracerProvider: tracenoop.NewTracerProvider(), MeterProvider: metricnoop.NewMeterProvider(), Resource: pcommon.NewResource(),
	}}
	traces, err := consumer.NewTraces(func(context.Context, ptrace.Traces) error { return sink.get() })
	must(t, err)
	logs, err := consumer.NewLogs(func(context.Context, plog.Logs) error { return sink.get() })
	must(t, err)
	metrics, err := consumer.NewMetrics(func(context.Context, pmetric.Metrics) error { return sink.get() })
	must(t, err)
	server, err := factory.CreateTraces(t.Context(), settings, config, traces)
	must(t, err)
	_, err = factory.CreateLogs(t.Context(), settings, config, logs) // The same receiver, as one configuration has one.
	must(t, err)
	_, err = factory.CreateMetrics(t.Context(), settings, config, metrics)
	must(t, err)
	must(t, server.Start(t.Context(), host{}))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return at
}

// freePort returns an address that nobody listens at. The receiver does not tell which one it took.
func freePort(t *testing.T) string {
	t.Helper()
	l := listen(t)
	defer l.Close()
	return l.Addr().String()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	return l
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sink is a collector.Sink that keeps nothing, or fails.
type sink struct{ *failing }

func (s sink) Send(context.Context, []schemas.Event) error { return s.get() }

// every is the meaning of OTLP to which each span and each log record is a call, so that each request needs the sink.
type every struct{}

// Spans reads bodies as the program does, and takes no account of what they say.
func (e every) Spans(o collector.Origin, body []byte, depth int) (collector.Batch, error) {
	if _, err := otlp.New(calls.NewMemory(calls.Options{})).Spans(calls.Origin{}, body, depth); err != nil {
		return collector.Batch{}, err
	}
	in := ptraceotlp.NewExportRequest()
	if err := in.UnmarshalProto(body); err != nil {
		return collector.Batch{}, fmt.Errorf("the library does not take what was read: %w", err)
	}
	return e.Traces(o, in.Traces()), nil
}

func (every) Traces(o collector.Origin, td ptrace.Traces) (b collector.Batch) {
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, s := range ss.Spans().All() {
				id := s.SpanID()
				b.Events = append(b.Events, event(o, hex.EncodeToString(id[:])))
			}
		}
	}
	return b
}

func (every) Logs(o collector.Origin, ld plog.Logs) (b collector.Batch) {
	for range ld.LogRecordCount() {
		b.Events = append(b.Events, event(o, "log"))
	}
	return b
}

func event(o collector.Origin, id string) schemas.Event {
	return &usagev1.TokenCall{
		Source: "otlp", Id: "span" + id, TimeUs: new(time.Now().UnixMicro()), Tenant: o.Tenant, Product: "p", Model: "m", Status: usagev1.Status_STATUS_OK,
	}
}

// startOurs starts the server of producers/collector; change may change its configuration.
func startOurs(t *testing.T, fail *failing, change func(*collector.Config)) ports {
	t.Helper()
	config := collector.Config{
		Sink: sink{fail}, OTLP: every{}, Users: fields.KeyedUsers([]byte("0123456789abcdef")), Tenant: "acme", Product: "p", Limits: collector.Limits{Body: limit},
	}
	if change != nil {
		change(&config)
	}
	server := collector.New(config)
	ctx, cancel := context.WithCancel(t.Context())
	web, rpc, done := listen(t), listen(t), make(chan error, 1)
	go func() { done <- server.Serve(ctx, web, rpc) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return ports{web: web.Addr().String(), rpc: rpc.Addr().String()}
}

// oneKey returns a ring with one key of a rate, and the key.
func oneKey(t *testing.T, rate string) (*keys.Ring, string) {
	t.Helper()
	key, line, err := keys.New("acme")
	must(t, err)
	path := filepath.Join(t.TempDir(), "keys.jsonl")
	must(t, os.WriteFile(path, []byte(line[:len(line)-1]+`,"rate":`+rate+"}\n"), 0o600))
	ring, err := keys.Open(path, func(err error) { t.Error(err) })
	must(t, err)
	return ring, key
}
