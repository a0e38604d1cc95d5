package otelcol

import (
	"testing"
)

const tracesMethod = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

// TestGRPC sends the same calls to both over gRPC.
func TestGRPC(t *testing.T) {
	var fail failing
	theirs, ours := startReceiver(t, &fail), startOurs(t, &fail, nil)
	for _, c := range grpcCalls(t) {
		c.check(t, askGRPC(t, theirs.rpc, c.call), askGRPC(t, ours.rpc, c.call))
	}
	for _, f := range failures(t) {
		fail.set(f.err)
		c := comparison{name: f.name, call: call{path: tracesMethod, body: framed(false, protoTraces(t, 10))}, theirs: f.code, ours: later, because: f.why}
		c.check(t, askGRPC(t, theirs.rpc, c.call), askGRPC(t, ours.rpc, c.call))
	}
}

// grpcCalls are calls of all kinds.
func grpcCalls(t *testing.T) []comparison {
	t.Helper()
	body, large := protoTraces(t, 10), protoTraces(t, limit)
	export := func(compressed bool, message []byte, header ...string) call {
		return call{path: tracesMethod, body: framed(compressed, message), header: header}
	}
	raw := func(bytes ...byte) call { return call{path: tracesMethod, body: bytes} }
	return []comparison{
		{name: "plain", call: export(false, body)},
		{name: "nothing", call: export(false, nil)},
		{name: "gzip", call: export(true, gzipped(t, body), "Grpc-Encoding", "gzip")},
		{name: "gzip that is said and not done", call: export(false, body, "Grpc-Encoding", "gzip")},
		{name: "gzip that is done and not said", call: export(true, gzipped(t, body)),
			theirs: "Internal", ours: "InvalidArgument", because: "OTLP has INVALID_ARGUMENT for bad data"},
		{name: "identity", call: export(false, body, "Grpc-Encoding", "identity")},
		{name: "identity that is compressed", call: export(true, body, "Grpc-Encoding", "identity"),
			theirs: "Internal", ours: "InvalidArgument", because: "OTLP has INVALID_ARGUMENT for bad data"},
		{name: "gzip of nothing", call: export(true, gzipped(t, nil), "Grpc-Encoding", "gzip")},
		{name: "gzip, nothing at all", call: export(true, nil, "Grpc-Encoding", "gzip"),
			theirs: "Internal", ours: "OK", because: "some senders compress nothing to nothing"},
		{name: "no gzip", call: export(true, body, "Grpc-Encoding", "gzip"),
			theirs: "Internal", ours: "InvalidArgument", because: "OTLP has INVALID_ARGUMENT for bad data"},
		{name: "gzip that breaks off", call: export(true, gzipped(t, body)[:20], "Grpc-Encoding", "gzip"),
			theirs: "Internal", ours: "InvalidArgument", because: "OTLP has INVALID_ARGUMENT for bad data"},
		{name: "zstd", call: export(true, zstded(t, body), "Grpc-Encoding", "zstd")},
		{name: "no zstd", call: export(true, body, "Grpc-Encoding", "zstd"),
			theirs: "Internal", ours: "InvalidArgument", because: "OTLP has INVALID_ARGUMENT for bad data"},
		{name: "an encoding that nobody knows", call: export(true, body, "Grpc-Encoding", "secret")},
		{name: "an encoding that nobody knows, not done", call: export(false, body, "Grpc-Encoding", "secret"),
			theirs: "Unimplemented", ours: "OK", because: "the message can be read"},
		{name: "no message", call: raw(),
			theirs: "Internal", ours: "InvalidArgument", because: "OTLP has INVALID_ARGUMENT for bad data"},
		{name: "a frame that breaks off", call: raw(0, 0, 0),
			theirs: "Internal", ours: "InvalidArgument", because: "OTLP has INVALID_ARGUMENT for bad data"},
		{name: "a message that breaks off", call: raw(0, 0, 0, 0, 9, 10, 1),
			theirs: "Internal", ours: later, because: "a proxy may have cut it, and the sender has it whole"},
		{name: "a flag that nobody knows", call: raw(2, 0, 0, 0, 0),
			theirs: "Internal", ours: "InvalidArgument", because: "OTLP has INVALID_ARGUMENT for bad data"},
		{name: "two messages", call: raw(append(framed(false, body), framed(false, body)...)...),
			theirs: "Internal", ours: "InvalidArgument", because: "OTLP has INVALID_ARGUMENT for bad data"},
		{name: "no Protobuf", call: export(false, []byte{0xff}),
			theirs: "Internal", ours: "InvalidArgument", because: "OTLP has INVALID_ARGUMENT for bad data"},
		{name: "Protobuf that breaks off", call: export(false, body[:len(body)-1]),
			theirs: "Internal", ours: "InvalidArgument", because: "OTLP has INVALID_ARGUMENT for bad data"},
		{name: "JSON", call: export(false, jsonTraces(t, 10)),
			theirs: "Internal", ours: "InvalidArgument", because: "OTLP has INVALID_ARGUMENT for bad data"},
		{name: "too large", call: export(false, large)},
		{name: "too large when gzip is undone", call: export(true, gzipped(t, large), "Grpc-Encoding", "gzip")},
		{name: "too large when zstd is undone", call: export(true, zstded(t, large), "Grpc-Encoding", "zstd")},
		{name: "logs", call: call{path: "/opentelemetry.proto.collector.logs.v1.LogsService/Export", body: framed(false, protoLogs(t))}},
		{name: "metrics", call: call{path: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", body: framed(false, protoMetrics(t))}},
		{name: "profiles", call: call{path: "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export", body: framed(false, nil)}},
		{name: "another method", call: call{path: "/opentelemetry.proto.collector.trace.v1.TraceService/Import", body: framed(false, body)}},
		{name: "another service", call: call{path: "/example.Service/Export", body: framed(false, body)}},
		{name: "no service", call: call{path: "/", body: framed(false, body)}},
		{name: "Protobuf by its name", call: call{path: tracesMethod, media: "application/grpc+proto", body: framed(false, body)}},
		{name: "another subtype", call: call{path: tracesMethod, media: "application/grpc+thrift", body: framed(false, body)}},
		{name: "another media type", call: call{path: tracesMethod, media: mediaJSON, body: framed(false, body)}},
		{name: "GET", call: call{path: tracesMethod, method: "GET", body: framed(false, body)}},
		{name: "a time limit", call: export(false, body, "Grpc-Timeout", "5S")},
		{name: "a broken time limit", call: export(false, body, "Grpc-Timeout", "soon")},
	}
}
