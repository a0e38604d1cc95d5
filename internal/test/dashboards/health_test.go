package dashboards_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/rollup/rolluptest"
	"tidemark/dashboards"
	"tidemark/dashboards/grafana"
)

// end is a partition as a worker saw it some time before asOf.
type end struct {
	topic          string // queries.v1 if empty.
	part           int
	start, end, at int           // The offsets that the log holds, and the position of the ledger.
	stands         time.Duration // For how long, where the position is not the end.
	seen           time.Duration // How long ago.
}

// lasting is an empty store in which what workers report is kept for ever, so that it can be of a time long past.
func lasting(t testing.TB) *clickhouse.DB {
	t.Helper()
	db := emptyStore(t)
	exec(t, db, "ALTER TABLE heartbeats REMOVE TTL")
	exec(t, db, "ALTER TABLE log_ends REMOVE TTL")
	return db
}

func insertEnds(t testing.TB, db *clickhouse.DB, ends []end) { insertEndsAt(t, db, asOf, ends) }

func insertEndsAt(t testing.TB, db *clickhouse.DB, now time.Time, ends []end) {
	t.Helper()
	exec(t, db, "TRUNCATE TABLE log_ends")
	for _, e := range ends {
		topic, since := e.topic, int64(0)
		if topic == "" {
			topic = "queries.v1"
		}
		if e.stands > 0 {
			since = now.Add(-e.stands).UnixMicro()
		}
		exec(t, db, "INSERT INTO log_ends (topic, partition, start_offset, end_offset, accounted, waiting_since, seen_at, version) VALUES ('%s', %d, %d, %d, %d, fromUnixTimestamp64Micro(%d), fromUnixTimestamp64Micro(%d), 1)",
			topic, e.part, e.start, e.end, e.at, since, now.Add(-e.seen).UnixMicro())
	}
}

// beat is the last heartbeat of a worker.
type beat struct {
	role    string
	ago     time.Duration
	stopped bool
}

// scene is all that is told of who is at work, relative to now.
type scene struct {
	migrated time.Duration // How long ago; a day when 0, not at all when negative.
	beats    []beat
	ends     []end
	audited  []time.Duration // How long ago.
	findings string          // The verdict of the newest audit; ok when empty.
}

func (s scene) insert(t testing.TB, db *clickhouse.DB, now time.Time) {
	t.Helper()
	exec(t, db, "TRUNCATE TABLE heartbeats")
	exec(t, db, "TRUNCATE TABLE audits")
	migrated := s.migrated
	if migrated == 0 {
		migrated = 24 * time.Hour
	}
	for _, role := range []string{"ingest", "rollup", "audit", "log"} {
		if migrated < 0 {
			break
		}
		exec(t, db, "INSERT INTO heartbeats (role, worker, beat, seen_at) VALUES ('%s', '', 0, fromUnixTimestamp64Micro(%d))", role, now.Add(-migrated).UnixMicro())
	}
	for i, b := range s.beats {
		exec(t, db, "INSERT INTO heartbeats (role, worker, beat, stopped, seen_at) VALUES ('%s', 'w%d', 7, %t, fromUnixTimestamp64Micro(%d))", b.role, i, b.stopped, now.Add(-b.ago).UnixMicro())
	}
	insertEndsAt(t, db, now, s.ends)
	for i, ago := range s.audited {
		verdict := "ok"
		if s.findings != "" && i == 0 {
			verdict = s.findings
		}
		exec(t, db, "INSERT INTO audits (at, audit, check, scope, verdict) VALUES (fromUnixTimestamp64Micro(%d), 'a%d', 'raw holds', 'queries_raw', '%s')", now.Add(-ago).UnixMicro(), i, verdict)
	}
}

// tileText is what a tile shows, its state in front, by title.
func tileText(t testing.TB, db *clickhouse.DB, topics ...string) map[string]string {
	t.Helper()
	s := store{World: &rolluptest.World{DB: db}}
	now := time.Now()
	view := grafana.View{From: now.Add(-time.Hour), To: now}
	if len(topics) > 0 {
		view.Chosen = map[string][]string{"topic": topics}
	}
	texts := map[string]string{}
	for _, r := range s.execute(t, onlyStats(t, file(t, "tidemark-pipeline")), view) {
		maps.Copy(texts, r.Tiles())
	}
	return texts
}

