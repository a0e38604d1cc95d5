package otelcol

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// traces returns a request with one span whose attribute has a text of n bytes.
func traces(n int) ptraceotlp.ExportRequest {
	r := ptraceotlp.NewExportRequest()
	span := r.Traces().ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetTraceID(pcommon.TraceID{1, 2, 3})
	span.SetSpanID(pcommon.SpanID{4, 5, 6})
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(time.Now()))
	span.Attributes().PutStr("text", strings.Repeat("x", n))
	return r
}

func protoTraces(t *testing.T, n int) []byte {
	t.Helper()
	body, err := traces(n).MarshalProto()
	must(t, err)
	return body
}

func jsonTraces(t *testing.T, n int) []byte {
	t.Helper()
	body, err := traces(n).MarshalJSON()
	must(t, err)
	return body
}

func protoLogs(t *testing.T) []byte {
	t.Helper()
	r := plogotlp.NewExportRequest()
	r.Logs().ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr("text")
	body, err := r.MarshalProto()
	must(t, err)
	return body
}

func protoMetrics(t *testing.T) []byte {
	t.Helper()
	r := pmetricotlp.NewExportRequest()
	r.Metrics().ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty().SetEmptySum().DataPoints().AppendEmpty().SetIntValue(1)
	body, err := r.MarshalProto()
	must(t, err)
	return body
}

func gzipped(t *testing.T, body []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(body)
	must(t, err)
	must(t, w.Close())
	return out.Bytes()
}

func zstded(t *testing.T, body []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	must(t, err)
	return w.EncodeAll(body, nil)
}

func zlibbed(t *testing.T, body []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	_, err := w.Write(body)
	must(t, err)
	must(t, w.Close())
	return out.Bytes()
}
