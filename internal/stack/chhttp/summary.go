package chhttp

import (
	"fmt"
	"strings"
	"time"
)

// summary renders X-ClickHouse-Summary with the fields that ClickHouse sends. An INSERT's rows are those of its result too.
// What the engine does not tell is 0: the memory, and how much there is to read while it is still being read.
func (ex *exchange) summary(whole bool) string {
	s := ex.served.Stats
	var toRead uint64
	if whole {
		toRead = s.ReadRows
	}
	if ex.served.Keyword == "INSERT" {
		s.ResultRows, s.ResultBytes = s.WrittenRows, s.WrittenBytes
	}
	fields := []struct {
		name  string
		value uint64
	}{
		{"read_rows", s.ReadRows}, {"read_bytes", s.ReadBytes}, {"written_rows", s.WrittenRows}, {"written_bytes", s.WrittenBytes},
		{"total_rows_to_read", toRead}, {"result_rows", s.ResultRows}, {"result_bytes", s.ResultBytes},
		{"elapsed_ns", uint64(max(time.Since(ex.start), 1))}, {"memory_usage", 0},
	}
	parts := make([]string, len(fields))
	for i, f := range fields {
		parts[i] = fmt.Sprintf(`"%s":"%d"`, f.name, f.value)
	}
	return "{" + strings.Join(parts, ",") + "}"
}