// onlyStats leaves out the panels that are not one figure or text.
func onlyStats(t testing.TB, f dashboards.File) dashboards.File {
	t.Helper()
	var board map[string]any
	if err := json.Unmarshal(f.JSON, &board); err != nil {
		t.Fatal(err)
	}
	panels, _ := board["panels"].([]any)
	board["panels"] = slices.DeleteFunc(panels, func(p any) bool {
		fields, _ := p.(map[string]any)
		return fields["type"] != "stat"
	})
	var err error
	if f.JSON, err = json.Marshal(board); err != nil {
		t.Fatal(err)
	}
	return f
}

// sceneCase is a scene, who is reported missing by the alert, and what the tiles begin with.
type sceneCase struct {
	scene
	firing []string
	tiles  map[string]string
}

func scenes() map[string]sceneCase {
	const s, m, h, day = time.Second, time.Minute, time.Hour, 24 * time.Hour
	all := func(ago time.Duration) []beat {
		return []beat{{"ingest", ago, false}, {"rollup", ago, false}, {"audit", ago, false}}
	}
	without := func(role string, rest ...beat) []beat {
		return append(slices.DeleteFunc(all(s), func(b beat) bool { return b.role == role }), rest...)
	}
	even := []end{{end: 100, at: 100, seen: s}, {part: 1, seen: s}}
	waits := func(stands time.Duration) []end {
		return []end{{end: 30000, stands: stands, seen: s}, {part: 1, end: 7, at: 7, seen: s}}
	}
	aged := func(ends []end, seen time.Duration) []end {
		ends = slices.Clone(ends)
		for i := range ends {
			ends[i].seen = seen
		}
		return ends
	}
	hourly := []time.Duration{h / 2, h + h/2}
	tiles := func(workers, lag, stalled, freshness, audit string) map[string]string {
		return map[string]string{"Workers": workers, "Lag": lag, "Stalled partitions": stalled, "Freshness": freshness, "Audit": audit}
	}
	fine := tiles("good: all at work", "good: 0", "good: 0", "good: all counted", "OK")
	return map[string]sceneCase{
		"all at work, no traffic":        {scene{beats: all(s), ends: even, audited: hourly}, nil, fine},
		"no traffic ever":                {scene{beats: all(s), ends: []end{{seen: s}}, audited: hourly}, nil, fine},
		"three of ingest, two have died": {scene{beats: append(all(s), beat{"ingest", h, false}, beat{"ingest", day, false}), ends: even, audited: hourly}, nil, fine},
		"an older one stopped":           {scene{beats: append(all(s), beat{"ingest", h, true}, beat{"audit", h, false}), ends: even, audited: hourly}, nil, fine},
		"one process with all": {scene{migrated: 10 * m, beats: []beat{{"ingest", s, false}, {"rollup", s, false}}, ends: even}, nil,
			tiles("good: all at work", "good: 0", "good: 0", "good: all counted", "NOT YET")},
		"some work": {scene{beats: all(s), ends: []end{{end: 1_500_000, at: 200, stands: s, seen: s}}, audited: hourly}, nil,
			tiles("good: all at work", "late: 1.5 Mil", "good: 0", "good: ", "OK")},
		"much work": {scene{beats: all(s), ends: []end{{end: 15_000_000, at: 200, stands: 75 * s, seen: s}}, audited: hourly}, nil,
			tiles("good: all at work", "bad: 15 Mil", "good: 0", "late: ", "OK")},

		"ingest is dead and records wait": {scene{beats: without("ingest", beat{"ingest", 10 * m, false}), ends: waits(9 * m), audited: hourly}, []string{"ingest no report"},
			tiles("bad: no ingest since ", "bad: 30 K, nobody ingests", "bad: 1", "bad: 9 min", "OK")},
		"ingest died when caught up": {scene{beats: without("ingest", beat{"ingest", 10 * m, false}), ends: even, audited: hourly}, []string{"ingest no report"},
			tiles("bad: no ingest since ", "good: 0", "good: 0", "good: all counted", "OK")},
		"ingest was stopped":        {scene{beats: without("ingest", beat{"ingest", 10 * m, true}), ends: even, audited: hourly}, []string{"ingest no report"}, tiles("bad: no ingest since ", "good: 0", "good: 0", "good: all counted", "OK")},
		"ingest, just below":        {scene{beats: without("ingest", beat{"ingest", 120 * s, false}), ends: even, audited: hourly}, nil, nil},
		"ingest, just above":        {scene{beats: without("ingest", beat{"ingest", 122 * s, false}), ends: even, audited: hourly}, []string{"ingest no report"}, nil},
		"ingest was never started":  {scene{migrated: 10 * m, beats: without("ingest"), ends: waits(9 * m), audited: hourly}, []string{"ingest never reported"}, tiles("bad: no ingest ever", "bad: 30 K, nobody ingests", "bad: 1", "bad: 9 min", "OK")},
		"never started, no traffic": {scene{beats: without("ingest"), ends: even, audited: hourly}, []string{"ingest never reported"}, tiles("bad: no ingest ever", "good: 0", "good: 0", "good: all counted", "OK")},
		"migrated a minute ago":     {scene{migrated: m}, nil, nil},
		"migrated, and nothing else": {scene{migrated: 4 * h}, []string{"audit never reported", "ingest never reported", "log never reported", "rollup never reported"},
			tiles("bad: no ingest ever, no rollup ever, no audit ever, log not seen since ", "unknown since ", "unknown since ", "unknown since ", "NOT YET")},
		"one partition without an owner": {scene{beats: all(s), ends: append(waits(5 * m)[:1], end{part: 1, end: 500, at: 500, seen: s}), audited: hourly}, nil,
			tiles("good: all at work", "good: 30 K", "bad: 1", "bad: 5 min", "OK")},
		"rollup is dead": {scene{beats: without("rollup", beat{"rollup", 10 * m, false}), ends: even, audited: hourly}, []string{"rollup no report"},
			tiles("bad: no rollup since ", "good: 0", "good: 0", "good: all counted", "OK")},
		"rollup was never started": {scene{beats: without("rollup"), ends: even, audited: hourly}, []string{"rollup never reported"}, nil},
		"audit is dead": {scene{beats: without("audit", beat{"audit", 10 * m, false}), ends: even, audited: hourly}, []string{"audit no report"},
			tiles("bad: no audit since ", "good: 0", "good: 0", "good: all counted", "OK")},
		"audit is dead for hours": {scene{beats: without("audit", beat{"audit", 4 * h, false}), ends: even, audited: []time.Duration{4 * h}}, []string{"audit no report"},
			tiles("bad: no audit since ", "good: 0", "good: 0", "good: all counted", "UNKNOWN since ")},
		"audit at work, no verdict":   {scene{beats: all(s), ends: even, audited: []time.Duration{4 * h}}, []string{"audit no report"}, tiles("bad: no audit since ", "good: 0", "good: 0", "good: all counted", "UNKNOWN since ")},
		"audit stopped":               {scene{beats: without("audit", beat{"audit", h, true}), ends: even, audited: hourly}, nil, fine},
		"audit by hand, now and then": {scene{beats: without("audit"), ends: even, audited: []time.Duration{2 * h}}, nil, fine},
		"never audited":               {scene{migrated: 4 * h, beats: without("audit"), ends: even}, []string{"audit never reported"}, nil},
		"a difference of yesterday": {scene{beats: all(s), ends: even, audited: []time.Duration{day}, findings: "difference"}, []string{"audit no report"},
			tiles("bad: no audit since ", "good: 0", "good: 0", "good: all counted", "DIFFERENCE")},
		"everything is dead": {scene{beats: all(10 * m), ends: aged(even, 10*m), audited: []time.Duration{4 * h}}, []string{"audit no report", "ingest no report", "log no report", "rollup no report"},
			tiles("bad: no ingest since ", "unknown since ", "unknown since ", "unknown since ", "UNKNOWN since ")},
		"everything is dead, records waited": {scene{beats: all(10 * m), ends: aged(waits(9*m), 10*m), audited: hourly}, []string{"audit no report", "ingest no report", "log no report", "rollup no report"},
			tiles("bad: no ingest since ", "unknown since ", "unknown since ", "unknown since ", "OK")},
		"no broker answers":            {scene{beats: all(s), ends: aged(even, 10*m), audited: hourly}, []string{"log no report"}, tiles("bad: log not seen since ", "unknown since ", "unknown since ", "unknown since ", "OK")},
		"one partition is not seen":    {scene{beats: all(s), ends: []end{{end: 3, at: 3, seen: s}, {part: 1, seen: 10 * m}}, audited: hourly}, []string{"log no report"}, tiles("bad: log not seen since ", "unknown since ", "unknown since ", "unknown since ", "OK")},
		"the table was emptied":        {scene{migrated: -1, ends: even, audited: hourly}, []string{"ingest never reported", "rollup never reported"}, tiles("bad: no ingest ever, no rollup ever", "good: 0", "good: 0", "good: all counted", "OK")},
		"the clock was a day ahead":    {scene{beats: all(-day), ends: aged(even, -day), audited: hourly}, []string{"ingest never reported", "log no report", "rollup never reported"}, tiles("bad: no ingest ever", "unknown since ", "unknown since ", "unknown since ", "OK")},
		"the audit's clock was, alone": {scene{beats: all(s), ends: even, audited: []time.Duration{-day}}, []string{"audit never reported"}, tiles("bad: no audit ever", "good: 0", "good: 0", "good: all counted", "UNKNOWN since ")},
	}
}

