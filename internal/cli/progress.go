package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"
)

// progress prints the state of work that takes more than 2 s: in place on a terminal, elsewhere one line per 5 s unless
// every is another time. It is for one goroutine.
type progress struct {
	w        io.Writer
	terminal bool
	every    time.Duration // Between two lines that are not in place.
	begin    time.Time
	last     time.Time
	shown    bool
}

func newProgress(w io.Writer) *progress {
	return &progress{w: w, terminal: isTerminal(w), every: 5 * time.Second, begin: time.Now()}
}

// beside calls tell on a goroutine of its own while work runs, and then clears the line. tell prints the newest state.
func (r *progress) beside(ctx context.Context, tell func(), work func(context.Context) error) error {
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(200 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ended:
				return
			case <-ticker.C:
				tell()
			}
		}
	}()
	err := work(ctx)
	close(ended)
	<-done
	r.end()
	return err
}

// isTerminal reports whether w is a character device that can move its cursor.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// line prints the newest state, unless the last one was printed a moment ago.
func (r *progress) line(format string, args ...any) {
	every := r.every
	if r.terminal {
		every = 200 * time.Millisecond
	}
	now := time.Now()
	if now.Sub(r.begin) < 2*time.Second || now.Sub(r.last) < every {
		return
	}
	r.show(format, args...)
}

// show prints a state, whenever the last one was printed.
func (r *progress) show(format string, args ...any) {
	r.last, r.shown = time.Now(), true
	if r.terminal {
		fmt.Fprintf(r.w, "\r\x1b[K"+format, args...)
		return
	}
	fmt.Fprintf(r.w, format+"\n", args...)
}

// end clears the line on a terminal.
func (r *progress) end() {
	if r.terminal && r.shown {
		fmt.Fprint(r.w, "\r\x1b[K")
	}
}
