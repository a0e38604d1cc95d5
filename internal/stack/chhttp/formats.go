package chhttp

import "strings"

const nativeFormat = "Native"

// streamable names the formats whose whole output is the output of its blocks
// in a row. Others (JSON, those with names, Parquet...) have a head or a tail
// and are made in one piece.
var streamable = map[string]bool{
	"native": true, "tsv": true, "tabseparated": true, "tsvraw": true, "tabseparatedraw": true, "raw": true,
	"csv": true, "jsoneachrow": true, "jsonlines": true, "ndjson": true, "jsonstringseachrow": true,
	"jsoncompacteachrow": true, "jsoncompactstringseachrow": true, "rowbinary": true, "linesasstring": true, "null": true,
}

func isStreamable(format string) bool { return streamable[strings.ToLower(format)] }

// contentType returns the media type that ClickHouse gives for an output format.
func contentType(format string) string {
	f := strings.ToLower(format)
	switch {
	case f == "jsoneachrow" || f == "jsonlines" || f == "ndjson" || strings.HasPrefix(f, "jsoncompacteachrow") ||
		strings.HasPrefix(f, "jsonstringseachrow") || strings.HasPrefix(f, "jsoncompactstringseachrow"):
		return "application/x-ndjson; charset=UTF-8"
	case strings.HasPrefix(f, "json"):
		return "application/json; charset=UTF-8"
	case strings.HasPrefix(f, "csv"):
		suffix := "absent"
		if strings.Contains(f, "withnames") {
			suffix = "present"
		}
		return "text/csv; charset=UTF-8; header=" + suffix
	case strings.HasPrefix(f, "tsv") || strings.HasPrefix(f, "tabseparated") || f == "raw":
		return "text/tab-separated-values; charset=UTF-8"
	case f == "xml":
		return "application/xml; charset=UTF-8"
	case f == "markdown":
		return "text/markdown; charset=UTF-8"
	case f == "native" || strings.HasPrefix(f, "rowbinary") || f == "parquet" || f == "arrow" || f == "arrowstream" ||
		f == "orc" || f == "avro" || f == "msgpack" || strings.HasPrefix(f, "protobuf") || f == "capnproto" || f == "npy" || f == "bsoneachrow":
		return "application/octet-stream"
	default:
		return "text/plain; charset=UTF-8"
	}
}
