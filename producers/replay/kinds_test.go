package replay

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tidemark/internal/test/env"
	"tidemark/producers/formats/mapping"
)

// head begins a mapping of calls of one tenant.
const callsHead = "source: t\nfields: {tenant: {constant: acme}, product: {constant: api}, model: {column: model, default: unknown}, input_uncached: in}\n"

// TestRows reads rows that are not simply a call each, and values as exports have them: a mapping, a file, what becomes of it.
func TestRows(t *testing.T) {
	for _, test := range []struct{ name, mapping, data, want string }{
		{
			"requests that are 0 and say nothing else stand for nothing",
			"source: t\ntime: at\nid: [at]\nfields: {tenant: {constant: a}, product: {constant: p}, model: {constant: m}, requests: n, input_uncached: in, latency_us: {column: ms, unit: ms}}\n",
			"at,n,in,ms\n2026-03-01,0,0,\n2026-03-02,0,7,5\n2026-03-03,1,7,5\n2026-03-04,,9,6\n2026-03-05,2,9,6\n",
			"2026-03-02T00:00:00Z m: 0 calls, input 7\n2026-03-03T00:00:00Z m: 1 call, input 7, latency 5ms\n2026-03-04T00:00:00Z m: 1 call, input 9, latency 6ms\n" +
				"2026-03-05T00:00:00Z m: 2 calls, input 9\n1 row stand for nothing\n" +
				"1 row without latency_us: is that of a row of 0 calls, and that of a call is not known\n1 row without latency_us: is that of a row of 2 calls, and that of a call is not known\n" +
				"1 row without requests: is empty, and the row counts as one; give default: N to the field if that is right\n",
		},
		{
			"a list of conditions holds if one does",
			"time: at\nid: [id]\nwhere: [{kind: [a, b], in: {not: \"0\"}}, {kind: {matches: ^c}}]\n" + callsHead,
			"id,at,model,in,kind\n1,2026-03-01,m,1,a\n2,2026-03-01,m,0,a\n3,2026-03-01,m,2,b\n4,2026-03-01,m,0,c4\n5,2026-03-01,m,4,d\n",
			"2026-03-01T00:00:00Z m: 1 call, input 1\n2026-03-01T00:00:00Z m: 1 call, input 2\n2026-03-01T00:00:00Z m: 1 call, input 0\n2 rows are left out by where\n",
		},
		{
			"fields with a condition make parts",
			"time: at\nid: [id]\nsource: t\nfields: {tenant: {constant: acme}, product: {constant: api}, model: model, input_uncached: {column: in, where: {kind: input}}, output_visible: {column: in, where: {kind: [output, text]}}}\n",
			"id,at,model,in,kind\n1,2026-03-01,m,5,input\n1,2026-03-01,m,7,text\n2,2026-03-01,m,9,image\n",
			"2026-03-01T00:00:00Z m: 1 call, input 5, output 7\n2026-03-01T00:00:00Z m: 1 call\n1 row is put together with others of their id\n",
		},
		{
			"a time between two columns",
			"time: a\nid: [id]\nsource: t\nfields: {tenant: {constant: acme}, product: {constant: api}, model: {constant: m}, latency_us: {from: a, to: b, format: \"2006-01-02 15:04:05\", zone: Europe/Berlin}}\n",
			"id,a,b\n1,2026-03-01 10:00:00,2026-03-01 10:00:02\n2,2026-03-01 10:00:00,2026-03-01 09:59:59\n3,2026-03-01 10:00:00,\n4,2026-03-01 10:00:00,soon\n",
			"2026-03-01T10:00:00Z m: 1 call, latency 2s\n2026-03-01T10:00:00Z m: 1 call\n2026-03-01T10:00:00Z m: 1 call\n2026-03-01T10:00:00Z m: 1 call\n" +
				"1 row without latency_us: is before a\n1 row without latency_us: is not a time like 2006-01-02 15:04:05\n",
		},
		{
			"parts that say one thing differently",
			"time: at\nid: [id]\npivot: {column: kind, value: in, fields: {in: input_uncached, out: output_visible, tool: ignore}}\n" +
				"source: t\nfields: {tenant: {constant: acme}, product: {constant: api}, model: model}\n",
			"id,at,model,in,kind\n1,2026-03-01,m,1,in\n1,2026-03-01,m,2,in\n1,2026-03-01,m,3,out\n1,2026-03-01,m,3,out\n1,2026-03-01,m,3,tool\n2,2026-03-01,m,3,audio\n3,2026-03-01,m,3,in\n3,2026-03-01,n,3,out\n",
			"2026-03-01T00:00:00Z m: 1 call, input 1, output 3\n2026-03-01T00:00:00Z m: 1 call, input 3\n1 row is put together with others of their id\n2 rows say the same as another row of the id\n" +
				"line 7: kind \"audio\" is not among the kinds that m.yaml lists under pivot.fields: add it, or write 'audio': ignore\n" +
				"line 3: input_uncached is said twice by rows of the same id: if they add up, give repeats: sum; if the last one counts, repeats: last; if each row says that of all, say by where in which it counts\n" +
				"line 9: model is \"n\", and \"m\" in a row before of the same id, of whose event this is a part: name its column under id, too\n",
		},
		{
			"a total in one row and a part of it in another",
			"time: at\nid: [id]\npivot: {column: kind, value: in, fields: {in: input_total, cached: input_cache_read}}\n" +
				"source: t\nfields: {tenant: {constant: acme}, product: {constant: api}, model: model}\n",
			"id,at,model,in,kind\n1,2026-03-01,m,40,cached\n1,2026-03-01,m,100,in\n2,2026-03-01,m,5,in\n",
			"2026-03-01T00:00:00Z m: 1 call, input 100 (cache read 40)\n2026-03-01T00:00:00Z m: 1 call, input 5\n1 row is put together with others of their id\n",
		},
		{
			"more taken back than given",
			"time: at\nid: [id]\nrepeats: sum\n" + callsHead,
			"id,at,model,in\n1,2026-03-01,m,5\n1,2026-03-01,m,-7\n2,2026-03-01,m,5\n2,2026-03-01,m,-5\n",
			"2026-03-01T00:00:00Z m: 1 call, input 0\n2 rows are put together with others of their id\n" +
				"line 2: input_uncached of the rows of id \"1\" comes to -2: replay them together with the rows that they correct, in one command\n",
		},
		{
			"weights of downloads add up",
			"type: model_events\nsource: t\ntime: at\nid: [at, model]\nrepeats: sum\nfields: {tenant: {constant: hub}, kind: {constant: download}, model: model, weight: n}\n",
			"at,model,n\n2026-03-01,m,5\n2026-03-01,m,7\n2026-03-02,m,5\n2026-03-02,m,-5\n",
			"2026-03-01T00:00:00Z m: 12 events\n1 row stand for nothing\n2 rows are put together with others of their id\n",
		},
		{
			"parts that say one thing alike, which may be a half each",
			"time: at\nid: [id]\npivot: {column: kind, value: n, fields: {in: input_uncached, out: output_visible}}\nsource: t\nfields: {tenant: {constant: acme}, product: {constant: api}, model: model, requests: {constant: \"2\"}, reported_cost_nanos: {column: cost, unit: one, where: {kind: [in, out]}}, cost_currency: {constant: USD}}\n",
			"id,at,model,kind,n,cost\n1,2026-03-01,m,in,5,0.5\n1,2026-03-01,m,out,7,0.5\n2,2026-03-01,m,in,5,0.5\n2,2026-03-01,m,out,7,\n",
			"2026-03-01T00:00:00Z m: 2 calls, input 5, cost 0.5 USD\n2026-03-01T00:00:00Z m: 2 calls, input 5, output 7, cost 0.5 USD\n1 row is put together with others of their id\n" +
				"line 3: reported_cost_nanos is said twice by rows of the same id: if they add up, give repeats: sum; if the last one counts, repeats: last; if each row says that of all, say by where in which it counts\n",
		},
		{
			"sums of rows that all say how long the call took",
			"time: at\nid: [id]\nrepeats: sum\nsource: t\nfields: {tenant: {constant: acme}, product: {constant: api}, model: model, input_uncached: in, latency_us: {column: ms, unit: ms}}\n",
			"id,at,model,in,ms\n1,2026-03-01,m,5,20\n1,2026-03-01,m,7,20\n",
			"2026-03-01T00:00:00Z m: 1 call, input 12, latency 20ms\n1 row is put together with others of their id\n",
		},
		{
			"parts that all say which try the call was",
			"time: at\nid: [id]\npivot: {column: kind, value: n, fields: {write: input_cache_write, short: cache_write_5m}}\nsource: t\nfields: {tenant: {constant: acme}, product: {constant: api}, model: model, attempt: try, usage: {constant: reported}}\n",
			"id,at,model,kind,n,try\n1,2026-03-01,m,write,5,2\n1,2026-03-01,m,short,4,2\n",
			"2026-03-01T00:00:00Z m: 1 call, input 5 (cache write 5)\n1 row is put together with others of their id\n",
		},
		{
			"ids and tenants that are words for nothing, or parts that may be empty",
			"time: at\nid: [id, {column: part, optional: true}, {first: [a, b]}]\nsource: t\nfields: {tenant: tenant, product: {constant: api}, model: model, input_uncached: in}\n",
			"id,part,a,b,at,tenant,model,in\n1,,x,,2026-03-01,t,m,1\n1,y,,x,2026-03-01,t,m,2\nNULL,,x,,2026-03-01,t,m,4\n#REF!,,x,,2026-03-01,t,m,8\n2,,,,2026-03-01,t,m,16\n3,,x,,2026-03-01,None,m,32\n12345678901234500000,,x,,2026-03-01,t,m,64\n",
			"2026-03-01T00:00:00Z m: 1 call, input 1\n2026-03-01T00:00:00Z m: 1 call, input 2\n" +
				"line 4: id \"NULL\" stands for nothing, most likely, and is the same in other rows: list it in the mapping, null: ['NULL'], or write null: [] if it is a name\n" +
				"line 5: id \"#REF!\" stands for nothing, most likely, and is the same in other rows: list it in the mapping, null: ['#REF!'], or write null: [] if it is a name\n" +
				"line 6: b is empty, and the id is made of it: if it may be, write {column: b, optional: true} in a list of several, or {first: [...]}\n" +
				"line 7: tenant \"None\" stands for nothing, most likely: list it in the mapping, null: ['None'], or write null: [] if it is a name\n" +
				"line 8: id \"12345678901234500000\" is a rounded number, as spreadsheets write long ones, and the same for others: export the column as text\n",
		},
		{
			"numbers below one that would be thousands, and costs that may be",
			"time: at\nid: [id]\nnumbers: {decimal: \",\", group: \".\"}\nsource: t\nfields: {tenant: {constant: acme}, product: {constant: api}, model: model, input_uncached: in, reported_cost_nanos: {column: cost, unit: one}, cost_currency: {constant: USD}}\n",
			"id,at,model,in,cost\n1,2026-03-01,m,0.012,1\n2,2026-03-01,m,1,0.500\n3,2026-03-01,m,2,\"0,500\"\n",
			"2026-03-01T00:00:00Z m: 1 call, input 1\n2026-03-01T00:00:00Z m: 1 call, input 2, cost 0.5 USD\nline 2: in, the input_uncached, \"0.012\" is not grouped in threes\n1 row without reported_cost_nanos: is not grouped in threes\n",
		},
		{
			"a cost that may be thousands",
			"time: at\nid: [id]\nsource: t\nfields: {tenant: {constant: acme}, product: {constant: api}, model: model, reported_cost_nanos: {column: cost, unit: one}, cost_currency: {constant: USD}}\n",
			"id,at,model,cost\n1,2026-03-01,m,1.500\n2,2026-03-01,m,0.500\n3,2026-03-01,m,1.5000\n",
			"2026-03-01T00:00:00Z m: 1 call\n2026-03-01T00:00:00Z m: 1 call, cost 0.5 USD\n2026-03-01T00:00:00Z m: 1 call, cost 1.5 USD\n" +
				"1 row without reported_cost_nanos: may be thousands or decimals: say in the mapping how numbers are written, numbers: {group: \".\"} or {decimal: \".\"}\n",
		},
		{
			"a status that is not listed, a model that is empty",
			"time: at\nid: [id]\nsource: t\nfields: {tenant: {constant: acme}, product: {constant: api}, model: model, status: {column: s, values: {good: ok}}, input_uncached: in}\n",
			"id,at,model,s,in\n1,2026-03-01,m,timeout,1\n2,2026-03-01,,good,2\n",
			"2026-03-01T00:00:00Z m: 1 call, input 1\n2026-03-01T00:00:00Z unknown: 1 call, input 2\n" +
				"1 row without model: is empty and counts as unknown: give default: NAME to the field if that is right\n1 row without status: is not among the values that m.yaml lists: add it there, or default: VALUE\n",
		},
		{
			"a part that stands for nothing",
			"time: at\nid: [id]\nrepeats: sum\nsource: t\nfields: {tenant: {constant: acme}, product: {constant: api}, model: model, input_uncached: in, weight: w}\n",
			"id,at,model,in,w\n1,2026-03-01,m,5,2\n1,2026-03-01,m,7,0\n2,2026-03-01,m,9,0\n",
			"2026-03-01T00:00:00Z m: 2 calls, input 10\n2 rows stand for nothing\n",
		},
		{
			"the first row counts",
			"time: at\nid: [id]\nrepeats: first\n" + callsHead,
			"id,at,model,in\n1,2026-03-01,m,5\n1,2026-03-01,m,7\n",
			"2026-03-01T00:00:00Z m: 1 call, input 5\n1 row is left out for the first row of the same id\n",
		},
		{
			"a sum with words for nothing, and one that comes to less than nothing",
			"time: at\nid: [id]\nnull: [NULL]\nsource: t\nfields: {tenant: {constant: acme}, product: {constant: api}, model: model, input_uncached: {sum: [a, b], minus: [c]}}\n",
			"id,at,model,a,b,c\n1,2026-03-01,m,5,NULL,2\n2,2026-03-01,m,NULL,,NULL\n3,2026-03-01,m,5,1,7\n",
			"2026-03-01T00:00:00Z m: 1 call, input 3\n2026-03-01T00:00:00Z m: 1 call\nline 4: a, the input_uncached, is negative: what is taken off is more than what there is\n",
		},
		{
			"numbers that could be others",
			"time: at\nid: [id]\n" + callsHead,
			"id,at,model,in\n1,2026-03-01,m,12.000\n2,2026-03-01,m,\"1,234\"\n3,2026-03-01,m,1.5K\n4,2026-03-01,m,N/A\n5,2026-03-01,m,1.23457E+08\n6,2026-03-01,m,1.5e+06\n7,2026-03-01,m,12.0\n8,2026-03-01,m,$5\n9,2026-03-01,m,-3\n",
			"2026-03-01T00:00:00Z m: 1 call, input 1500000\n2026-03-01T00:00:00Z m: 1 call, input 12\n" +
				"line 2: in, the input_uncached, \"12.000\" may be thousands or decimals: say in the mapping how numbers are written, numbers: {group: \".\"} or {decimal: \".\"}\n" +
				"line 3: in, the input_uncached, \"1,234\" is not a number: say in the mapping how numbers are written, numbers: {decimal: \",\", group: \".\"} or {decimal: \".\", group: \",\"}\n" +
				"line 4: in, the input_uncached, \"1.5K\" is not a number: say in the mapping that letters stand for thousands, numbers: {suffixes: true}\n" +
				"line 5: in, the input_uncached, \"N/A\" is not a number: if it stands for nothing, list it in the mapping, null: ['N/A']\n" +
				"line 6: in, the input_uncached, \"1.23457E+08\" is a rounded number, as spreadsheets write long ones: export the column as a whole number\n" +
				"line 9: in, the input_uncached, \"$5\" is not a number: say in the mapping what is beside numbers, numbers: {marks: [\"$\"]}\n" +
				"line 10: in, the input_uncached, \"-3\" is negative: rows that take something back are added up with those that they correct by repeats: sum\n",
		},
		{
			"marks that group in one column and begin the decimals in another",
			"time: at\nid: [id]\nnumbers: {group: [\",\", \".\", \" \"], decimal: \".\", suffixes: true, marks: [$, USD]}\nsource: t\nfields: {tenant: {constant: acme}, product: {constant: api}, model: model, input_uncached: in, reported_cost_nanos: {column: cost, unit: one}, cost_currency: {constant: USD}}\n",
			"id,at,model,in,cost\n1,2026-03-01,m,\"1,234\",$0.0012\n2,2026-03-01,m,12.000,0.0015\n3,2026-03-01,m,1.234.567,(0.02)\n4,2026-03-01,m,1 234,USD 0.5\n5,2026-03-01,m,1.5K,€ 1\n6,2026-03-01,m,1.23.4,\n7,2026-03-01,m,\"12,34,567\",-$3\n8,2026-03-01,m,\"1,2345\",\n",
			"2026-03-01T00:00:00Z m: 1 call, input 1234, cost 0.0012 USD\n2026-03-01T00:00:00Z m: 1 call, input 12000, cost 0.0015 USD\n2026-03-01T00:00:00Z m: 1 call, input 1234567, cost -0.02 USD\n" +
				"2026-03-01T00:00:00Z m: 1 call, input 1234, cost 0.5 USD\n2026-03-01T00:00:00Z m: 1 call, input 1500\n2026-03-01T00:00:00Z m: 1 call, input 1234567, cost -3 USD\n" +
				"line 7: in, the input_uncached, \"1.23.4\" is not grouped in threes\nline 9: in, the input_uncached, \"1,2345\" is not grouped in threes\n" +
				"1 row without reported_cost_nanos: is not a number: say in the mapping what is beside numbers, numbers: {marks: [\"$\"]}\n",
		},
		{
			"a point that groups leaves the comma to the decimals",
			"time: at\nid: [id]\nnumbers: {group: \".\"}\n" + callsHead,
			"id,at,model,in\n1,2026-03-01,m,1.234\n2,2026-03-01,m,\"12,0\"\n",
			"2026-03-01T00:00:00Z m: 1 call, input 1234\n2026-03-01T00:00:00Z m: 1 call, input 12\n",
		},
		{
			"words for nothing that the mapping does not speak of",
			"time: at\nid: [id]\n" + callsHead,
			"id,at,model,in\n1,2026-03-01,None,1\n2,2026-03-01,null,1\n3,2026-03-01,m,1\n",
			"2026-03-01T00:00:00Z unknown: 1 call, input 1\n2026-03-01T00:00:00Z unknown: 1 call, input 1\n2026-03-01T00:00:00Z m: 1 call, input 1\n" +
				"1 row without model: is taken for unknown: list it in the mapping, null: ['None'], or null: [] if it is a name\n1 row without model: is taken for unknown: list it in the mapping, null: ['null'], or null: [] if it is a name\n",
		},
		{
			"names that look like words for nothing",
			"time: at\nid: [id]\nnull: []\n" + callsHead,
			"id,at,model,in\n1,2026-03-01,None,1\n",
			"2026-03-01T00:00:00Z None: 1 call, input 1\n",
		},
		{
			"seconds as milliseconds, and the other way",
			"time: {column: at, format: unix_ms}\nid: [id]\n" + callsHead,
			"id,at,model,in\n1,1772359200,m,1\n2,1772359200000,m,2\n3,1772359200000000,m,4\n4,1.77236E+12,m,8\n5,1.7723592E12,m,16\n6,0,m,32\n7,-5,m,64\n",
			"2026-03-01T10:00:00Z m: 1 call, input 2\n2026-03-01T10:00:00Z m: 1 call, input 16\n1970-01-01T00:00:00Z m: 1 call, input 32\n1969-12-31T23:59:59.995Z m: 1 call, input 64\n" +
				"line 2: at \"1772359200\" would be in the year 1970 as unix_ms, and in 2026 as unix_s: give time.format unix_s\n" +
				"line 4: at \"1772359200000000\" is too large: as unix_us it is of our time: give time.format unix_us\n" +
				"line 5: at \"1.77236E+12\" is a rounded number, as spreadsheets write long ones, and does not say the time: export the column as text or as a date\n",
		},
		{
			"ids that were rounded",
			"time: at\nid: [id, model]\n" + callsHead,
			"id,at,model,in\n1.23457E+17,2026-03-01,m,1\n1.5E+1,2026-03-01,m,2\n12E3,2026-03-01,m,4\n",
			"2026-03-01T00:00:00Z m: 1 call, input 2\n2026-03-01T00:00:00Z m: 1 call, input 4\n" +
				"line 2: id \"1.23457E+17\" is a rounded number, as spreadsheets write long ones, and the same for others: export the column as text\n",
		},
		{
			"where leaves out all",
			"time: at\nid: [id]\nwhere: {model: x}\n" + callsHead,
			"id,at,model,in\n1,2026-03-01,m,1\n",
			"1 row is left out by where\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, err := mapping.Parse("m.yaml", []byte(test.mapping))
			if err != nil {
				t.Fatal(err)
			}
			if got := outcome(t, m, "csv", test.data); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// TestObjects reads JSON that is not simply an object a call.
func TestObjects(t *testing.T) {
	for _, test := range []struct{ name, mapping, data, want string }{
		{
			"arrays that are empty, missing, null, or hold no objects",
			"source: t\neach: a.b\ntime: a.b.at\nid: [k, a.b.n]\nfields: {tenant: {constant: t}, product: {constant: p}, model: {constant: m}, input_uncached: a.b.in}\n",
			`{"k":1,"a":[{"b":[{"n":1,"at":"2026-03-01","in":1},{"n":2,"at":"2026-03-01","in":2}]},{"b":[]},{"b":{"n":3,"at":"2026-03-01","in":4}}]}` + "\n" +
				`{"k":2,"a":null}` + "\n" + `{"k":3}` + "\n" + `{"k":4,"a":[{"b":[7,null,{"n":1,"at":"2026-03-01","in":16}]}]}` + "\n" + `{"k":5,"a":"[{\"b\": [{\"n\":1,\"at\":\"2026-03-01\",\"in\":8}]}]"}` + "\n",
			"2026-03-01T00:00:00Z m: 1 call, input 1\n2026-03-01T00:00:00Z m: 1 call, input 2\n2026-03-01T00:00:00Z m: 1 call, input 4\n2026-03-01T00:00:00Z m: 1 call, input 16\n2026-03-01T00:00:00Z m: 1 call, input 8\n2 rows have nothing to unfold\n" +
				"line 4: a.b has an element that is no object: \"7\"\n",
		},
		{
			"JSON in texts, places in arrays, and what is in the way",
			"source: t\ntime: at\nfields: {tenant: {constant: t}, product: {constant: p}, model: {constant: m}, input_uncached: meta.usage.prompt, input_cache_read: parts.1.in, input_cache_write: parts.in, output_visible: meta.out, output_reasoning: at.x}\n",
			`{"at":"2026-03-01","meta":"{\"usage\": {\"prompt\": 10}}","parts":[{"in":1},{"in":2}]}` + "\n",
			"2026-03-01T00:00:00Z m: 1 call, input 12 (cache read 2)\n" +
				"parts.in is in no row: parts is an array: write each: parts for a row of each element, or the place of one, as in parts.0.in\n" +
				"at.x is in no row: at is \"\\\"2026-03-01\\\"\", which has no parts\n" +
				"meta.out is in no row: meta has usage\n",
		},
		{
			"an attribute that is an object",
			"source: t\ntime: at\nfields: {tenant: {constant: t}, product: {constant: p}, model: {constant: m}, input_uncached: in, user: user, provider: by}\n",
			`{"at":"2026-03-01","in":1,"user":{"id":1},"by":["x"]}` + "\n" + `{"at":"2026-03-01","in":{},"user":1,"by":"x"}` + "\n",
			"2026-03-01T00:00:00Z m: 1 call, input 1\nline 2: in is an object and not a text or a number\n" +
				"1 row without provider: is an array and not a text or a number\n1 row without user: is an object and not a text or a number\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, err := mapping.Parse("m.yaml", []byte(test.mapping))
			if err != nil {
				t.Fatal(err)
			}
			if got := outcome(t, m, "jsonl", test.data); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// TestMissingColumns asks which fields usage is counted by that no row says.
func TestMissingColumns(t *testing.T) {
	m, err := mapping.Parse("m.yaml", []byte("source: t\ntime: at\nwhere: {z: {not: x}, at: {not: never}}\nfields: {tenant: {constant: t}, product: {constant: p}, model: {constant: m}, country: c, input_uncached: a.b, requests: {column: r, default: \"1\"}, output_visible: {first: [x, out]}, latency_us: {column: l, optional: true}, input_cache_write: {sum: [w, v]}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	data := `{"at":"2026-03-01","a":{"c":1},"out":3,"w":1}` + "\n"
	_, result := replayed(t, Options{Format: "jsonl", Files: []string{write(t, "f", []byte(data)), write(t, "g", []byte(data))}, Mapping: m, Run: "test"})
	var got []string
	for _, missing := range result.Columns.Missing {
		lost := ""
		if missing.Lost {
			lost = " lost"
		}
		got = append(got, missing.Field+" "+missing.Column+lost)
	}
	if want := "country c|input_cache_write v lost|input_uncached a.b lost|requests r lost|where z"; strings.Join(got, "|") != want || result.Columns.Rows != 2 {
		t.Errorf("got %v of %d rows, want %s", got, result.Columns.Rows, want)
	}
}

// TestSharedMappings reads the mappings and files of shared/cases that are right as they are.
func TestSharedMappings(t *testing.T) {
	for _, test := range []struct{ dir, file, mapping, format, want string }{
		{"local-time-dst", "calls.csv", "mapping.yaml", "csv", "2026-03-29T00:59:00Z m: 1 call, input 1\n2026-03-29T01:00:00Z m: 1 call, input 1\n2026-10-24T23:30:00Z m: 1 call, input 1\n" +
			"2026-10-25T00:00:00Z m: 1 call, input 1\n2026-10-25T00:30:00Z m: 1 call, input 1\n2026-10-25T01:00:00Z m: 1 call, input 1\n2026-10-25T01:30:00Z m: 1 call, input 1\n2026-10-25T02:00:00Z m: 1 call, input 1\n" +
			"line 3: at \"2026-03-29 02:30:00\" does not exist in Europe/Berlin, where the clocks were put forward over it\n"},
		{"written-times", "us.csv", "us.yaml", "csv", "2026-03-01T09:05:00Z m: 1 call, input 1\n2026-11-28T14:00:00Z m: 1 call, input 1\n"},
		{"path-in-no-row", "calls.jsonl", "text.yaml", "jsonl", "2026-03-01T10:00:00Z m: 1 call, input 10\n2026-03-01T10:00:01Z m: 1 call, input 11\n2026-03-01T10:00:02Z m: 1 call, input 12\n"},
		{"path-in-no-row", "calls.jsonl", "array.yaml", "jsonl", "2026-03-01T10:00:00Z m: 1 call, input 10\n2026-03-01T10:00:01Z m: 1 call, input 11\n2026-03-01T10:00:02Z m: 1 call, input 12\n"},
		{"path-in-no-row", "spend.csv", "spend.yaml", "csv", "2026-03-01T10:00:00Z m: 1 call, input 12\n"},
	} {
		dir := env.Case(t, test.dir)
		data, err := os.ReadFile(filepath.Join(dir, test.file))
		if err != nil {
			t.Fatal(err)
		}
		m, err := mapping.Read(filepath.Join(dir, test.mapping))
		if err != nil {
			t.Fatal(err)
		}
		if got := outcome(t, m, test.format, string(data)); got != test.want {
			t.Errorf("%s/%s: got\n%s\nwant\n%s", test.dir, test.mapping, got, test.want)
		}
	}
}

// TestPartsGrow replays a file again that has grown by a part of an event: what is read then is the newer statement.
func TestPartsGrow(t *testing.T) {
	for _, repeats := range []string{"parts", "sum"} {
		m, err := mapping.Parse("m.yaml", []byte("time: at\nid: [id]\nrepeats: "+repeats+"\npivot: {column: kind, value: n, fields: {in: input_uncached, out: output_visible}}\nsource: t\nfields: {tenant: {constant: t}, product: {constant: p}, model: {constant: m}}\n"))
		if err != nil {
			t.Fatal(err)
		}
		data := "id,at,kind,n\n1,2026-03-01,in,5\n"
		for revision, more := range []string{"", "1,2026-03-02,out,7\n"} {
			data += more
			log, _ := replayed(t, Options{Format: "csv", Files: []string{write(t, "f", []byte(data))}, Mapping: m, Run: "test"})
			if len(log.calls) != 1 || log.calls[0].Revision != uint64(revision) || log.calls[0].GetTimeUs() != time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).UnixMicro() {
				t.Errorf("%s: got %v, want revision %d", repeats, log.calls, revision)
			}
		}
	}
}

// TestPlanCountsCalls adds up the calls of a dry run.
func TestPlanCountsCalls(t *testing.T) {
	m, err := mapping.Parse("m.yaml", []byte("time: at\nid: [at]\nsource: t\nfields: {tenant: {constant: t}, product: {constant: p}, model: {constant: m}, input_uncached: in, requests: n, weight: w}\n"))
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Format: "csv", Files: []string{write(t, "f", []byte("at,in,n,w\n2026-03-01,5,3,2\n2026-03-02,7,0,\n2026-03-03,9,,\n"))}, Mapping: m, Run: "test"}
	plan, err := DryRun(t.Context(), o, nil, "")
	if err != nil || len(plan.Models) != 1 || plan.Models[0].Calls != 7 || plan.Models[0].Uncached != 26 || len(plan.Sample) != 3 || plan.Columns.Weighted != 1 {
		t.Errorf("got %+v, %v", plan, err)
	}
	if from := m.From("input_uncached") + " " + m.From("id") + " " + m.From("time_us") + m.From("model"); from != "in at at" {
		t.Errorf("from %q", from)
	}
}

// TestRowsOfFiles puts rows of one id together that are in several files.
func TestRowsOfFiles(t *testing.T) {
	for _, test := range []struct{ mapping, first, second, want string }{
		{"repeats: sum\n", "id,at,in\n1,2026-03-02,5\n2,2026-03-01,1\n", "id,at,in\n1,2026-03-02,-2\n3,2026-03-01,4\n", "2026-03-01 1 r0|2026-03-01 4 r0|2026-03-02 3 r1"},
		{"", "id,at,in\n1,2026-03-02,5\n1,2026-03-02,6\n", "id,at,in\n1,2026-03-03,159\n", "2026-03-02 159 r2"},
		{"repeats: first\n", "id,at,in\n1,2026-03-02,5\n", "id,at,in\n1,2026-03-03,159\n", "2026-03-02 5 r0"},
	} {
		m, err := mapping.Parse("m.yaml", []byte("time: at\nid: [id]\nsource: t\nfields: {tenant: {constant: t}, product: {constant: p}, model: {constant: m}, input_uncached: in}\n"+test.mapping))
		if err != nil {
			t.Fatal(err)
		}
		for _, memory := range []int{0, 1} {
			o := Options{Format: "csv", Files: []string{write(t, "f", []byte(test.first)), write(t, "g", []byte(test.second))}, Mapping: m, Run: "test", memory: memory}
			log, result := replayed(t, o)
			var got []string
			for _, c := range log.calls {
				got = append(got, fmt.Sprintf("%s %d r%d", time.UnixMicro(c.GetTimeUs()).UTC().Format(time.DateOnly), c.GetInputUncached(), c.Revision))
			}
			if strings.Join(got, "|") != test.want || result.Skipped > 0 {
				t.Errorf("%s: got %v, want %s", test.mapping, got, test.want)
			}
		}
	}
	// Long files in order, no id twice: they are looked through, and read again.
	m, _ := mapping.Parse("m.yaml", []byte("time: {column: at, format: unix_s}\nid: [id]\nsource: t\nfields: {tenant: {constant: t}, product: {constant: p}, model: {constant: m}, input_uncached: in}\n"))
	var parts [2]strings.Builder
	for i := range 400 {
		if i%200 == 0 {
			parts[i/200].WriteString("id,at,in\n")
		}
		fmt.Fprintf(&parts[i/200], "%d,%d,1\n", i, 1772359200+i)
	}
	log, result := replayed(t, Options{Format: "csv", Files: []string{write(t, "f", []byte(parts[0].String())), write(t, "g", []byte(parts[1].String()+"x,soon,1\n"))}, Mapping: m, Run: "test", memory: 1 << 10})
	if len(log.calls) != 400 || result.Rows != 401 || result.Skipped != 1 || result.Columns.Rows != 401 {
		t.Errorf("%d calls, %+v", len(log.calls), result.Reading)
	}
}
