package collector

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.uber.org/zap"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// dial connects to a server for the time of the test.
func dial(t *testing.T, address string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// TestGRPC sends what the answers of HTTP are tested with through the client of the library.
func TestGRPC(t *testing.T) {
	ring, texts := keyFile(t, "", `,"disabled":true`, `,"rate":1`, `,"endpoints":["logs"]`)
	f := start(t, func(c *Config) { c.Keys, c.Limits.Body = ring, 1<<16 })
	_, address, _ := listening(t, f)
	client := ptraceotlp.NewGRPCClient(dial(t, address))
	for _, tt := range []struct {
		name    string
		key     string
		spans   []string
		down    bool
		options []grpc.CallOption
		code    codes.Code
		retry   bool
		want    string
	}{
		{name: "call", key: texts[0], spans: []string{"call", "other"}},
		{name: "gzip", key: texts[0], spans: []string{"call"}, options: []grpc.CallOption{grpc.UseCompressor(gzip.Name)}},
		{name: "nothing", key: texts[0]},
		{name: "some rejected", key: texts[0], spans: []string{"call", "bad"}, want: "1 rejected; the first is item 1: bad is there"},
		{name: "no key", spans: []string{"call"}, code: codes.Unauthenticated},
		{name: "disabled", key: texts[1], spans: []string{"call"}, code: codes.PermissionDenied},
		{name: "another endpoint", key: texts[3], spans: []string{"call"}, code: codes.PermissionDenied},
		{name: "the log is down", key: texts[0], spans: []string{"call"}, down: true, code: codes.Unavailable, retry: true},
		{name: "within the rate", key: texts[2], spans: repeat("call", 4)},
		{name: "over the rate", key: texts[2], spans: []string{"call"}, code: codes.ResourceExhausted, retry: true},
		{name: "too large", key: texts[0], spans: repeat(strings.Repeat("x", 10_000), 8), code: codes.ResourceExhausted},
		{name: "too large when inflated", key: texts[0], spans: repeat(strings.Repeat("x", 10_000), 8), options: []grpc.CallOption{grpc.UseCompressor(gzip.Name)}, code: codes.ResourceExhausted},
	} {
		f.sink.set(nil)
		if tt.down {
			f.sink.set(errDown)
		}
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+tt.key)
		response, err := client.Export(ctx, ptraceotlp.NewExportRequestFromTraces(spans(tt.spans...)), tt.options...)
		got := status.Convert(err)
		if got.Code() != tt.code {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if err == nil && response.PartialSuccess().ErrorMessage() != tt.want {
			t.Errorf("%s: %q", tt.name, response.PartialSuccess().ErrorMessage())
		}
		retry := false
		for _, detail := range got.Details() {
			if info, ok := detail.(*errdetails.RetryInfo); ok {
				retry = true
				if d := info.GetRetryDelay().AsDuration(); d < time.Second || d > 5*time.Second {
					t.Errorf("%s: wait for %s", tt.name, d)
				}
			}
		}
		if retry != tt.retry {
			t.Errorf("%s: the sender is told to come again: %t", tt.name, retry)
		}
	}
	if n := len(f.sink.stored()); n != 7 {
		t.Errorf("%d stored", n)
	}
}

// TestGRPCSignals: logs are stored, and data points are skipped.
func TestGRPCSignals(t *testing.T) {
	f := start(t, nil)
	_, address, _ := listening(t, f)
	conn := dial(t, address)
	logs := plogotlp.NewExportRequest()
	record := logs.Logs().ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.SetEventName("1")
	record.SetTimestamp(spans("call").ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).EndTimestamp())
	record.Attributes().PutStr("model", "m")
	if _, err := plogotlp.NewGRPCClient(conn).Export(t.Context(), logs); err != nil || len(f.sink.stored()) != 1 {
		t.Errorf("logs: %v", err)
	}
	metrics := pmetric.NewMetrics()
	metrics.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty().SetEmptyGauge().DataPoints().AppendEmpty()
	if _, err := pmetricotlp.NewGRPCClient(conn).Export(t.Context(), pmetricotlp.NewExportRequestFromMetrics(metrics)); err != nil {
		t.Errorf("metrics: %v", err)
	}
	if got := f.reports.last(t); got.Endpoint != "metrics" || got.Skipped[metricsRule] != 1 {
		t.Errorf("counted %+v", got)
	}
	if err := conn.Invoke(t.Context(), "/no.Service/Export", nil, nil); status.Code(err) == codes.OK {
		t.Error("an unknown method was served")
	}
}

