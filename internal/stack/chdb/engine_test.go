package chdb_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"tidemark/internal/stack/chdb"
	"tidemark/internal/test/env"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, options chdb.Options) *chdb.Engine {
	t.Helper()
	options.Library = env.LibCHDB(t)
	if options.Dir == "" {
		options.Dir = filepath.Join(t.TempDir(), "data")
	}
	e, err := chdb.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func session(t *testing.T, e *chdb.Engine, options chdb.SessionOptions) *chdb.Session {
	t.Helper()
	s, err := e.Session(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func exec(t *testing.T, s *chdb.Session, sql string, params ...chdb.Parameter) string {
	t.Helper()
	result, err := s.Exec(t.Context(), sql, "TSV", params)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer result.Close()
	return string(result.Bytes())
}

func TestSession(t *testing.T) {
	e := open(t, chdb.Options{})
	s := session(t, e, chdb.SessionOptions{Settings: []chdb.Setting{{Name: "max_threads", Value: "3"}}})
	if got := exec(t, s, "SELECT getSetting('max_threads'), 'a\x00b'"); got != "3\ta\\0b\n" {
		t.Fatalf("got %q", got)
	}
	params := []chdb.Parameter{{Name: "a", Value: ""}, {Name: "b", Value: "x"}, {Name: "c", Value: `y\0z`}}
	if got := exec(t, s, "SELECT {a:String}, {b:String}, length({c:String})", params...); got != "\tx\t3\n" {
		t.Fatalf("got %q", got)
	}
	stream, err := s.Stream(t.Context(), "SELECT {n:UInt8} + number FROM numbers(200000)", "TSV", []chdb.Parameter{{Name: "n", Value: "7"}})
	if err != nil {
		t.Fatal(err)
	}
	lines, pieces := 0, 0
	for {
		piece, err := stream.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if piece == nil {
			break
		}
		lines += strings.Count(string(piece.Bytes()), "\n")
		pieces++
		piece.Close()
	}
	stream.Close()
	if lines != 200000 || pieces < 2 {
		t.Fatalf("%d lines in %d pieces", lines, pieces)
	}
	// A stream that is closed early leaves the session usable.
	stream, err = s.Stream(t.Context(), "SELECT number FROM system.numbers", "TSV", nil)
	if err != nil {
		t.Fatal(err)
	}
	piece, err := stream.Next(t.Context())
	if err != nil || piece == nil {
		t.Fatalf("got %v, %v", piece, err)
	}
	piece.Close()
	stream.Close()
	if got := exec(t, s, "SELECT 1"); got != "1\n" {
		t.Fatalf("got %q", got)
	}
	if _, err := s.Stream(t.Context(), "SHOW TABLES", "TSV", nil); !errors.Is(err, chdb.ErrNotStreamable) {
		t.Fatalf("got %v", err)
	}
}

func TestSessionErrors(t *testing.T) {
	e := open(t, chdb.Options{})
	for _, c := range []struct {
		options chdb.SessionOptions
		code    int
		name    string
	}{
		{chdb.SessionOptions{Settings: []chdb.Setting{{Name: "nosuch", Value: "1"}}}, 115, "UNKNOWN_SETTING"},
		{chdb.SessionOptions{Settings: []chdb.Setting{{Name: "max_threads", Value: "x"}}}, 27, "CANNOT_PARSE_INPUT_ASSERTION_FAILED"},
		{chdb.SessionOptions{Database: "nosuch"}, 81, "UNKNOWN_DATABASE"},
	} {
		_, err := e.Session(t.Context(), c.options)
		var exception *chdb.Error
		if !errors.As(err, &exception) || exception.Code != c.code || exception.Name != c.name {
			t.Errorf("%+v: got %v", c.options, err)
		}
	}
}

func TestInsert(t *testing.T) {
	e := open(t, chdb.Options{})
	s := session(t, e, chdb.SessionOptions{})
	exec(t, s, "CREATE TABLE t (a UInt64, CONSTRAINT small CHECK a < 1000) ENGINE = MergeTree ORDER BY a")
	insert := func(chunks ...string) (chdb.Stats, error) {
		i, err := s.Insert(t.Context(), "INSERT INTO t", "TSV", nil)
		if err != nil {
			return chdb.Stats{}, err
		}
		defer i.Cancel()
		for _, chunk := range chunks {
			if err := i.Append(t.Context(), []byte(chunk)); err != nil {
				return chdb.Stats{}, err
			}
		}
		return i.Done(t.Context())
	}
	if stats, err := insert("1\n2", "3\n", "", "4\n"); err != nil || stats.WrittenRows != 3 {
		t.Fatalf("got %+v, %v", stats, err)
	}
	var exception *chdb.Error
	if _, err := insert("5\n", "5000\n"); !errors.As(err, &exception) || exception.Name != "VIOLATED_CONSTRAINT" {
		t.Fatalf("got %v", err)
	}
	// A worker that failed must not leave Append waiting for it.
	bad := make([]string, 100)
	for i := range bad {
		bad[i] = strings.Repeat("x\n", 100_000)
	}
	if _, err := insert(bad...); !errors.As(err, &exception) || exception.Code != 27 {
		t.Fatalf("got %v", err)
	}
	i, err := s.Insert(t.Context(), "INSERT INTO t", "TSV", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := i.Append(t.Context(), []byte("6\n7\n")); err != nil {
		t.Fatal(err)
	}
	i.Cancel()
	if _, err := i.Done(t.Context()); err == nil {
		t.Fatal("a canceled insert is done")
	}
	if got := exec(t, s, "SELECT groupArray(a) FROM (SELECT a FROM t ORDER BY a)"); got != "[1,4,23]\n" {
		t.Fatalf("stored %q", got)
	}
	if _, err := s.Insert(t.Context(), "INSERT INTO nosuch", "TSV", nil); !errors.As(err, &exception) || exception.Code != 60 {
		t.Fatalf("got %v", err)
	}
}

func TestSessionsAreBoundedAndConcurrent(t *testing.T) {
	e := open(t, chdb.Options{MaxSessions: 2})
	first, second := session(t, e, chdb.SessionOptions{}), session(t, e, chdb.SessionOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := first.Exec(ctx, "SELECT count() FROM system.numbers WHERE sleepEachRow(0.01) = 1 SETTINGS max_block_size = 10", "TSV", nil)
		ended <- err
	}()
	for exec(t, second, "SELECT count() FROM system.processes") != "2\n" {
		continue // Returns while the other session is busy, which is the point.
	}
	waiting, stopWaiting := context.WithCancel(t.Context())
	stopWaiting()
	if _, err := e.Session(waiting, chdb.SessionOptions{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("a third session: %v", err)
	}
	cancel()
	err := <-ended
	var exception *chdb.Error
	if !errors.Is(err, context.Canceled) || !errors.As(err, &exception) || exception.Code != chdb.CodeQueryCancelled {
		t.Fatalf("got %v", err)
	}
	if got := exec(t, first, "SELECT 1"); got != "1\n" {
		t.Fatalf("after a kill: %q", got)
	}
}

func TestManyInsertsAtOnce(t *testing.T) {
	e := open(t, chdb.Options{MaxSessions: 4})
	exec(t, session(t, e, chdb.SessionOptions{}), "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
	var group sync.WaitGroup
	errs := make([]error, 30)
	for n := range errs {
		group.Go(func() { errs[n] = insertNumbers(t.Context(), e, n) })
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	s := session(t, e, chdb.SessionOptions{})
	if got := exec(t, s, "SELECT count(), uniqExact(a) FROM t"); got != "30000\t30000\n" {
		t.Fatalf("stored %q", got)
	}
}

func insertNumbers(ctx context.Context, e *chdb.Engine, n int) error {
	s, err := e.Session(ctx, chdb.SessionOptions{})
	if err != nil {
		return err
	}
	defer s.Close()
	i, err := s.Insert(ctx, "INSERT INTO t", "TSV", nil)
	if err != nil {
		return err
	}
	defer i.Cancel()
	for k := range 1000 {
		if err := i.Append(ctx, fmt.Appendf(nil, "%d\n", n*1000+k)); err != nil {
			return err
		}
	}
	_, err = i.Done(ctx)
	return err
}

func TestReopen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	for round := range 3 {
		e, err := chdb.Open(chdb.Options{Library: env.LibCHDB(t), Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		s, err := e.Session(t.Context(), chdb.SessionOptions{})
		if err != nil {
			t.Fatal(err)
		}
		exec(t, s, "CREATE TABLE IF NOT EXISTS t (a UInt64) ENGINE = MergeTree ORDER BY a")
		exec(t, s, "INSERT INTO t SELECT 1")
		if got, want := exec(t, s, "SELECT sum(a) FROM t"), fmt.Sprintln(round+1); got != want {
			t.Fatalf("round %d: %q, want %q", round, got, want)
		}
		s.Close()
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFindLibrary(t *testing.T) {
	t.Setenv(chdb.LibraryEnv, "")
	if _, err := chdb.FindLibrary(filepath.Join(t.TempDir(), "nosuch.so")); !errors.Is(err, chdb.ErrNoLibrary) {
		t.Fatalf("got %v", err)
	}
	root := t.TempDir()
	place := filepath.Join(root, ".cache", "chdb", "node_modules", "@chdb", "lib-linux-x64-gnu")
	below := filepath.Join(root, "a", "b")
	for _, dir := range []string{place, below} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			t.Fatal(err)
		}
	}
	library := filepath.Join(place, "libchdb.so")
	if err := os.WriteFile(library, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(below)
	if got, err := chdb.FindLibrary(""); err != nil || got != library {
		t.Fatalf("got %q, %v; want %q", got, err, library)
	}
	other := filepath.Join(root, "other.so")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(chdb.LibraryEnv, other)
	if got, err := chdb.FindLibrary(""); err != nil || got != other {
		t.Fatalf("got %q, %v; want %q", got, err, other)
	}
	if got, err := chdb.FindLibrary(library); err != nil || got != library {
		t.Fatalf("got %q, %v; want %q", got, err, library)
	}
}
