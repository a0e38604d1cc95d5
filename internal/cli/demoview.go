package cli

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"tidemark/producers/synthetic"
)

// demoView shows a running demo: in place on a terminal, a line every five seconds elsewhere.
type demoView struct {
	demo     *demo
	begin    time.Time
	produced atomic.Int64
	terminal bool

	lastAt       time.Time
	lastAccounts uint64
	lastProduced int64
	drawn        int // lines of the last picture
}

func newDemoView(d *demo) *demoView {
	return &demoView{demo: d, begin: time.Now(), lastAt: time.Now(), terminal: isTerminal(d.streams.Out)}
}

// sent takes the generator's progress.
func (v *demoView) sent(p synthetic.Progress) { v.produced.Store(int64(p.Sent)) }

// run draws until ctx ends.
func (v *demoView) run(ctx context.Context) {
	every := 5 * time.Second
	if v.terminal {
		every = 500 * time.Millisecond
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			v.draw(ctx)
		}
	}
}

// state is what the view shows.
type state struct {
	elapsed                      time.Duration
	producedRate, ingestRate     float64
	produced                     int64
	stored, duplicates, conflict uint64
	dead                         uint64
	lag                          int64
	freshness                    time.Duration
	calls, tokens, queries       uint64
}

func (v *demoView) look(ctx context.Context) (state, error) {
	now := time.Now()
	t := &v.demo.ingester.totals
	s := state{elapsed: now.Sub(v.begin), produced: v.produced.Load(), stored: t.stored.Load(), duplicates: t.duplicates.Load(),
		conflict: t.conflicts.Load(), dead: t.dead.Load(), lag: v.demo.ingester.progress.lag(), freshness: time.Duration(t.lag.Load())}
	accounted, seconds := t.offsets.Load(), now.Sub(v.lastAt).Seconds()
	s.producedRate = float64(s.produced-v.lastProduced) / seconds
	s.ingestRate = float64(accounted-v.lastAccounts) / seconds
	v.lastAt, v.lastAccounts, v.lastProduced = now, accounted, s.produced
	err := v.demo.db.Query(ctx, "SELECT (SELECT sum(calls) FROM token_calls_1m), (SELECT sum(input_tokens + output_tokens) FROM token_calls_1m), (SELECT sum(queries) FROM queries_1m)",
		func(scan func(...any) error) error { return scan(&s.calls, &s.tokens, &s.queries) })
	return s, err
}

func (v *demoView) draw(ctx context.Context) {
	s, err := v.look(ctx)
	if err != nil {
		if ctx.Err() == nil {
			v.demo.log.Warn("the view could not read the rollups: " + err.Error())
		}
		return
	}
	years := s.ingestRate / queriesPerChatGPTYear
	if !v.terminal {
		fmt.Fprintf(v.demo.streams.Out, "%4.0fs  produced %s (%s/s)  ingested %s/s (%.2f ChatGPT-years)  lag %s  fresh %s  dup %s  conflict %s  dead %s  rolled up %s calls\n",
			s.elapsed.Seconds(), number(uint64(s.produced)), number(uint64(s.producedRate)), number(uint64(s.ingestRate)), years, number(uint64(max(s.lag, 0))),
			s.freshness.Round(10*time.Millisecond), number(s.duplicates), number(s.conflict), number(s.dead), number(s.calls))
		return
	}
	lines := []string{
		"",
		fmt.Sprintf("  Tidemark demo, %.0f s", s.elapsed.Seconds()),
		"",
		fmt.Sprintf("  produced    %14s   %10s/s", number(uint64(s.produced)), number(uint64(s.producedRate))),
		fmt.Sprintf("  ingested    %14s   %10s/s   %.2f ChatGPT-years", number(s.stored+s.duplicates+s.conflict+s.dead), number(uint64(s.ingestRate)), years),
		fmt.Sprintf("    stored    %14s   duplicates %s, conflicts %s, dead letters %s", number(s.stored), number(s.duplicates), number(s.conflict), number(s.dead)),
		fmt.Sprintf("  lag         %14s   fresh to %s", number(uint64(max(s.lag, 0))), s.freshness.Round(10*time.Millisecond)),
		fmt.Sprintf("  rolled up   %14s calls, %s tokens, %s queries", number(s.calls), number(s.tokens), number(s.queries)),
		"",
	}
	if v.drawn > 0 {
		fmt.Fprintf(v.demo.streams.Out, "\x1b[%dA", v.drawn)
	}
	fmt.Fprint(v.demo.streams.Out, "\x1b[K"+strings.Join(lines, "\n\x1b[K")+"\n")
	v.drawn = len(lines)
}