// TestAlertNotHeard evaluates every scene at a time of the past.
func TestAlertNotHeard(t *testing.T) {
	db := lasting(t)
	rule := provisionedAlerts(t)["tidemark-not-heard"]
	for name, c := range scenes() {
		t.Run(name, func(t *testing.T) {
			c.insert(t, db, asOf)
			got := rule.evaluate(t, db, asOf)
			var want []string
			for _, text := range c.firing { // Alerts are named by their labels in the order of these: state, who.
				who, state, _ := strings.Cut(text, " ")
				want = append(want, state+" "+who)
			}
			slices.Sort(want)
			if !slices.Equal(got.firing, want) {
				t.Errorf("fires for %q, want %q: %v\n%s", got.firing, want, got.values, got.queries)
			}
			for _, name := range got.firing {
				critical := strings.HasPrefix(got.text[name], "critical: ")
				if critical == strings.HasSuffix(name, "audit") {
					t.Errorf("told as %q", got.text[name])
				}
			}
		})
	}
}

// TestTiles looks at the tiles of every scene.
func TestTiles(t *testing.T) {
	db := emptyStore(t)
	for name, c := range scenes() {
		if c.tiles == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			c.insert(t, db, time.Now())
			got := tileText(t, db)
			for title, want := range c.tiles {
				if text, ok := got[title]; !ok || !strings.HasPrefix(text, want) || strings.HasPrefix(want, "good") && want != "good: " && text != want {
					t.Errorf("%s: %q, want %q", title, text, want)
				}
			}
		})
	}
}