// TestGRPCBytes sends bytes that no client of the library sends.
func TestGRPCBytes(t *testing.T) {
	f := start(t, nil)
	_, address, _ := listening(t, f)
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: &protocols}}
	defer client.CloseIdleConnections()
	packed := zstdOf(t, protoOf(t, "call"))
	for _, tt := range []struct{ name, body, encoding, want string }{
		{"an empty message", "\x00\x00\x00\x00\x00", "", "0"},
		{"no message", "", "", "3"},
		{"half a frame", "\x00\x00", "", "3"},
		{"less than the frame says", "\x00\x00\x00\x00\x09\x0a", "", "14"},
		{"two messages", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "", "3"},
		{"no Protobuf", "\x00\x00\x00\x00\x01\xff", "", "3"},
		{"more than the limit", "\x00\xff\xff\xff\xff", "", "8"},
		{"compressed without an encoding", "\x01\x00\x00\x00\x00", "", "3"},
		{"compressed as zstd", "\x01\x00\x00\x00" + string(rune(len(packed))) + packed, "zstd", "0"},
		{"another encoding", "\x01\x00\x00\x00\x01x", "snappy", "12"},
		{"a frame that says it is plain", "\x00\x00\x00\x00\x00", "snappy", "0"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/opentelemetry.proto.collector.trace.v1.TraceService/Export", bytes.NewReader([]byte(tt.body)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/grpc")
		r.Header.Set("Te", "trailers")
		if tt.encoding != "" {
			r.Header.Set("Grpc-Encoding", tt.encoding)
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		var body bytes.Buffer
		if _, err := body.ReadFrom(resp.Body); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		_ = resp.Body.Close()
		cancel()
		got := resp.Trailer.Get("Grpc-Status")
		if got == "" {
			got = resp.Header.Get("Grpc-Status")
		}
		if got != tt.want {
			t.Errorf("%s: status %q, want %q: %v", tt.name, got, tt.want, resp.Trailer)
		}
	}
}

// TestTLS: both ports speak TLS, and ask for the certificate of the sender if they are told to.
func TestTLS(t *testing.T) {
	other := httptest.NewUnstartedServer(nil)
	other.StartTLS()
	pair, authority := other.TLS.Certificates[0], x509.NewCertPool()
	authority.AddCert(other.Certificate())
	other.Close()
	for _, asks := range []bool{false, true} {
		f := start(t, func(c *Config) {
			c.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
			if asks {
				c.TLS.ClientAuth = tls.RequireAnyClientCert
			}
			c.Prepare = func(s *http.Server) { s.ErrorLog = zap.NewStdLog(zap.NewNop()) }
		})
		web, rpc, stop := listening(t, f)
		for _, shows := range []bool{false, true} {
			config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authority, ServerName: "example.com"}
			if shows {
				config.Certificates = []tls.Certificate{pair}
			}
			want := !asks || shows
			conn, err := grpc.NewClient(rpc, grpc.WithTransportCredentials(credentials.NewTLS(config)))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ptraceotlp.NewGRPCClient(conn).Export(t.Context(), ptraceotlp.NewExportRequestFromTraces(spans("call"))); (err == nil) != want {
				t.Errorf("gRPC: asks %t, shows %t: %v", asks, shows, err)
			}
			_ = conn.Close()
			client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}}
			resp, err := client.Post("https://"+web+"/v1/traces", mediaJSON, strings.NewReader("{}")) //nolint:noctx // It is a short test.
			if (err == nil) != want {
				t.Errorf("HTTP: asks %t, shows %t: %v", asks, shows, err)
			}
			if err == nil {
				if resp.ProtoMajor != 2 {
					t.Errorf("the protocol is %s", resp.Proto)
				}
				_ = resp.Body.Close()
			}
			client.CloseIdleConnections()
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	}
}
