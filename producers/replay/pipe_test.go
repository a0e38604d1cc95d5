//go:build unix

package replay

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"tidemark/producers"
)

// TestInterruptPipe ends replays of a named pipe: one that nobody has opened to write to it, and one that gives no more.
func TestInterruptPipe(t *testing.T) {
	f := func(data string) {
		t.Helper()
		name := filepath.Join(t.TempDir(), "pipe")
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
		open := func() *os.File {
			pipe, err := os.OpenFile(name, os.O_RDWR, 0) // To read too, so that it does not block.
			if err != nil {
				t.Error(err)
			}
			return pipe
		}
		var pipe *os.File
		if data != "" {
			pipe = open()
			if _, err := pipe.WriteString(data); err != nil {
				t.Fatal(err)
			}
		}
		// Lets go of a replay that does not stop.
		rescue := time.AfterFunc(20*time.Second, func() {
			t.Error("the replay does not stop")
			stuck := open()
			_, _ = stuck.WriteString("x\n")
			_ = stuck.Close()
			if pipe != nil {
				_ = pipe.Close()
			}
		})
		defer rescue.Stop()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		result, err := Run(ctx, &producers.Sender{Log: &memory{}}, options("azure-llm", name))
		if err != nil || !result.Interrupted {
			t.Errorf("%q: got %+v, %v", data, result, err)
		}
		if pipe == nil {
			pipe = open() // Ends the open that was left behind.
		}
		_ = pipe.Close()
	}
	f("")
	f(header + "2024-05-10 00:00:00,1,1\n")
	f(header[:5])
}
