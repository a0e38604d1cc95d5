package dashboards_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// block is a row of the ledger.
type block struct {
	topic                               string
	epoch, part, from, to               int64
	written                             time.Time
	stored, duplicates, conflicts, dead int64
	gap, resends, bytes, behind         int64
	insertUs, eventUs, lateUs           int64
	old                                 bool // Of before the ledger told when records were produced.
}

// finding is a row of an audit.
type finding struct {
	audit                         string
	at                            time.Time
	check, scope, verdict, detail string
	tookUs                        int64
}

// operation is what the pipeline says of itself: what it did with blocks, how far the rollups followed, what audits found, and who is at work.
type operation struct {
	blocks   []block
	cursors  map[string]int64 // By topic, epoch and partition.
	findings []finding
	pending  map[string][3]int64 // How many ranges of a rollup are deferred, do not match, are requested.
	progress []progress
	ends     []end
	beats    []beat
	beaten   time.Time // When the beats and the ends were written.
}

// progress is how far a rollup is: when it was published, its newest bucket and its last whole one, in milliseconds since 1970.
type progress struct {
	rollup                   string
	published, newest, whole int64
}

// place is where a block is.
func (b block) place() string { return fmt.Sprint(b.topic, " ", b.epoch, " ", b.part) }

// keepLedger makes n blocks between two times, more of them to the end.
func (p *pool) keepLedger(b *operation, n int, from, to time.Time) {
	next := map[string]int64{}
	for _, old := range b.blocks {
		next[old.place()] = old.to
	}
	var times []int64
	for range n {
		times = append(times, from.UnixMicro()+p.Int64N(to.UnixMicro()-from.UnixMicro()))
	}
	slices.Sort(times)
	for _, us := range times {
		one := block{topic: p.pick("queries.v1", "token_calls.v1", "runs.v1"), epoch: 1, part: p.Int64N(2), written: time.UnixMicro(us).UTC()}
		if one.topic == "queries.v1" && to.Sub(one.written) < time.Hour {
			one.epoch = 2
		}
		one.from = next[one.place()]
		one.stored, one.duplicates, one.conflicts, one.dead = p.Int64N(900)*min(1, p.Int64N(8)), 1+p.Int64N(9), p.Int64N(3), p.Int64N(2)
		one.gap, one.resends, one.bytes = p.Int64N(9)/8*50, p.Int64N(4)/3, p.Int64N(1e6)
		one.to = one.from + one.stored + one.duplicates + one.conflicts + one.dead + one.gap
		one.behind, one.insertUs, one.eventUs, one.lateUs, one.old = p.Int64N(500), p.Int64N(3e6), p.Int64N(9e7), p.Int64N(9e6), p.IntN(9) == 0
		next[one.place()] = one.to
		b.blocks = append(b.blocks, one)
	}
}

// audited are audits that ended with a time: one with all verdicts, one with a check that is not done, and one without any difference.
func audited(end time.Time) (all []finding) {
	add := func(audit string, at time.Time, check, scope, verdict string) {
		all = append(all, finding{audit, at, check, scope, verdict, "as " + verdict, int64(len(all)) * 250_000})
	}
	for i, verdict := range []string{"ok", "difference", "pending", "error"} {
		add("first", end.Add(-5*day+time.Duration(i)*time.Second), []string{"raw holds", "raw holds", "run adds up", "collector adds up"}[i], "runs.v1", verdict)
	}
	add("second", end.Add(-2*time.Hour), "ledger tiles", "queries.v1", "error")
	add("third", end.Add(-4*time.Minute), "rollup equals", "queries_1m", "ok")
	add("third", end.Add(-4*time.Minute+time.Millisecond), "rollup equals", "queries_1h", "pending")
	add("third", end.Add(-3*time.Minute), "identity has one time", "queries.v1", "ok")
	return all
}

