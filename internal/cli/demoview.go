package cli

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"tidemark/internal/app"
	"tidemark/internal/plural"
)

// demoView shows a running demo: in place on a terminal, elsewhere one line per 5 s.
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

// sent notes how many records the log has acknowledged.
func (v *demoView) sent(records uint64) { v.produced.Store(int64(records)) }

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
	app.Totals
	elapsed                  time.Duration
	producedRate, ingestRate float64
	produced, lag            int64
	calls, tokens, queries   uint64
}

func (v *demoView) read(ctx context.Context) (state, error) {
	now := time.Now()
	s := state{Totals: v.demo.pipeline.Ingester.Totals(), elapsed: now.Sub(v.begin), produced: v.produced.Load()}
	s.lag, _ = v.demo.pipeline.Ingester.Lag()
	seconds := now.Sub(v.lastAt).Seconds()
	s.producedRate = float64(s.produced-v.lastProduced) / seconds
	s.ingestRate = float64(s.Offsets-v.lastAccounts) / seconds
	v.lastAt, v.lastAccounts, v.lastProduced = now, s.Offsets, s.produced
	var err error
	s.calls, s.tokens, s.queries, err = v.demo.pipeline.RolledUp(ctx)
	return s, err
}

func (v *demoView) draw(ctx context.Context) {
	s, err := v.read(ctx)
	if err != nil {
		if ctx.Err() == nil {
			v.demo.log.Warn("the demo's view could not read the rollups", zap.Error(err))
		}
		return
	}
	years := s.ingestRate / queriesPerChatGPTYear
	if !v.terminal {
		fmt.Fprintf(v.demo.streams.Out, "%4.0fs  produced %s (%s/s)  ingested %s/s (%.2f ChatGPT-years)  lag %s  fresh %s  dup %s  conflict %s  dead %s  rolled up %s\n",
			s.elapsed.Seconds(), number(uint64(s.produced)), number(uint64(s.producedRate)), number(uint64(s.ingestRate)), years, number(uint64(max(s.lag, 0))),
			s.Freshness.Round(10*time.Millisecond), number(s.Duplicates), number(s.Conflicts), number(s.Dead), count(s.calls, "call"))
		return
	}
	lines := []string{
		"",
		fmt.Sprintf("  Tidemark demo, %.0f s", s.elapsed.Seconds()),
		"",
		fmt.Sprintf("  produced    %14s   %10s/s", number(uint64(s.produced)), number(uint64(s.producedRate))),
		fmt.Sprintf("  ingested    %14s   %10s/s   %.2f ChatGPT-years", number(s.Stored+s.Duplicates+s.Conflicts+s.Dead), number(uint64(s.ingestRate)), years),
		fmt.Sprintf("    stored    %14s   duplicates %s, conflicts %s, dead letters %s", number(s.Stored), number(s.Duplicates), number(s.Conflicts), number(s.Dead)),
		fmt.Sprintf("  lag         %14s   fresh to %s", number(uint64(max(s.lag, 0))), s.Freshness.Round(10*time.Millisecond)),
		fmt.Sprintf("  rolled up   %14s %s, %s, %s", number(s.calls), plural.Name(s.calls, "call"), count(s.tokens, "token"), count(s.queries, "query")),
		"",
	}
	if v.drawn > 0 {
		fmt.Fprintf(v.demo.streams.Out, "\x1b[%dA", v.drawn)
	}
	fmt.Fprint(v.demo.streams.Out, "\x1b[K"+strings.Join(lines, "\n\x1b[K")+"\n")
	v.drawn = len(lines)
}
