package replay

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"tidemark/producers"
	"tidemark/producers/formats/mapping"
	"tidemark/schemas"
)

// eventsOf returns the events of a text as people read them, what was made of nothing, and the first problem.
func eventsOf(t *testing.T, format, text, data string) (events []string, nothing int64, problem string) {
	t.Helper()
	o := Options{Format: format, Files: []string{Stdin}, Stdin: strings.NewReader(data), Users: testUsers, Run: "test"}
	if text != "" {
		m, err := mapping.Parse("m.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		o.Mapping = m
	}
	src, err := newSource(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.close()
	var b producers.Batch
	for err == nil {
		err = src.Next(&b, 1000)
	}
	for _, item := range b.Items {
		e := schemas.NewEvent(item.Type)
		if err := proto.Unmarshal(item.Value, e); err != nil {
			t.Fatal(err)
		}
		w, _ := e.(interface {
			GetWeight() uint64
			GetUserWeight() uint64
			GetUser() uint64
		})
		events = append(events, fmt.Sprintf("%s %d/%d %t", e.GetId(), w.GetWeight(), w.GetUserWeight(), w.GetUser() != 0))
	}
	if r := src.result(&producers.Truth{}); len(r.Problems) > 0 {
		problem = r.Problems[0].Text
	}
	return events, src.tally.nothing, problem
}

// TestWeightZero tells a 0 that a row says from a weight that it does not say.
func TestWeightZero(t *testing.T) {
	const head = "type: queries\nsource: s\ntime: {column: at, format: unix_s}\nid: id\n"
	const fields = head + "fields: {tenant: {constant: t}, product: {constant: p}, user: u, weight: w, user_weight: uw}\n"
	f := func(format, text, data, want string, wantNothing int64, wantProblem string) {
		t.Helper()
		events, nothing, problem := eventsOf(t, format, text, data)
		if got := strings.Join(events, ", "); got != want || nothing != wantNothing || problem != wantProblem {
			t.Errorf("%s %s:\ngot  %s, %d nothing, %s\nwant %s, %d nothing, %s", format, data, got, nothing, problem, want, wantNothing, wantProblem)
		}
	}
	const names = "id,at,u,w,uw\n"
	f("csv", fields, names+"a,1,x,3,2\nb,1,x,,\nc,1,x,0,\nd,1,x,0.0,7\ne,1,x,-0,7\nf,1,x,00,7\ng,1,x,0e5,7\n", "a 3/2 true, b 0/0 true", 5, "")
	f("csv", fields, names+"a,1,x,,0\n", "", 1, "")             // It says no more than that nobody did.
	f("csv", fields, names+"a,1,x,5,0\n", "a 5/0 false", 0, "") // Five, of nobody.
	f("csv", fields, names+"a,1,x,-1,\n", "", 0, `w, the weight, "-1" is negative: rows that take something back are added up with those that they correct by repeats: sum`)
	f("csv", fields, names+"a,1,x,0.5,\n", "", 0, `w, the weight, "0.5" is not a whole number`)
	f("csv", fields, names+"a,1,x,1,1e-9\n", "", 0, `uw, the user_weight, "1e-9" is not a whole number`)
	f("csv", fields, names+"a,1,x,none,\n", "", 0, `w, the weight, "none" is not a number: if it stands for nothing, list it in the mapping, null: ['none']`)
	f("csv", fields, names+"a,1,x,1e13,\n", "", 0, "w, the weight, does not fit: weight is more than 1000000000000: 10000000000000")
	// What the mapping says of a text, or where there is none.
	f("csv", head+"fields: {tenant: {constant: t}, product: {constant: p}, weight: {column: w, values: {'0': '1', none: '0'}}}\n",
		"id,at,w\na,1,0\nb,1,none\n", "a 1/0 false", 1, "")
	f("csv", head+"fields: {tenant: {constant: t}, product: {constant: p}, weight: {column: w, default: '0'}}\n", "id,at,w\na,1,\nb,1,2\n", "b 2/0 false", 1, "")
	f("csv", head+"fields: {tenant: {constant: t}, product: {constant: p}, weight: {column: w, unit: thousand}}\n", "id,at,w\na,1,0.0\nb,1,0.002\n", "b 2/0 false", 1, "")
	f("csv", head+"fields: {tenant: {constant: t}, product: {constant: p}, weight: {column: w, unit: thousand}}\n", "id,at,w\na,1,0.0001\n", "", 0,
		`w, the weight, "0.0001" is not a whole number in the unit of weight`)
	f("jsonl", fields, `{"id":"a","at":1,"u":1,"w":0}`+"\n"+`{"id":"b","at":1,"u":1,"w":null}`+"\n"+`{"id":"c","at":1,"u":1,"w":"0"}`+"\n", "b 0/0 true", 2, "")

	event := func(beside, data string) string {
		return fmt.Sprintf(`{"specversion":"1.0","type":"queries","time":"2024-05-10T00:00:00Z","source":"s","id":"i","tenant":"t"%s,"data":{"product":"p","user":"x"%s}}`+"\n", beside, data)
	}
	f("cloudevents", "", event("", "")+event(`,"sampledrate":0`, "")+event(`,"sampledrate":"0"`, "")+event("", `,"weight":0`)+event(`,"sampledrate":9`, `,"weight":0`)+
		event("", `,"user_weight":0`)+event(`,"sampledrate":2`, `,"user_weight":0`)+event(`,"sampledrate":0`, `,"weight":4`), "i 0/0 true, i 2/0 false, i 4/0 true", 5, "")
	f("cloudevents", "", event(`,"sampledrate":-1`, ""), "", 0, `sampledrate "-1" is negative`)
	f("cloudevents", "", event(`,"sampledrate":1.5`, ""), "", 0, `sampledrate "1.5" is not a whole number`)
}

// TestDownloadsOfNothing is the history of a model in which weeks are without a download.
func TestDownloadsOfNothing(t *testing.T) {
	m, err := mapping.Parse("m.yaml", []byte(`{type: model_events, source: hub, time: {column: date, format: "2006-01-02"}, id: [date, model],
fields: {tenant: {constant: hub}, kind: {constant: download}, model: model, weight: downloads}}`))
	if err != nil {
		t.Fatal(err)
	}
	file := write(t, "f.csv", []byte("date,model,downloads\n2026-03-01,org/m,120\n2026-03-02,org/m,0\n2026-03-03,org/m,0\n2026-03-04,org/m,5\n"))
	o := Options{Format: "csv", Files: []string{file}, Mapping: m, Run: "test"}
	_, result := replayed(t, o)
	if got := result.Truth.Of(schemas.ModelEventType); got.Weight.String() != "125" || got.Events != 2 || result.Rows != 4 || result.Nothing != 2 || result.Skipped != 0 {
		t.Errorf("%+v of %d rows, %d of nothing, %d skipped", got, result.Rows, result.Nothing, result.Skipped)
	}
	plan, err := DryRun(t.Context(), o, nil, "n")
	if err != nil || plan.Nothing != 2 || plan.Truth.Total().Weight.String() != "125" {
		t.Errorf("%+v, %v", plan, err)
	}
}
