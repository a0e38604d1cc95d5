package stack_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// TestTypes sends each type through clickhouse-go both ways: values that SQL
// made are read, appended to a batch, and must be the same in the engine.
func TestTypes(t *testing.T) {
	f := newFront(t)
	ctx := t.Context()
	for _, c := range []struct{ name, values string }{
		{"UInt8", "0, 255"}, {"UInt16", "0, 65535"}, {"UInt32", "0, 4294967295"}, {"UInt64", "0, 18446744073709551615"},
		{"UInt128", "0, 340282366920938463463374607431768211455"}, {"UInt256", "0, 5"},
		{"Int8", "-128, 127"}, {"Int16", "-32768, 32767"}, {"Int32", "-2147483648, 5"}, {"Int64", "-9223372036854775808, 5"},
		{"Int128", "-5, 170141183460469231731687303715884105727"}, {"Int256", "-5, 5"},
		{"Float32", "-1.5, 3.25"}, {"Float64", "-1.5, 1e300"}, {"Bool", "true, false"},
		{"String", `'', 'x', '\0\n', 'día'`}, {"FixedString(3)", "'abc', 'x'"},
		{"LowCardinality(String)", "'a', 'b', 'a', ''"}, {"LowCardinality(Nullable(String))", "'a', NULL, ''"}, {"LowCardinality(FixedString(2))", "'ab', 'cd'"},
		{"Nullable(UInt32)", "NULL, 5"}, {"Nullable(String)", "NULL, '', 'x'"},
		{"Array(UInt32)", "[], [1, 2, 3]"}, {"Array(String)", "[], ['a', '']"}, {"Array(Array(UInt8))", "[], [[]], [[1], [2, 3]]"},
		{"Array(LowCardinality(String))", "[], ['a', 'b'], ['a']"}, {"Array(Nullable(Int8))", "[], [NULL, 1]"},
		{"Tuple(UInt8, String)", "(1, 'a'), (2, '')"}, {"Tuple(a UInt8, b Array(String))", "(1, ['a']), (2, [])"},
		{"Tuple(LowCardinality(String), LowCardinality(String))", "('a', 'b'), ('c', 'd')"},
		{"Nested(a UInt8, s String)", "[], [(1, 'a'), (2, 'b')]"},
		{"Map(String, UInt64)", "{}, {'b': 2}"}, {"Map(LowCardinality(String), String)", "{}, {'a': 'x'}"},
		{"Map(String, Array(UInt8))", "{}, {'a': [1]}"},
		{"Date", "'1970-01-01', '2026-05-06'"}, {"Date32", "'1925-01-01', '2026-05-06'"},
		{"DateTime", "'2026-05-06 07:08:09'"}, {"DateTime('Asia/Tokyo')", "'2026-05-06 07:08:09'"},
		{"DateTime64(3)", "'2026-05-06 07:08:09.123'"}, {"DateTime64(9, 'UTC')", "'2026-05-06 07:08:09.123456789'"},
		{"UUID", "'61f0c404-5cb3-11e7-907b-a6006ad3dba0', '00000000-0000-0000-0000-000000000000'"},
		{"Decimal(9, 2)", "1.25, -1.25"}, {"Decimal(18, 4)", "1.25"}, {"Decimal(38, 10)", "1.25"}, {"Decimal(76, 20)", "1.25"},
		{"Enum8('a' = 1, 'b' = -2)", "'a', 'b'"}, {"Enum16('x,y' = 1000, 'it\\'s (' = 2)", "'x,y', 'it\\'s ('"},
		{"IPv4", "'127.0.0.1'"}, {"IPv6", "'::1', '2001:db8::1'"},
		{"SimpleAggregateFunction(sum, UInt64)", "5"}, {"SimpleAggregateFunction(max, DateTime64(3))", "'2026-05-06 07:08:09.123'"},
		{"Point", "(1.5, 2.5)"}, {"Polygon", "[[(0., 0.), (1., 0.), (1., 1.)]]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			create := f.post(t, "CREATE OR REPLACE TABLE types (id UInt32, v "+c.name+") ENGINE = MergeTree ORDER BY id", "flatten_nested", "0")
			create.want(t, 200, "")
			literals := splitValues(c.values)
			for i, v := range literals {
				f.post(t, fmt.Sprintf("INSERT INTO types VALUES (%d, %s)", i, v)).want(t, 200, "")
			}
			for i, conn := range []driver.Conn{f.plain, f.lz4} {
				rows, err := conn.Query(ctx, "SELECT id, v FROM types WHERE id < 1000 ORDER BY id")
				if err != nil {
					t.Fatal(err)
				}
				batch, err := conn.PrepareBatch(ctx, "INSERT INTO types")
				if err != nil {
					t.Fatal(err)
				}
				for rows.Next() {
					var id uint32
					v := reflect.New(rows.ColumnTypes()[1].ScanType())
					if err := rows.Scan(&id, v.Interface()); err != nil {
						t.Fatalf("scan: %v", err)
					}
					if err := batch.Append(id+uint32(1000+1000*i), v.Elem().Interface()); err != nil {
						t.Fatalf("append: %v", err)
					}
				}
				if err := errors.Join(rows.Err(), rows.Close(), batch.Send()); err != nil {
					t.Fatal(err)
				}
			}
			got := f.query(t, "SELECT count(), uniqExact(id % 1000, ifNull(toString(v), 'NULL')) FROM types")
			if want := fmt.Sprintf("%d\t%d", 3*len(literals), len(literals)); got != want {
				t.Fatalf("rows and different values %q, want %q: %s", got, want, f.query(t, "SELECT id, v FROM types ORDER BY id % 1000"))
			}
		})
	}
}

// splitValues splits at commas outside of brackets and quotes.
func splitValues(s string) []string {
	var out []string
	depth, start, quoted := 0, 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(' || c == '[' || c == '{':
			depth++
		case c == ')' || c == ']' || c == '}':
			depth--
		case c == ',' && depth == 0:
			out = append(out, strings.TrimSpace(s[start:i]))
			start = i + 1
		}
	}
	return append(out, strings.TrimSpace(s[start:]))
}
