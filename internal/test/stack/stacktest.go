// Package stacktest gives the tests of a package one running stack. The engine
// keeps one data folder in a process, so tests share it and keep apart by
// databases and topics of their own: Database and Topic make them.
package stacktest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"tidemark/internal/stack"
	"tidemark/internal/test/env"
)

// shared is the stack of this test binary. A process-wide stack is the point of
// the package, and only tests import it.
var shared struct {
	mu    sync.Mutex
	stack *stack.Stack
	dir   string
	names atomic.Int64
}

// Start returns the stack of this process, and starts it at the first call. It
// runs until Main ends. Without the engine's library the test is skipped, or
// fails, as env.Require decides.
func Start(t testing.TB) *stack.Stack {
	t.Helper()
	library := env.LibCHDB(t)
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.stack != nil {
		return shared.stack
	}
	// Not t.TempDir: the data outlives this test.
	dir, err := os.MkdirTemp("", "tidemark-stack-") //nolint:usetesting // see above
	if err != nil {
		t.Fatalf("start the stack: %v", err)
	}
	s, err := stack.Start(context.WithoutCancel(t.Context()), stack.Config{
		DataDir: dir, KafkaListen: "127.0.0.1:0", HTTPListen: "127.0.0.1:0", LibCHDB: library,
	})
	if err != nil {
		_ = os.RemoveAll(dir)
		t.Fatalf("start the stack: %v", err)
	}
	shared.stack, shared.dir = s, dir
	return s
}

// Stop ends the shared stack and removes its data. A later Start begins anew.
func Stop() error {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.stack == nil {
		return nil
	}
	err := shared.stack.Close()
	shared.stack = nil
	if removeErr := os.RemoveAll(shared.dir); err == nil {
		err = removeErr
	}
	return err
}

// Runner runs the tests of a package; *testing.M is one.
type Runner interface{ Run() int }

// Wrap returns a runner that stops the shared stack after the tests, so that
// a check for leaked goroutines finds none of it:
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(stacktest.Wrap(m)) }
func Wrap(m Runner) Runner { return wrapped{m} }

type wrapped struct{ Runner }

func (w wrapped) Run() int {
	code := w.Runner.Run()
	if err := Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stop the shared stack:", err)
		return 1
	}
	return code
}

// Database creates an empty database for one test and drops it at its end.
func Database(t testing.TB, s *stack.Stack) string {
	t.Helper()
	name := fmt.Sprintf("test_%d_%s", shared.names.Add(1), clean(t.Name()))
	Query(t, s, "", "CREATE DATABASE "+name)
	t.Cleanup(func() {
		if _, err := query(context.WithoutCancel(t.Context()), s, "", "DROP DATABASE IF EXISTS "+name+" SYNC"); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return name
}

// Topic returns a topic's name that no other test uses. It creates nothing.
func Topic(t testing.TB) string {
	t.Helper()
	return fmt.Sprintf("test.%d.%s", shared.names.Add(1), clean(t.Name()))
}

// clean makes part of a name from a test's name, such that the whole can name a namespace.
func clean(name string) string {
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToLower(name))
	return name[:min(len(name), 36)]
}

// Query runs SQL over HTTP in a database ("" for default) and returns its output
// without the last line end: one row a line, values apart by tabs.
func Query(t testing.TB, s *stack.Stack, database, sql string) string {
	t.Helper()
	out, err := query(t.Context(), s, database, sql)
	if err != nil {
		t.Fatalf("query %q: %v", sql, err)
	}
	return out
}

func query(ctx context.Context, s *stack.Stack, database, sql string) (string, error) {
	target := s.HTTPURL() + "/?" + url.Values{"database": {database}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(sql))
	if err != nil {
		return "", err
	}
	request.Close = true // No idle connection for a leak check to find.
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("HTTP %d: %s", response.StatusCode, body)
	}
	return strings.TrimSuffix(string(body), "\n"), nil
}
