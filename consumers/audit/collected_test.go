package audit_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"tidemark/consumers/audit"
	"tidemark/consumers/rollup/rolluptest"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// edgeRow is what a collector reported of a minute.
func edgeRow(n int, run, typ string, change func(*usagev1.Run)) schemas.Event {
	r := &usagev1.Run{Source: "tidemark/collect", Id: fmt.Sprint(run, n), TimeUs: new(start.UnixMicro()), Tenant: "acme", Run: run, Kind: "collect", Type: typ, Key: "k", Endpoint: "events", Sender: "curl/8"}
	change(r)
	return r
}

// TestCollectorAddsUp: what collectors received is accounted for, and what they acknowledged is on the log.
func TestCollectorAddsUp(t *testing.T) {
	w := rolluptest.New(t)
	var events []schemas.Event
	for i := range 10 {
		run := "life/k"
		if i >= 7 {
			run = "old/k"
		}
		events = append(events, &usagev1.Query{Source: "s", Id: fmt.Sprint(i), TimeUs: new(start.UnixMicro() + int64(i)), Tenant: "acme", Product: "p", Run: run})
	}
	w.Deliver(append(events, events[0])...)
	w.Deliver(
		edgeRow(1, "life/k", "any", func(r *usagev1.Run) { r.Received, r.Joined = 12, 1 }),
		edgeRow(2, "life/k", "any", func(r *usagev1.Run) { r.Rejected, r.Reason = 2, "model is missing" }),
		edgeRow(3, "life/k", "any", func(r *usagev1.Run) { r.Skipped, r.Reason = 1, "rule" }),
		edgeRow(4, "life/k", "queries", func(r *usagev1.Run) { r.Produced, r.Unacknowledged = 8, 3 }),
		edgeRow(5, "old/k", "any", func(r *usagev1.Run) { r.Received = 3 }),
		edgeRow(6, "old/k", "queries", func(r *usagev1.Run) { r.Produced, r.Spooled = 1, 2 }),
	)
	rollUp(t, w)
	behind, gone := int64(0), ""
	judge := func(name string, settled bool, want ...string) {
		t.Helper()
		_, report := run(t, &audit.Auditor{DB: w.DB, Log: unread{topics{w, behind}, gone}, Settled: settled})
		var lines []string
		for line := range strings.Lines(report) {
			if strings.Contains(line, " collector adds up ") {
				lines = append(lines, line)
			}
		}
		if len(lines) != len(want) {
			t.Errorf("%s: %d lines:\n%s", name, len(lines), report)
			return
		}
		for i := range want {
			if !strings.Contains(strings.Join(strings.Fields(lines[i]), " "), want[i]) {
				t.Errorf("%s: %swant %s", name, lines[i], want[i])
			}
		}
	}
	const sums = "ok collector adds up received: 15 received = 9 acknowledged + 2 spooled + 2 rejected + 1 joined + 1 skipped, in each of 2 minutes"
	judge("all is there", true, sums, "ok collector adds up queries: 11 acknowledged + 0 of requests without an answer = 10 stored + 1 duplicate + 0 conflicts + 0 dead letters")
	update := func(set string) {
		w.Exec("%s", "ALTER TABLE runs_raw UPDATE "+set+" SETTINGS mutations_sync = 2")
	}
	update("produced = produced - 2 WHERE run = 'life/k' AND type = 'queries'")
	update("received = received - 2 WHERE run = 'life/k' AND received > 0")
	judge("two records of a request that was not answered", true, "ok collector adds up received: 13 received", "ok collector adds up queries: 9 acknowledged + 2 of requests without an answer = 10 stored")
	update("received = received + 1 WHERE run = 'life/k' AND received > 0")
	judge("an item became nothing", true, "difference collector adds up received: 1 of 2 minutes of a key and an endpoint do not add up, the first: life/k events at 2026-03-01 22:30:00.000000: 11 received, 10 accounted for", "ok")
	update("received = received - 1 WHERE run = 'life/k' AND received > 0")

	update("spooled = spooled + 1, produced = produced - 1 WHERE run = 'old/k' AND type = 'queries'")
	judge("all from the spool", true, "ok", "ok")
	update("spooled = spooled + 1 WHERE run = 'old/k' AND type = 'queries'")
	update("received = received + 1 WHERE run = 'old/k' AND received > 0")
	judge("one waits in the spool", false, "ok", "pending collector adds up old/k queries: 1 of 4 events that a collector kept on disk are not on the log")
	update("drained = 4 WHERE run = 'old/k' AND type = 'queries'")
	judge("the spool is empty, and one is lost", false, "ok", "difference collector adds up old/k queries: queries.v1: senders were told that 4 events are stored, and 3 stored + 0 duplicates + 0 conflicts + 0 dead letters make 3")

	row := func(n int, change func(*usagev1.Run)) schemas.Event {
		e := edgeRow(n, "torn/k", "any", change)
		r, _ := e.(*usagev1.Run)
		r.Id = fmt.Sprintf("torn/1/%d/3", n)
		return r
	}
	w.Exec("%s", "ALTER TABLE runs_raw DELETE WHERE run = 'old/k' SETTINGS mutations_sync = 2")
	w.Deliver(row(1, func(r *usagev1.Run) { r.Received = 5 }), row(2, func(r *usagev1.Run) { r.Rejected = 2 }))
	judge("a row of a report is missing", true, "ok collector adds up received: 10 received = 6 acknowledged + 0 spooled + 2 rejected + 1 joined + 1 skipped, in each of 1 minute of a key and an endpoint; of 1 more not all rows", "ok")
	behind = 1
	judge("it may come", false, "pending collector adds up received: 10 received", "ok")
	behind = 0
	w.Deliver(row(3, func(r *usagev1.Run) { r.Skipped = 2 }))
	judge("it is there, and an item became nothing", true, "difference collector adds up received: 1 of 2 minutes of a key and an endpoint do not add up, the first: torn/k events", "ok")

	update("produced = produced + 9 WHERE run = 'life/k' AND type = 'queries'")
	gone = "queries.v1"
	judge("the log cannot be read", true, "difference", "error collector adds up life/k queries: 8 of 15 acknowledged events are ingested, and nobody knows")
}

// unread is a log of which one topic cannot be read.
type unread struct {
	topics
	name string
}

func (u unread) Topic(ctx context.Context, topic string) (audit.Topic, error) {
	if topic == u.name {
		return audit.Topic{}, errors.New("no broker")
	}
	return u.topics.Topic(ctx, topic)
}
