package replay

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"tidemark/producers/formats/container"
)

// callJSON is the object of a call in JSON, on one line.
func callJSON(id string, in int) string {
	return fmt.Sprintf(`{"id":%q,"at":"2026-03-01T10:00:00Z","model":"m","in":%d}`, id, in)
}

// prettyJSON is callJSON over several lines, as programs write it for people.
func prettyJSON(id string, in int, indent string) string {
	return fmt.Sprintf("%[1]s{\n%[1]s  \"id\": %[2]q,\n%[1]s  \"at\": \"2026-03-01T10:00:00Z\",\n%[1]s  \"usage\": {\n%[1]s    \"x\": [1, {\"y\": \"]}\\\"\"}]\n%[1]s  },\n%[1]s  \"in\": %[3]d\n%[1]s}", indent, id, in)
}

// TestJSONShapes reads objects however they are laid out.
func TestJSONShapes(t *testing.T) {
	a, b, c := callJSON("a", 10), callJSON("b", 11), callJSON("c", 12)
	pa, pb, pc := prettyJSON("a", 10, "  "), prettyJSON("b", 11, "  "), prettyJSON("c", 12, "  ")
	const all = "3 calls, 33 in"
	for _, tt := range []struct{ name, data, want string }{
		{"lines", a + "\n" + b + "\n" + c + "\n", all},
		{"marks", container.ByteOrderMark + a + "\n" + container.ByteOrderMark + b + "\r\n" + container.ByteOrderMark + c + "\n", all},
		{"mark alone", container.ByteOrderMark + "\n" + a + "\n" + container.ByteOrderMark + "\n" + b + "\n" + c + "\n" + container.ByteOrderMark, all},
		{"text sequence", "\x1e" + a + "\n\x1e" + b + "\n\x1e" + c + "\n", all},
		{"array on a line", "[" + a + "," + b + "," + c + "]", all},
		{"array on a line, with an end", " [ " + a + " , " + b + " , " + c + " ] \n", all},
		{"array, one a line", "[\n" + a + ",\n" + b + ",\n" + c + "\n]\n", all},
		{"array, commas first", "[" + a + "\n," + b + "\n," + c + "\n]\n", all},
		{"array, for people", "[\n" + pa + ",\n" + pb + ",\n" + pc + "\n]\n", all},
		{"array, with a mark", container.ByteOrderMark + "\n\n[\n" + a + ",\n" + pb + ",\n" + c + "\n]\n\n", all},
		{"arrays", "[" + a + "]\n" + container.ByteOrderMark + "[" + b + "," + c + "]\n[]\n", all},
		{"arrays without an end between them", "[" + a + "][" + b + "," + c + "]", all},
		{"array and lines", "[" + a + "]\n" + b + "\n" + pc + "\n", all},
		{"array of none", "[]", "0 calls, 0 in"},
		{"objects for people", pa + "\n" + pb + "\n" + pc + "\n", all},
		{"objects for people without an end", pa + "\n" + pb + "\n" + pc, all},
		{"objects in a row", a + b + c, all},
		{"objects in a row, spaced", a + " " + b + "\t" + c + "\n", all},
		{"objects in a row, over lines", pa + pb + pc, all},
		{"objects and lines mixed", a + "\n" + pb + "\n" + c + "\n", all},
		{"object over lines, CRLF", strings.ReplaceAll(pa+"\n"+pb+"\n"+pc+"\n", "\n", "\r\n"), all},
		{"long line", a + "\n" + strings.Replace(b, "{", `{"x":"`+strings.Repeat("y{[\\\"", 40000)+`",`, 1) + "\n" + c + "\n", all},
		{"long objects in a row", a + strings.Replace(b, "{", `{"x":"`+strings.Repeat("y", 200000)+`",`, 1) + c, all},

		{"array, an element broken", "[\n" + a + ",\n" + strings.Replace(b, `"in"`, "in", 1) + ",\n" + c + "\n]", "2 calls, 22 in\n3:51: the element of the array that begins in line 3 cannot be read: \"i\" cannot stand here; what is read next begins in line 4"},
		{"array, a number broken", "[" + a + "," + strings.Replace(b, "11", "1x1", 1) + "," + c + "]", "2 calls, 22 in\n1:117: invalid character 'x' after object key:value pair"},
		{"array, an element without its end", "[\n" + a + ",\n" + strings.TrimSuffix(b, "}") + ",\n" + c + "\n]", "2 calls, 22 in\n4:1: the element of the array that begins in line 3 cannot be read: \"{\" cannot stand here; what is read next begins in line 4"},
		{"array, a text without its end", "[\n" + pa + ",\n" + strings.Replace(pb, `"b"`, `"b`, 1) + ",\n" + pc + "\n]", "2 calls, 22 in\n11:14: the element of the array that begins in line 10 cannot be read: the line ends within a text; what is read next begins in line 18"},
		{"array on a line, broken", "[" + a + "," + strings.Replace(b, ":", "", 1) + "," + c + "]", "1 calls, 10 in\n1:66: the element of the array that begins in line 1 cannot be read: \"\\\"\" cannot stand here; the rest of the array is lost"},
		{"array, cut off", "[\n" + a + ",\n" + b + ",\n", "2 calls, 21 in\n3:60: the file ends within the array that begins in line 1: it is cut off or still being written"},
		{"array, cut off within", "[\n" + a + ",\n" + b[:20], "1 calls, 10 in\n3:20: the file ends within the array that begins in line 1: it is cut off or still being written"},
		{"array of other things", "[1, \"x\", [2], null, true," + a + "]", "1 calls, 10 in\n1:2: a JSON number and not an object\nand 4 more"},
		{"array in an array", "[[" + a + "]]", "0 calls, 0 in\n1:2: a JSON array and not an object"},
		{"array after lines", a + "\n[1, 2]\n" + c + "\n", "2 calls, 22 in\n2:1: a JSON array and not an object"},
		{"half a line among lines", a + "\n" + b[:30] + "\n" + c + "\n", "2 calls, 22 in\n2:30: unexpected end of JSON input"},
		{"half a line at a comma", a + "\n" + `{"id":"b",` + "\n" + c + "\n", "2 calls, 22 in\n2:10: unexpected end of JSON input"},
		{"half a line that could go on", a + "\n" + `{"id":[` + "\n" + c + "\n", "2 calls, 22 in\n2:7: unexpected end of JSON input"},
		{"half a line that could go on for long", `{"id":[` + "\n" + a + "\n" + b + "\n" + c + "\n", all + "\n1:7: unexpected end of JSON input"},
		{"half an object at the end", a + "\n" + pb[:40], "1 calls, 10 in\n2:3: " + unended},
		{"half an object at the end, with an end", a + "\n" + pb[:len(pb)-3], "1 calls, 10 in\n2:3: the object that begins here has no end"},
		{"half a line at the end", a + "\n" + b[:40], "1 calls, 10 in\n2:1: " + unended},
		{"two writers", a + "\n" + b[:30] + c + "\n" + b + "\n", "2 calls, 21 in\n2:33: invalid character 'i' after object key:value pair"},
		{"a value broken over lines", a + "\n" + strings.Replace(pb, "11", "1x1", 1) + "\n" + c + "\n", "2 calls, 22 in\n8:12: invalid character 'x' after object key:value pair"},
		{"a field wrong over lines", a + "\n" + strings.Replace(pb, "11", `"many"`, 1) + "\n" + c + "\n", "2 calls, 22 in\n2:3: in, the input_uncached, \"many\" is not a number"},
		{"something after an object", a + " x\n" + c + "\n", "1 calls, 12 in\n1:60: invalid character 'x' after top-level value"},
	} {
		for _, wrap := range []string{"whole", "byte by byte"} {
			o := options("jsonl", Stdin)
			o.Mapping = callsMapping(t)
			var r io.Reader = strings.NewReader(tt.data)
			if wrap != "whole" {
				r = iotest.OneByteReader(r)
			}
			o.Stdin = r
			if got := sums(t, o); got != tt.want {
				t.Errorf("%s, %s: got %s\nwant %s", tt.name, wrap, got, tt.want)
			}
		}
	}
}

