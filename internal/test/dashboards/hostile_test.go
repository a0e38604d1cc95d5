package dashboards_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"tidemark/consumers/rollup/rolluptest"
	"tidemark/dashboards"
	"tidemark/dashboards/grafana"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// names are such as people give and such as are made to be taken for others: each is a tenant, product, provider and model
// of its own.
var names = []string{
	`CORP\alice`, "plain", `x\`, `x\\`, `\`, `'`, `"`, `\'`, `' OR 1=1 --`, `\' OR 1=1 --`, `\') OR 1=1 /*`, "a,b", "a", "b", "{a,b}", "{", "}", "%", "%41", "A", "%2C", "a&tenant=b", "&tenant=b", "tenant=b", "=", "+", " ", "a b",
	"$__timeFilter(x)", "$__fromTime", "${tenant}", "$tenant", "[[tenant]]", "$$", "$x$'$x$", "ünïcodé 日本", "\u2028", "‘x’", "`", "*", "all", "--", "/*", "#!", ";", "?", "@p", "{p:String}", `\x27`, `\u0027`, "1", "NULL", strings.Repeat(`\'`, 30),
}

// TestEveryNameShowsItsOwn chooses each name of each variable, as it stands in an address, and holds that every figure is
// its own, by minutes, hours and days: of no other, and of no two.
func TestEveryNameShowsItsOwn(t *testing.T) {
	s := store{World: rolluptest.New(t)}
	tokens := func(i int) float64 { return float64(1000 + i) }
	at := begin.Add(10*time.Hour + 20*time.Minute)
	var events []schemas.Event
	for i, name := range names {
		id, us := fmt.Sprint(i), at.UnixMicro()+int64(i)*1e6
		events = append(events,
			&usagev1.TokenCall{Source: "t", Id: id, Tenant: name, Product: name, Provider: name, Model: name, TimeUs: new(us), Weight: 1, UserWeight: 1, User: uint64(i + 1), InputUncached: proto.Uint64(uint64(1000 + i)), Status: usagev1.Status_STATUS_OK},
			&usagev1.Query{Source: "t", Id: id, Tenant: name, Product: name, TimeUs: new(us), Weight: uint64(1000 + i), UserWeight: 1, User: uint64(i + 1), Segment: usagev1.Segment_SEGMENT_CONSUMER},
			&usagev1.Run{Source: "t", Id: id, Tenant: name, Run: name, Kind: "collect", Type: "any", TimeUs: new(us), Key: name, Endpoint: "traces", Sender: name, Received: uint64(1000 + i)},
		)
	}
	s.Deliver(events...)
	s.rollUp(t)
	usage, tenant := only(t, file(t, "tidemark-usage"), 10, 11), only(t, file(t, "tidemark-tenant"), 1, 2, 4)
	sources, costs := only(t, file(t, "tidemark-sources"), 1, 3, 10), only(t, file(t, "tidemark-cost"), 70)
	ask := func(f dashboards.File, span time.Duration, chosen map[string][]string) answers {
		got := answers{}
		for _, r := range s.execute(t, f, grafana.View{From: at.Add(-span / 2), To: at.Add(span / 2), Chosen: chosen}) {
			got[r.Panel] = r
		}
		return got
	}
	for i, name := range names {
		got := ask(tenant, time.Hour, map[string][]string{"tenant": {name}})
		got.equal(t, 1, 0, tokens(i))
		got.equal(t, 2, 1, tokens(i))
		got.equal(t, 4, 0, 1) // Users.
		if i%6 != 0 {
			continue // Each dashboard asks for some fifteen variables.
		}
		for _, variable := range []string{"tenant", "product", "provider", "model"} {
			got = ask(usage, 2*time.Hour, map[string][]string{variable: {name}})
			got.equal(t, 11, 1, tokens(i))
			if variable == "tenant" || variable == "product" {
				got.equal(t, 10, 0, tokens(i))
			}
			got = ask(costs, 2*time.Hour, map[string][]string{variable: {name}})
			got.equal(t, 70, 7, tokens(i))
		}
		got = ask(sources, 2*time.Hour, map[string][]string{"tenant": {name}})
		got.equal(t, 1, 0, tokens(i))
		got.equal(t, 3, 0, 1)
		if rows := got[10].Rows; len(rows) != 1 || rows[0][0] != name || rows[0][1] != name || rows[0][2] != name {
			t.Errorf("the senders of %q are %v", name, rows)
		}
		for _, span := range []time.Duration{24 * time.Hour, 30 * 24 * time.Hour} {
			got = ask(usage, span, map[string][]string{"tenant": {name}})
			got.equal(t, 11, 1, tokens(i))
		}
	}
	// Two at once are two.
	got := ask(usage, time.Hour, map[string][]string{"tenant": {`CORP\alice`, "a,b"}})
	got.equal(t, 11, 1, tokens(0)+tokens(11))
	// What nobody has, whatever it says, is nothing: no error, and not everything.
	for _, strange := range []string{"", "a\nb\x00\xff", "\t all", strings.Repeat(`'\`, 3000)} {
		for _, variable := range []string{"tenant", "product", "provider", "model"} {
			got = ask(usage, time.Hour, map[string][]string{variable: {strange}})
			got.equal(t, 11, 1, 0)
		}
		got = ask(sources, time.Hour, map[string][]string{"tenant": {strange}})
		got.equal(t, 1, 0, 0)
		got.equal(t, 3, 0, 0)
		for _, variable := range []string{"segment", "country"} {
			got = ask(usage, time.Hour, map[string][]string{variable: {strange}})
			if variable != "country" || strange != "" { // No country is a country to ask for.
				got.equal(t, 10, 0, 0)
			}
		}
		if t.Failed() {
			return
		}
	}
	for _, topic := range []string{`queries.v1`, `\`, `' OR 1=1 --`, "a,b"} {
		s.execute(t, file(t, "tidemark-pipeline"), grafana.View{From: at.Add(-time.Hour), To: at, Chosen: map[string][]string{"topic": {topic}}})
	}
}

// only leaves but some panels of a dashboard.
func only(t *testing.T, f dashboards.File, ids ...float64) dashboards.File {
	t.Helper()
	var d map[string]any
	if err := json.Unmarshal(f.JSON, &d); err != nil {
		t.Fatal(err)
	}
	panels, ok := d["panels"].([]any)
	if !ok {
		t.Fatal("no panels")
	}
	d["panels"] = slices.DeleteFunc(panels, func(p any) bool {
		panel, _ := p.(map[string]any)
		id, _ := panel["id"].(float64)
		return !slices.Contains(ids, id)
	})
	delete(d, "annotations")
	var err error
	if f.JSON, err = json.Marshal(d); err != nil {
		t.Fatal(err)
	}
	return f
}
