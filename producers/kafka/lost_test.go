package kafka

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// TestCountedButNotStored writes to a broker that counts a batch and then cannot store it, so that it takes the same
// bytes for a copy of what it has: an acknowledgement is true all the same.
func TestCountedButNotStored(t *testing.T) {
	dir := t.TempDir()
	cluster, w := fake(t, kfake.DataDir(dir))
	segment := func(partition int) string {
		return filepath.Join(dir, "partitions", fmt.Sprintf("topic-%d", partition), "0.dat")
	}
	for i := range 4 { // Folders where the broker wants to make files.
		if err := os.MkdirAll(segment(i), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	var once sync.Once
	w.cfg.Hooks.Retry = func(string, int32, error) {
		once.Do(func() {
			for i := range 4 {
				if err := os.Remove(segment(i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := w.Append(ctx, records(10)); err != nil {
		t.Fatal(err)
	}
	if got := end(cluster); got != 10 {
		t.Errorf("10 records are acknowledged and %d are on the log", got)
	}
}
