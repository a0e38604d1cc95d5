#!/usr/bin/env bash
# Finding: the JSON reader of the OpenTelemetry Collector counts spans that OTLP says have no meaning.
#
# Seen with go.opentelemetry.io/collector/pdata v1.71.0. OTLP in JSON has keys in lowerCamelCase, and a receiver must ignore
# keys that it does not know; values of enums are numbers, their names are not allowed. pdata takes resource_spans,
# trace_id and so on for the same as resourceSpans and traceId, and "SPAN_KIND_CLIENT" for 3. A name that it does not know, "CLIENT",
# fails the whole body.
#
# Where it matters: a sender that was tried with a Collector in front works, and the same bytes are an empty request for a receiver
# that follows the specification. A receiver that is built on pdata should not promise to refuse them.
# Fails when that changes. Needs bash and go; about 30 MB.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding
go 1.26.0
require go.opentelemetry.io/collector/pdata v1.71.0
MOD
cat >main.go <<'GO'
package main

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

func main() {
	for _, body := range []string{
		`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","name":"a","kind":3}]}]}]}`,
		`{"resource_spans":[{"scope_spans":[{"spans":[{"trace_id":"5b8efff798038103d269b633813fc60c","name":"a","kind":3}]}]}]}`,
		`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","name":"a","kind":"SPAN_KIND_CLIENT"}]}]}]}`,
		`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","name":"a","kind":"CLIENT"}]}]}]}`,
	} {
		r := ptraceotlp.NewExportRequest()
		if err := r.UnmarshalJSON([]byte(body)); err != nil {
			fmt.Println("error")
			continue
		}
		s := r.Traces().ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
		fmt.Println(r.Traces().SpanCount(), s.TraceID(), s.Kind())
	}
}
GO
go mod tidy >/dev/null 2>&1
got=$(go run .)
echo "$got"
span='1 5b8efff798038103d269b633813fc60c Client'
[ "$got" = "$span"$'\n'"$span"$'\n'"$span"$'\n'error ]
