#!/usr/bin/env bash
# Finding: an answer of OTLP that pdata makes for a request that went well has a partial success.
#
# Seen with go.opentelemetry.io/collector/pdata v1.71.0. The specification of OTLP says that a server must leave the field
# partial_success unset if it accepted everything. A fresh ptraceotlp.ExportResponse, of which nobody has touched
# PartialSuccess(), encodes as the bytes 0a 00 in Protobuf and as {"partialSuccess":{}} in JSON: the field is set, and empty.
# plogotlp and pmetricotlp do the same.
#
# Where it matters: a client that takes the presence of the field for "some were rejected" warns about every request.
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

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

type response interface {
	MarshalProto() ([]byte, error)
	MarshalJSON() ([]byte, error)
}

func main() {
	for _, r := range []response{ptraceotlp.NewExportResponse(), plogotlp.NewExportResponse(), pmetricotlp.NewExportResponse()} {
		proto, err := r.MarshalProto()
		if err != nil {
			panic(err)
		}
		text, err := r.MarshalJSON()
		if err != nil {
			panic(err)
		}
		fmt.Printf("%x %s\n", proto, text)
	}
}
GO
go mod tidy >/dev/null 2>&1
got=$(go run .)
echo "$got"
line='0a00 {"partialSuccess":{}}'
[ "$got" = "$line"$'\n'"$line"$'\n'"$line" ]
