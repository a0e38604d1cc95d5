#!/usr/bin/env bash
# Finding: parquet-go reads zeros, without an error, from a valid Parquet file whose columns are packed with LZ4_RAW.
#
# Seen with github.com/parquet-go/parquet-go v0.32.0 and files that pyarrow 21.0.0 wrote. Its LZ4 codec takes another buffer
# when the one it was given has less than three times the size of the packed data; what it unpacked is there, and the page is
# read from the first one. Ten values are right (small pages are not packed), a thousand are all 0. The same values packed with
# snappy are right. parquet-go's own writer and reader of LZ4 hide it where the data packs better than that.
#
# Where it matters: counts and times of every row would be silently wrong; such files are refused.
# Fails when that changes. Needs bash, go, and python3 with venv; about 150 MB.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install --quiet pyarrow==21.0.0
env/bin/python - <<'PY'
import pyarrow as pa, pyarrow.parquet as pq
values = pa.table({"n": pa.array([10**18 + i * 1000003 for i in range(1000)])})
for codec in ("lz4", "snappy"):
    pq.write_table(values, codec + ".parquet", compression=codec, use_dictionary=False, data_page_version="2.0")
PY

cat >go.mod <<'MOD'
module finding
go 1.24.0
require github.com/parquet-go/parquet-go v0.32.0
MOD
cat >main.go <<'GO'
package main

import (
	"fmt"
	"os"

	"github.com/parquet-go/parquet-go"
)

func main() {
	rows, err := parquet.ReadFile[struct {
		N int64 `parquet:"n,optional"`
	}](os.Args[1])
	if err != nil || len(rows) != 1000 {
		fmt.Println(len(rows), "rows,", err)
		os.Exit(1)
	}
	fmt.Println(rows[0].N, rows[999].N)
}
GO
go mod tidy >/dev/null 2>&1
snappy=$(go run . snappy.parquet) lz4=$(go run . lz4.parquet)
echo "snappy: $snappy"
echo "lz4:    $lz4"
[ "$snappy" = "1000000000000000000 1000000000999002997" ] && [ "$lz4" = "0 0" ]
