package replay

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark/producers/formats/mapping"
)

// TestMappingNeeds checks what a mapping leaves to the flags.
func TestMappingNeeds(t *testing.T) {
	parse := func(text string) *mapping.Mapping {
		t.Helper()
		m, err := mapping.Parse("m.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	calls := parse("source: s\ntime: at\nfields: {model: m}\n")
	o := Options{Format: "csv", Files: []string{"-"}, Mapping: calls}
	if err := fmt.Sprint(o.Validate()); err != "tenant: required, since m.yaml maps no tenant\nproduct: required, since m.yaml maps no product" {
		t.Errorf("got %s", err)
	}
	o.Tenant, o.Product = "t", "p"
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
	o.Mapping, o.Product = parse("type: reference_points\nsource: s\ntime: {column: at, format: relative_s}\nfields: {entity: a, metric: b, unit: c, value: d}\n"), ""
	if err := fmt.Sprint(o.Validate()); err != "start: required, since the times of m.yaml are relative" {
		t.Errorf("got %s", err)
	}
	o.Start = start
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
}

// TestMappedIdentity holds the rule for ids: the place of columns, what they are used for and columns that the mapping
// does not name are nothing to it.
func TestMappedIdentity(t *testing.T) {
	ids := func(text, data string, at time.Time) string {
		t.Helper()
		m, err := mapping.Parse("m.yaml", []byte("source: s\n"+text))
		if err != nil {
			t.Fatal(err)
		}
		o := Options{Format: "csv", Files: []string{write(t, "f", []byte(data))}, Mapping: m, Start: at, Tenant: "t", Product: "p", Run: "test"}
		log, result := replayed(t, o)
		if result.Skipped > 0 {
			t.Fatal(result.Problems)
		}
		var all []string
		for _, c := range log.calls {
			all = append(all, c.Id)
		}
		return strings.Join(all, " ")
	}
	none := time.Time{}
	want := ids("time: {column: at, format: unix_s}\nfields: {model: m, input_uncached: n}\n", "at,m,n\n1,a,5\n1,a,5\n", none)
	if first, second, _ := strings.Cut(want, " "); first[1:] != second[1:] || first[0] != '1' || second[0] != '2' || len(first) != 18 {
		t.Errorf("got %q", want)
	}
	same := ids("time: {column: at, format: unix_ms}\nfields: {input_total: n, model: m, operation: {constant: chat}}\n", "x,n,at,m\n0,5,1,a\n7, 5 ,1,a\n", none)
	if same != want {
		t.Errorf("got %q, want %q", same, want)
	}
	if other := ids("time: {column: at, format: unix_s}\nfields: {model: m}\n", "at,m,n\n1,a,5\n1,a,5\n", none); other == want {
		t.Error("another set of columns gives the same ids")
	}
	relative := "time: {column: at, format: relative_s}\nfields: {model: m, input_uncached: n}\n"
	if a, b := ids(relative, "at,m,n\n1,a,5\n", start), ids(relative, "at,m,n\n1,a,5\n", start.Add(1)); a != b {
		t.Errorf("less than a microsecond matters: %q and %q", a, b)
	}
	if a, b := ids(relative, "at,m,n\n1,a,5\n", start), ids(relative, "at,m,n\n1,a,5\n", start.Add(time.Second)); a == b {
		t.Error("another start gives the same ids")
	}
	if got := ids("time: {column: at, format: unix_s}\nid: [n, m]\nfields: {model: m}\n", "at,m,n\n1,a,5\n", none); got != "5/a" {
		t.Errorf("got %q", got)
	}
}

// TestDistinctIdentities gives texts that are different and must not become one id or tenant: those that cannot be told
// apart are problems, each of its row.
func TestDistinctIdentities(t *testing.T) {
	f := func(format, text, data string, want ...string) {
		t.Helper()
		o := Options{Format: format, Files: []string{write(t, "f", []byte(data))}, Users: testUsers, Run: "test"}
		if text != "" {
			m, err := mapping.Parse("m.yaml", []byte("source: s\ntime: {column: at, format: unix_s}\n"+text))
			if err != nil {
				t.Fatal(err)
			}
			o.Mapping = m
		}
		log, result := replayed(t, o)
		var got []string
		for _, p := range result.Problems {
			got = append(got, fmt.Sprintf("%d:%d: %s", p.Line, p.Column, p.Text))
		}
		for _, c := range log.calls {
			got = append(got, c.Tenant+" "+c.Id+" "+c.Model)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s %s: got\n%s\nwant\n%s", format, text, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	fields := "fields: {tenant: t, product: {constant: p}, model: m}\n"
	// Parts that have what joins them; one column alone stays as it is.
	parts := "at,t,m,a,b\n1,t,m,\"x/y\",z\n1,t,m,x,y/z\n1,t,m,x\\,/z\n1,t,m,x\\/,z\n"
	f("csv", "id: [a, b]\n"+fields, parts, `t x\/y/z m`, `t x/y\/z m`, `t x\\/\/z m`, `t x\\\//z m`)
	f("csv", "id: a\n"+fields, parts, `t x/y m`, `t x m`, `t x\ m`, `t x\/ m`)
	// Another encoding; the model is no part of an identity.
	f("csv", "id: a\n"+fields, "at,t,m,a\n1,t,caf\xe9,1\n1,t,m,caf\xe9\n1,t,m,caf\xe8\n1,caf\xe9,m,2\n",
		`3:7: a "caf\xe9" is not UTF-8: convert the file`, `4:7: a "caf\xe8" is not UTF-8: convert the file`,
		`5:3: t, the tenant, "caf\xe9" is not UTF-8: convert the file`, "t 1 caf\ufffd")
	row := func(tenant, model, id string) string {
		return fmt.Sprintf(`{"at":1,"t":"%s","m":"%s","a":"%s"}`+"\n", tenant, model, id)
	}
	f("jsonl", "id: a\n"+fields, row("t", "caf\xe9", "1")+row("t", "m", "caf\xe9")+row("t", "m", "caf\xe8")+row("caf\xe9", "m", "2"),
		`2:25: a "caf\xe9" is not UTF-8: convert the file`, `3:25: a "caf\xe8" is not UTF-8: convert the file`,
		`4:9: t, the tenant, "caf\xe9" is not UTF-8: convert the file`, "t 1 caf\ufffd")
	event := func(source, id, beside, data string) string {
		return fmt.Sprintf(`{"specversion":"1.0","type":"token_call","time":"2024-05-10T00:00:00Z","source":"%s","id":"%s",%s,"data":{"product":"p",%s}}`+"\n",
			source, id, beside, data)
	}
	f("cloudevents", "", event("s", "1", `"tenant":"t"`, "\"model\":\"caf\xe9\"")+event("s", "caf\xe9", `"tenant":"t"`, `"model":"m"`)+
		event("caf\xe9", "1", `"tenant":"t"`, `"model":"m"`)+event("s", "2", "\"tenant\":\"caf\xe9\"", `"model":"m"`)+
		event("s", "3", "\"subject\":\"caf\xe9\"", `"model":"m"`)+event("s", "4", `"x":1`, "\"tenant\":\"caf\xe9\"")+
		event("s", "5", "\"subject\":\"caf\xe9\"", `"tenant":"t"`),
		`2:85: id "caf\xe9" is not UTF-8: convert the file`, `3:72: source "caf\xe9" is not UTF-8: convert the file`,
		`4:94: tenant "caf\xe9" is not UTF-8: convert the file`, `5:94: subject "caf\xe9" is not UTF-8: convert the file`,
		`6:122: tenant "caf\xe9" is not UTF-8: convert the file`, "t 1 caf\ufffd", "t 5 unknown")
}

// TestMappedConstants reads numbers that YAML has other forms for: they are what they say in base 10, or refused.
func TestMappedConstants(t *testing.T) {
	for text, want := range map[string]uint64{"10": 10, "010": 10, "08": 8, `"010"`: 10, "1e1": 10, "0x10": 0, "0b10": 0, "0o10": 0, "1_0": 0} {
		m, err := mapping.Parse("m.yaml", []byte("source: s\ntime: {column: at, format: unix_s}\nfields: {model: m, input_uncached: {constant: "+text+"}}\n"))
		if (err == nil) != (want > 0) {
			t.Errorf("%s: %v", text, err)
		}
		if err != nil {
			continue
		}
		log, result := replayed(t, Options{Format: "csv", Files: []string{write(t, "f", []byte("at,m\n1,a\n"))}, Mapping: m, Tenant: "t", Product: "p", Run: "test"})
		if result.Skipped > 0 || log.calls[0].GetInputUncached() != want {
			t.Errorf("%s: got %v, %v", text, log.calls, result.Problems)
		}
	}
}
