package stack_test

import (
	"net/http"
	"strings"
	"testing"
)

// dynamicTypes are expressions of the types that say their shape in their data.
var dynamicTypes = []string{
	"1::Variant(UInt8, String)", "NULL::Variant(UInt8, String)", "if(number % 3 = 0, number::Variant(UInt64, String, Array(UInt8)), if(number % 3 = 1, toString(number)::Variant(UInt64, String, Array(UInt8)), NULL))",
	"'x'::Variant(LowCardinality(String), UInt8)", "3::UInt8::Variant(LowCardinality(String), UInt8)", "[1::Variant(UInt8, String), 'a'::Variant(UInt8, String)]", "(0, 1)::Point::Geometry",
	"number::Dynamic", "'x'::Dynamic", "NULL::Dynamic", "number::Dynamic(max_types=0)", "[1::Dynamic, 'a'::Dynamic, NULL::Dynamic]", "map('a', 1::Dynamic)", "tuple(1::Dynamic, 'x')", "toLowCardinality('x')::Dynamic",
	"'{}'::JSON", `format('{{"a":{},"b":[1,"x",{{"c":2}}],"c":{{"d":"z"}}}}', number)::JSON`, `'{"a":1,"b.c":2,"d":3}'::JSON(a UInt32, b.c LowCardinality(String), SKIP d)`, `'{"b":1,"a.z":"x","a":"y"}'::JSON(b UInt8, a.z String, a LowCardinality(String), "a-" UInt64)`, `'{"a":1,"b":2,"c":[]}'::JSON(max_dynamic_paths=1, max_dynamic_types=1)`,
	`['{"a":1}'::JSON, '{"b":"x"}'::JSON]`, "tuple('{\"a\":[{\"b\":1}]}'::JSON AS j)", `'{"a":1}'::JSON(SKIP REGEXP 'b.*', max_dynamic_paths = 8)`, `'{"x":{"y":[1,2]}}'::JSON(x.y Array(Dynamic))`,
}

// testDynamicTypes reads columns of such types in the Native format of protocol revisions, as clients do. Without what a
// revision adds to each block and column that is the engine's own output.
func testDynamicTypes(t *testing.T, f *front) {
	const info = "\x01\x00\x02\xff\xff\xff\xff\x00"
	for _, expression := range dynamicTypes {
		sql := "SELECT number AS n, " + expression + " AS vv, 'end' AS s FROM numbers(1000) FORMAT Native"
		plain := f.post(t, sql, "max_block_size", "300")
		name := f.query(t, "SELECT toTypeName("+expression+") FROM numbers(1) FORMAT TSVRaw")
		column := "\x02vv" + string(rune(len(name))) + name
		blocks := strings.Count(plain.body, column)
		if plain.status != http.StatusOK || plain.err != nil || blocks < 4 {
			t.Fatalf("%s: HTTP %d, %v, %d blocks", expression, plain.status, plain.err, blocks)
		}
		for _, revision := range []string{"54405", "54454", "54460"} {
			a := f.post(t, sql, "max_block_size", "300", "client_protocol_version", revision)
			if a.status != http.StatusOK || a.err != nil || strings.Count(a.body, info) != blocks {
				t.Fatalf("%s (%s) at %s: HTTP %d, %v, %d blocks, want %d: %.300q", expression, name, revision, a.status, a.err, strings.Count(a.body, info), blocks, a.body)
			}
			got := strings.ReplaceAll(a.body, info, "")
			if revision != "54405" {
				for _, head := range []string{"\x01n\x06UInt64", column, "\x01s\x06String"} {
					if strings.Count(got, head+"\x00") < blocks {
						t.Fatalf("%s (%s) at %s: a column has no byte of its own behind its type", expression, name, revision)
					}
					got = strings.ReplaceAll(got, head+"\x00", head)
				}
			}
			if got != plain.body {
				t.Fatalf("%s (%s) at %s: %d bytes are not the engine's %d", expression, name, revision, len(got), len(plain.body))
			}
		}
	}
}
