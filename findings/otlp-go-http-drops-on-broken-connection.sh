#!/usr/bin/env bash
# Finding: Go's OTLP exporters over HTTP drop a batch when the connection breaks; over gRPC they send it again.
#
# Seen with go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp v1.47.0 and otlploghttp v0.23.0, the default retry
# configuration (enabled, up to a minute). A server that answers 503 gets the batch again. A server that closes the connection
# instead of an answer, as a load balancer or a restart does, gets it once: the exporter repeats only errors that call themselves
# temporary, and an EOF or a reset does not. The exporters over gRPC, and those for Python and JavaScript, send it again.
#
# Where it matters: a receiver that is killed loses what was on its way, though the sender is still there and retries are on.
# Fails when that changes. Needs bash and go; about 60 MB.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding
go 1.26.0
require (
	go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp v0.23.0
	go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp v1.47.0
	go.opentelemetry.io/otel/log v1.47.0
	go.opentelemetry.io/otel/sdk v1.47.0
	go.opentelemetry.io/otel/sdk/log v1.47.0
)
MOD
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

func main() {
	for _, fault := range []string{"503", "cut"} {
		var requests atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadAll(r.Body)
			switch {
			case requests.Add(1) > 1:
			case fault == "503":
				w.WriteHeader(http.StatusServiceUnavailable)
			default:
				conn, _, err := w.(http.Hijacker).Hijack()
				if err != nil {
					panic(err)
				}
				conn.Close()
			}
		}))
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		spans, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(server.URL+"/v1/traces"))
		if err != nil {
			panic(err)
		}
		tracer := sdktrace.NewTracerProvider(sdktrace.WithBatcher(spans))
		_, span := tracer.Tracer("t").Start(ctx, "s")
		span.End()
		_ = tracer.Shutdown(ctx)
		n := requests.Swap(0)

		records, err := otlploghttp.New(ctx, otlploghttp.WithEndpointURL(server.URL+"/v1/logs"))
		if err != nil {
			panic(err)
		}
		logger := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(records)))
		logger.Logger("l").Emit(ctx, log.Record{})
		_ = logger.Shutdown(ctx)
		fmt.Printf("%s: %d requests of the trace exporter, %d of the log exporter\n", fault, n, requests.Load())
		cancel()
		server.Close()
	}
}
GO
go mod tidy >/dev/null 2>&1
got=$(go run . 2>/dev/null)
echo "$got"
[ "$got" = "503: 2 requests of the trace exporter, 2 of the log exporter
cut: 1 requests of the trace exporter, 1 of the log exporter" ]