// write puts the blocks and the rest in the place of what the store says of itself.
func (h *history) write(t *testing.T) {
	t.Helper()
	h.Exec("TRUNCATE TABLE ledger")
	h.Exec("TRUNCATE TABLE rollup_cursors")
	var values []string
	for _, b := range h.blocks {
		produced := b.written.UnixMilli() - b.lateUs/1000
		if b.old {
			produced = 0
		}
		values = append(values, fmt.Sprintf("('%s', %d, %d, %d, %d, %d, 'worker of %d', %d, %d, %d, %d, %d, %d, %d, %d, %d, %d, fromUnixTimestamp64Milli(%d), %d, fromUnixTimestamp64Micro(%d))",
			b.topic, b.epoch, b.part, b.from, b.to, 4+b.epoch, b.part, b.to+b.behind, b.stored, b.duplicates, b.conflicts, b.dead, b.gap, b.resends, b.bytes, b.insertUs, b.eventUs,
			produced, b.lateUs, b.written.UnixMicro()))
	}
	h.Exec("INSERT INTO ledger (topic, epoch, partition, from_offset, to_offset, generation, member, high_watermark, stored, duplicates, conflicts, dead, gap, resends, bytes, insert_us, event_lag_us, oldest_produced, produce_lag_us, written_at) VALUES %s", strings.Join(values, ", "))
	h.cursors = map[string]int64{}
	for _, b := range h.blocks {
		if b.part == 0 { // Nobody followed the other one.
			h.cursors[b.place()] = b.to - 20
		}
	}
	for place, position := range h.cursors {
		at := strings.Fields(place)
		h.Exec("INSERT INTO rollup_cursors (topic, epoch, partition, position, version) VALUES ('%s', %s, %s, %d, 5), ('%[1]s', %[2]s, %[3]s, 1, 4)", at[0], at[1], at[2], position)
	}
	for _, f := range h.findings {
		h.Exec("INSERT INTO audits (at, audit, check, scope, verdict, detail, took_us) VALUES (fromUnixTimestamp64Micro(%d), '%s', '%s', '%s', '%s', '%s', %d)",
			f.at.UnixMicro(), f.audit, f.check, f.scope, f.verdict, f.detail, f.tookUs)
	}
}

// wait lets ranges of the past wait for rollups.
func (h *history) wait(t *testing.T) {
	t.Helper()
	h.pending = map[string][3]int64{"token_calls_1h": {2, 1, 0}, "queries_1m": {0, 0, 1}}
	for rollup, numbers := range h.pending {
		from := begin.AddDate(-1, 0, 0).Unix()
		for i, reason := range []string{"deferred", "mismatch", "requested"} {
			for range numbers[i] {
				from += dayLong
				h.Exec("INSERT INTO rollup_pending (rollup, from_bucket, to_bucket, reason, done, version) VALUES ('%s', %d, %d, '%s', false, 1), ('%[1]s', 86400, 172800, '%[4]s', true, 1)", rollup, from, from+hourLong, reason)
			}
		}
	}
}

// beat lets workers report now, and tells what the log holds.
func (h *history) beat(t *testing.T) {
	t.Helper()
	h.beaten = time.Now().UTC().Truncate(time.Microsecond)
	h.Exec("TRUNCATE TABLE heartbeats")
	for _, role := range []string{"ingest", "rollup", "audit", "log"} {
		h.Exec("INSERT INTO heartbeats (role, worker, seen_at) VALUES ('%s', '', fromUnixTimestamp64Micro(%d))", role, h.beaten.Add(-day).UnixMicro())
	}
	for i, b := range h.beats {
		h.Exec("INSERT INTO heartbeats (role, worker, beat, stopped, started_at, seen_at) VALUES ('%s', 'w%d', 7, %t, fromUnixTimestamp64Micro(%d), fromUnixTimestamp64Micro(%d))",
			b.role, i, b.stopped, h.beaten.Add(-day).UnixMicro(), h.beaten.Add(-b.ago).UnixMicro())
	}
	insertEndsAt(t, h.DB, h.beaten, h.ends)
}

// readProgress reads how far the rollups are.
func (h *history) readProgress(t *testing.T) {
	t.Helper()
	for _, line := range linesOf(h.Text(4, "SELECT name, toString(toUnixTimestamp64Milli(published_at)), toString(toUnixTimestamp(newest_bucket)), toString(toUnixTimestamp64Milli(whole_until)) FROM rollup_progress")) {
		cells := strings.Fields(line)
		p := progress{cells[0], int64(parse(t, cells[1])), 1000 * int64(parse(t, cells[2])), int64(parse(t, cells[3]))}
		h.progress, h.until[p.rollup] = append(h.progress, p), p.whole
	}
	slices.SortFunc(h.progress, func(a, b progress) int { return cmp.Compare(a.rollup, b.rollup) })
}

// linesOf are the lines of a text.
func linesOf(text string) []string { return strings.Split(strings.TrimSpace(text), "\n") }
