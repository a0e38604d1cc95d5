package replay

import (
	"cmp"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"tidemark/internal/test/env"
)

// TestSorter compares with a sort in memory, with and without a file.
func TestSorter(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	random := rand.New(rand.NewPCG(1, 2))
	for _, limit := range []int{1, 100, 5000, 1 << 20} {
		for _, keep := range []bool{true, false} {
			var temp tempFile
			s := &sorter{temp: &temp, limit: limit}
			type record struct {
				time int64
				n    uint64
				text string
			}
			var want []record
			for n := range uint64(1000) {
				r := record{random.Int64N(41) - 20, n, strings.Repeat("x", random.IntN(50))}
				want = append(want, r)
				if err := s.add(timeKey(r.time, n), []byte(r.text)); err != nil {
					t.Fatal(err)
				}
				if s.used() > max(limit, entrySize+50) {
					t.Fatalf("%d bytes in memory, limit %d", s.used(), limit)
				}
			}
			slices.SortFunc(want, func(a, b record) int { return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.n, b.n)) })
			inMemory := limit == 1<<20 && keep
			records, err := s.sorted(keep)
			if err != nil {
				t.Fatal(err)
			}
			for i, w := range want {
				key, got, err := records.next()
				if err != nil || key != timeKey(w.time, w.n) || string(got) != w.text {
					t.Fatalf("limit %d, record %d: %x %q, %v, want %v", limit, i, key, got, err, w)
				}
			}
			if _, _, err := records.next(); !errors.Is(err, io.EOF) {
				t.Errorf("at the end: %v", err)
			}
			if inMemory != (temp.file == nil) {
				t.Errorf("limit %d, keep %t: a file %t", limit, keep, temp.file != nil)
			}
			temp.close()
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestTempFileHasNoName expects the temporary file to go away with the process, however that ends.
func TestTempFileHasNoName(t *testing.T) {
	env.Require(t, "a system that lets a file in use lose its name", runtime.GOOS != "windows", "run the tests on Linux")
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	var temp tempFile
	defer temp.close()
	s := &sorter{temp: &temp, limit: 1}
	for n := range uint64(3) {
		if err := s.add(timeKey(1, n), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 || temp.file == nil {
		t.Errorf("got %v, %v", left, err)
	}
}

// TestTempFileFails expects a full disk, and a folder that is not there, to be told with the way out.
func TestTempFileFails(t *testing.T) {
	temp := tempFile{}
	var err error
	if temp.file, err = os.Open(write(t, "f", nil)); err != nil { // Not to write to.
		t.Fatal(err)
	}
	defer temp.close()
	s := &sorter{temp: &temp, limit: 1}
	err = errors.Join(s.add(timeKey(1, 1), []byte("x")), s.add(timeKey(1, 2), []byte("x")))
	if err == nil || !strings.Contains(err.Error(), "put the events in order with a temporary file in "+os.TempDir()+": ") || !strings.Contains(err.Error(), "set TMPDIR") || !errors.Is(err, syscall.EBADF) {
		t.Errorf("got %v", err)
	}
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "none"))
	o := options("azure-llm", at(t, 3, 2, 1))
	o.Speed, o.memory = 1e6, 1
	if _, err := run(t, o); err == nil || !strings.HasPrefix(err.Error(), "replay azure-llm: put the events in order with a temporary file in ") || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("got %v", err)
	}
}