// TestTilesOfBlocks has blocks of the last minutes: of history that was replayed, of a backlog, and of before the ledger
// told when records were produced.
func TestTilesOfBlocks(t *testing.T) {
	db := emptyStore(t)
	const s, m, h = time.Second, time.Minute, time.Hour
	f := func(name string, freshness, eventLag string, rows ...row) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			insertRows(t, db, rows)
			exec(t, db, "INSERT INTO ledger SELECT * REPLACE (written_at + toIntervalMicrosecond(%d) AS written_at) FROM ledger", time.Since(asOf).Microseconds())
			scenes()["all at work, no traffic"].insert(t, db, time.Now())
			got := tileText(t, db)
			if got["Freshness"] != freshness || got["event lag"] != eventLag {
				t.Errorf("freshness %q, event lag %q; want %q, %q", got["Freshness"], got["event lag"], freshness, eventLag)
			}
		})
	}
	f("live", "good: 1 s", "2", row{to: 10, ago: s, late: s, event: 2 * s})
	f("history", "good: 1 s", "540000", row{to: 10, ago: s, late: s, event: 150 * h})
	f("a backlog", "bad: 60 min", "3600", row{to: 10, ago: s, late: h, event: h})
	f("late", "late: 30 s", "30", row{to: 10, ago: s, late: 30 * s, event: 30 * s})
	f("duplicates", "bad: 60 min", "<nil>", row{to: 10, ago: s, late: h, empty: true})
	f("from before", "good: all counted", "540000", row{to: 10, ago: s, event: 150 * h, old: true})
	f("older than five minutes", "good: all counted", "<nil>", row{to: 10, ago: 6 * m, late: h, event: h})
}

// TestTileOfAChosenTopic: another topic's partitions do not count.
func TestTileOfAChosenTopic(t *testing.T) {
	db := emptyStore(t)
	scene{beats: []beat{{"ingest", 0, false}}, ends: []end{{end: 5, stands: time.Hour}, {topic: "signups.v1", end: 3, at: 1, stands: time.Hour}}}.insert(t, db, time.Now())
	got := tileText(t, db, "signups.v1")
	for name, want := range map[string]string{"Lag": "good: 2", "Stalled partitions": "bad: 1"} {
		if got[name] != want {
			t.Errorf("%s: %s, want %s", name, got[name], want)
		}
	}
}
