// Package otelcol holds producers/collector against the receiver of the OpenTelemetry Collector: tests send the same bytes to
// both, and every difference between the answers is in a table, with its reason.
package otelcol
