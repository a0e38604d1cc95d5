// Command clients reports one call to a model with an official exporter of OpenTelemetry or with the SDK of CloudEvents.
//
//	clients otlptracehttp | otlptracegrpc | otlploghttp   # where to is in the environment
//	clients cloudevents ADDRESS KEY
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "clients:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch name := strings.Join(args[:min(1, len(args))], ""); {
	case name == "otlptracehttp":
		exporter, err := otlptracehttp.New(ctx)
		if err != nil {
			return err
		}
		return trace(ctx, exporter)
	case name == "otlptracegrpc":
		exporter, err := otlptracegrpc.New(ctx)
		if err != nil {
			return err
		}
		return trace(ctx, exporter)
	case name == "otlploghttp":
		return logs(ctx)
	case name == "cloudevents" && len(args) == 3:
		return send(ctx, args[1], args[2])
	default:
		return errors.New("which client?")
	}
}

// call is what a call to a model says of itself, under the names of OpenTelemetry.
var call = []attribute.KeyValue{
	attribute.String("gen_ai.operation.name", "chat"),
	attribute.String("gen_ai.provider.name", "openai"),
	attribute.String("gen_ai.request.model", "gpt-5.2"),
	attribute.Int("gen_ai.usage.input_tokens", 1000),
	attribute.Int("gen_ai.usage.cache_read.input_tokens", 640),
	attribute.Int("gen_ai.usage.output_tokens", 300),
	attribute.Int("gen_ai.usage.reasoning.output_tokens", 200),
}

// trace sends a span.
func trace(ctx context.Context, exporter sdktrace.SpanExporter) error {
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter))
	_, span := provider.Tracer("clients").Start(ctx, "chat gpt-5.2")
	span.SetAttributes(call...)
	span.End()
	return provider.Shutdown(ctx)
}

// logs sends a log record, as instrumentations write it beside a span.
func logs(ctx context.Context) error {
	exporter, err := otlploghttp.New(ctx)
	if err != nil {
		return err
	}
	provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(exporter)))
	var record log.Record
	record.SetEventName("gen_ai.client.inference.operation.details")
	record.SetTimestamp(time.Now())
	record.AddAttributes(call...)
	provider.Logger("clients").Emit(ctx, record)
	return provider.Shutdown(ctx)
}

// send sends an event in a request of its own, which CloudEvents call the binary mode.
func send(ctx context.Context, address, key string) error {
	client, err := cloudevents.NewClientHTTP(cloudevents.WithTarget(address), cehttp.WithHeader("X-API-Key", key))
	if err != nil {
		return err
	}
	event := cloudevents.NewEvent()
	event.SetID("req-1")
	event.SetSource("clients")
	event.SetType("com.example.token_call")
	event.SetTime(time.Now())
	err = event.SetData(cloudevents.ApplicationJSON, map[string]any{
		"product": os.Getenv("OTEL_SERVICE_NAME"), "model": "gpt-5.2", "status": "ok",
		"input_uncached": 360, "input_cache_read": 640, "output_visible": 100, "output_reasoning": 200,
	})
	if err != nil {
		return err
	}
	result := client.Send(cloudevents.ContextWithRetriesConstantBackoff(ctx, time.Second, 3), event)
	if !cloudevents.IsACK(result) {
		return result
	}
	return nil
}
