package cli

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"tidemark/producers/load"
)

// loadView shows a load test while it runs: one line in place on a terminal, elsewhere the phases and a line per 10 s. It
// is safe for concurrent use.
type loadView struct {
	ask func() load.Live

	mu       sync.Mutex
	progress *progress
	phase    string
}

func newLoadView(s Streams, ask func() load.Live) *loadView {
	v := &loadView{ask: ask, progress: newProgress(s.Err)}
	v.progress.every = 10 * time.Second
	return v
}

// enter begins a phase.
func (v *loadView) enter(phase string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.phase = phase
	if v.progress.terminal {
		v.progress.show("%s", phase)
		return
	}
	fmt.Fprintln(v.progress.w, phase)
}

// polled shows the newest state, unless it was shown a moment ago.
func (v *loadView) polled() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.progress.line("%s", liveLine(v.phase, v.ask()))
}

// end clears the line.
func (v *loadView) end() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.progress.end()
}

// liveLine is the state of a run on one line.
func liveLine(phase string, l load.Live) string {
	var parts []string
	switch {
	case l.Elapsed == 0 || phase != "offer":
	case l.Elapsed < l.Warmup:
		parts = append(parts, fmt.Sprintf("warm-up %s of %s", clock(l.Elapsed), clock(l.Warmup)))
	case l.Elapsed < l.Total:
		parts = append(parts, fmt.Sprintf("measure %s, %s left", clock(l.Elapsed-l.Warmup), clock(l.Total-l.Elapsed)))
	}
	if len(parts) == 0 {
		parts = append(parts, phase)
	}
	rates := fmt.Sprintf("sent %s, acknowledged %s, stored %s events/s", number(uint64(l.Sent)), number(uint64(l.Acknowledged)), number(uint64(l.Stored)))
	fresh := "p99 raw not known yet"
	if l.RawOK {
		fresh = fmt.Sprintf("p99 raw %s of %s", short(l.Raw), l.SLO)
	}
	return strings.Join(append(parts, rates, fmt.Sprintf("lag %s", number(l.Lag)), fresh), " | ")
}

// clock writes a duration as minutes and seconds.
func clock(d time.Duration) string {
	s := int(max(d, 0).Round(time.Second) / time.Second)
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}
