package replay

import (
	"fmt"
	"strings"
	"testing"

	"tidemark/producers/formats/container"
)

// TestCSVShapes reads files that were put together, and those that separate their fields by something else than a comma.
func TestCSVShapes(t *testing.T) {
	const all = "3 calls, 33 in"
	header, rest, _ := strings.Cut(callsCSV, "\n")
	header += "\n"
	more := strings.NewReplacer("\n0,", "\n5,", "\n1,", "\n6,", "\n2,", "\n7,").Replace(callsCSV)
	by := func(delimiter string) string { return strings.ReplaceAll(callsCSV, ",", delimiter) }
	quoted := func(delimiter string) string {
		var b strings.Builder
		for line := range strings.Lines(callsCSV) {
			fields := strings.Split(strings.TrimSpace(line), ",")
			b.WriteString(`"` + strings.Join(fields, `"`+delimiter+`"`) + "\"\r\n")
		}
		return b.String()
	}
	for _, tt := range []struct{ name, data, want string }{
		{"twice", callsCSV + more, "6 calls, 66 in, 1 headers"},
		{"twice with marks", container.ByteOrderMark + callsCSV + container.ByteOrderMark + more, "6 calls, 66 in, 1 headers"},
		{"header quoted", callsCSV + strings.Replace(more, "id,at,model,in", `"id"," at ",model,"in"`, 1), "6 calls, 66 in, 1 headers"},
		{"header at the end", callsCSV + header, all + ", 1 headers"},
		{"header thrice at once", header + header + callsCSV, all + ", 2 headers"},
		{"mark before a quoted field", callsCSV + container.ByteOrderMark + "\"5\",2026-03-01 10:00:00,m,7\n", "4 calls, 40 in"},
		{"other columns", callsCSV + "id,model,at,in\n5,m,2026-03-01 10:00:00,7\n6,m,2026-03-01 10:00:00,7\n" + more, "6 calls, 66 in, 1 headers\n5:1: the line names the columns again, and not as the header does: the rows after it are left out; replay them as a file of their own\n6:1: the row is left out, since line 5 names other columns\nand 1 more"},
		{"more columns", callsCSV + "id,at,x,model,in\n5,2026-03-01 10:00:00,x,m,7\n", all + "\n5:1: the line names the columns again, and not as the header does: the rows after it are left out; replay them as a file of their own\n6:1: the row is left out, since line 5 names other columns"},
		{"a value like a name", header + "id,2026-03-01 10:00:00,model,1\n" + rest, "4 calls, 34 in"},
		{"semicolon", by(";"), all},
		{"tab", by("\t"), all},
		{"bar", by("|"), all},
		{"semicolon, quoted", quoted(";"), all},
		{"tab, quoted", quoted("\t"), all},
		{"semicolon, with mark, twice", container.ByteOrderMark + by(";") + container.ByteOrderMark + strings.ReplaceAll(more, ",", ";"), "6 calls, 66 in, 1 headers"},
		{"semicolon with commas in values", strings.ReplaceAll(by(";"), ";m;", ";a,b;"), all},
		{"sep", "sep=;\r\n" + by(";"), all},
		{"sep, with mark", container.ByteOrderMark + "sep=;\n" + by(";"), all},
		{"sep, quoted", "\"sep=|\"\n" + by("|"), all},
		{"sep of an uncommon kind", "sep=^\n" + by("^"), all},
		{"sep of a comma", "sep=,\n" + callsCSV, all},
		{"sep that is wrong", "sep=;\n" + callsCSV, "replay csv: read standard input: line 2: there is no column at, which m.yaml:2 names; the columns are \"id,at,model,in\""},
		{"no columns", "a;b\n1;2\n", "replay csv: read standard input: line 1: there is no column at, which m.yaml:2 names; the columns are a;b"},
		{"JSON", callJSON("a", 1) + "\n", "replay csv: read standard input: line 1: the file is JSON and not CSV: replay it as jsonl"},
		{"JSON array", "[" + callJSON("a", 1) + "]\n", "replay csv: read standard input: line 1: the file is JSON and not CSV: replay it as jsonl"},
	} {
		o := options("csv", Stdin)
		o.Mapping = callsMapping(t)
		o.Stdin = strings.NewReader(tt.data)
		if got := sums(t, o); got != tt.want {
			t.Errorf("%s: got %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// TestHeaderKeepsNumbers gives the rows after a second header the ids that they always had: the header has a number.
func TestHeaderKeepsNumbers(t *testing.T) {
	row := func(i int) string { return fmt.Sprintf("2024-05-10 00:00:%02d,1,1\n", i) }
	o := options("azure-llm", Stdin)
	o.Stdin = strings.NewReader(header + row(1) + header + row(2))
	log, result := replayed(t, o)
	if result.Rows != 2 || result.Headers != 1 || len(log.calls) != 2 || !strings.HasPrefix(log.calls[0].Id, "1-") || !strings.HasPrefix(log.calls[1].Id, "3-") {
		t.Errorf("got %v, %+v", identities(log), result)
	}
	// With a pace a long file is read twice, and counted once.
	var data strings.Builder
	for i := range 2000 {
		if i%500 == 0 {
			data.WriteString(header)
		}
		fmt.Fprintf(&data, "2024-05-10 00:00:00.%06d,1,1\n", i)
	}
	o = options("azure-llm", write(t, "f", []byte(data.String())))
	o.Speed, o.memory = 1e9, 1<<10
	if _, result := replayed(t, o); result.Rows != 2000 || result.Headers != 3 || result.Sent != 2000 {
		t.Errorf("got %+v", result)
	}
}