// TestJSONIdentity keeps the number of a row in its id whatever the layout.
func TestJSONIdentity(t *testing.T) {
	rows := []string{`{"timestamp":0,"input_length":1,"output_length":2}`, `{"timestamp":5,"input_length":3,"output_length":4}`, `{"timestamp":9,"input_length":5,"output_length":6}`}
	ids := func(data string) []string {
		o := options("mooncake", Stdin)
		o.Stdin = strings.NewReader(data)
		log, result := replayed(t, o)
		if result.Skipped > 0 {
			t.Error(result.Problems)
		}
		return identities(log)
	}
	want := ids(strings.Join(rows, "\n"))
	for _, data := range []string{"[" + strings.Join(rows, ",") + "]", strings.Join(rows, ""), strings.ReplaceAll("["+strings.Join(rows, ",\n")+"\n]", ",\"", ",\n\"")} {
		if got := ids(data); !slices.Equal(got, want) || len(want) != 3 {
			t.Errorf("%s: got %q, want %q", data, got, want)
		}
	}
}

// TestTooLongElement leaves out what does not fit and nothing else.
func TestTooLongElement(t *testing.T) {
	long := `{"x":"` + strings.Repeat("y", 16<<20) + `","z":[` + strings.Repeat("1,", 100) + `1]}`
	a, c := callJSON("a", 10), callJSON("c", 12)
	for _, tt := range []struct{ data, want string }{
		{"[" + a + "," + long + "," + c + "]", "2 calls, 22 in\n1:61: the line is longer than 16 MiB"},
		{a + "\n" + long + "\n" + c, "2 calls, 22 in\n2:1: the line is longer than 16 MiB"},
		{a + long + c, "2 calls, 22 in\n1:59: the line is longer than 16 MiB"},
		{a + "\n{\n" + strings.Repeat("\"x\": \""+strings.Repeat("y", 1<<20)+"\",\n", 17) + "\"x\": 1}\n" + c, "2 calls, 22 in\n2:1: the object is longer than 16 MiB"},
		{a + "\n" + long[:16<<20+5] + "\n" + c, "2 calls, 22 in\n2:1: the line is longer than 16 MiB"},
	} {
		o := options("jsonl", Stdin)
		o.Mapping = callsMapping(t)
		o.Stdin = strings.NewReader(tt.data)
		if got := sums(t, o); got != tt.want {
			t.Errorf("%.40q: got %s\nwant %s", tt.data, got, tt.want)
		}
	}
}
