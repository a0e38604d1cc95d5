package cli

import (
	"fmt"
	"io"
	"os"
	"time"
)

// reporter shows progress of something that takes more than two seconds: in place on a terminal, a line every few
// seconds elsewhere. For one goroutine.
type reporter struct {
	w        io.Writer
	terminal bool
	begin    time.Time
	last     time.Time
	shown    bool
}

func newReporter(w io.Writer) *reporter {
	return &reporter{w: w, terminal: isTerminal(w), begin: time.Now()}
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

// line shows the newest state, unless the last one is too young.
func (r *reporter) line(format string, args ...any) {
	every := 5 * time.Second
	if r.terminal {
		every = 200 * time.Millisecond
	}
	now := time.Now()
	if now.Sub(r.begin) < 2*time.Second || now.Sub(r.last) < every {
		return
	}
	r.last, r.shown = now, true
	if r.terminal {
		fmt.Fprintf(r.w, "\r\x1b[K"+format, args...)
		return
	}
	fmt.Fprintf(r.w, format+"\n", args...)
}

// end leaves the line.
func (r *reporter) end() {
	if r.terminal && r.shown {
		fmt.Fprint(r.w, "\r\x1b[K")
	}
}
