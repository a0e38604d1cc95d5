// Package e2e tests the built program from the outside: it runs commands as processes, reads their output and exit codes,
// and looks into the database over HTTP as curl would.
//
//	TestMain -> program (built once) -> server: tidemark stack, shared by tests that take a namespace each
//	test -> pipeline (addresses and namespace as environment) -> run / start of commands
//
// TIDEMARK_LONG=1 runs the long forms. TIDEMARK_E2E_PROGRAM names a program to test instead of building one.
package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tidemark/internal/test/env"
)

// long says whether the long forms run.
var long = os.Getenv("TIDEMARK_LONG") == "1"

// shared is what all tests of one run use.
var shared struct {
	dirOnce sync.Once
	dir     string
	dirErr  error

	buildOnce sync.Once
	program   string
	buildErr  error

	serverMu sync.Mutex
	server   *server

	namespaces atomic.Uint32
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.server != nil {
		shared.server.process.kill()
	}
	if shared.dir != "" {
		if err := os.RemoveAll(shared.dir); err != nil {
			fmt.Fprintln(os.Stderr, "remove the folder of the run:", err)
			code = 1
		}
	}
	os.Exit(code) //nolint:forbidigo // a TestMain exits with what the tests gave
}

// runDir is a folder that lives as long as the test run.
func runDir(t testing.TB) string {
	t.Helper()
	shared.dirOnce.Do(func() {
		shared.dir, shared.dirErr = os.MkdirTemp("", "tidemark-e2e-") //nolint:usetesting // it outlives the test
	})
	if shared.dirErr != nil {
		t.Fatal(shared.dirErr)
	}
	return shared.dir
}

// program builds the program once, as a release is built, and returns its path.
func program(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("TIDEMARK_E2E_PROGRAM"); path != "" {
		return path
	}
	dir, root := runDir(t), env.ModuleRoot(t)
	shared.buildOnce.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
		defer cancel()
		shared.program = filepath.Join(dir, "tidemark")
		build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", shared.program, ".")
		build.Dir = root
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
		if out, err := build.CombinedOutput(); err != nil {
			shared.buildErr = fmt.Errorf("build the program: %w: %s", err, out)
		}
	})
	if shared.buildErr != nil {
		t.Fatal(shared.buildErr)
	}
	return shared.program
}

// sharedPipeline returns a pipeline with a namespace of its own on the stack that tests share. The stack is started by the
// first that asks and ends with the run.
func sharedPipeline(t *testing.T) pipeline {
	t.Helper()
	shared.serverMu.Lock()
	defer shared.serverMu.Unlock()
	if shared.server == nil {
		dir, err := os.MkdirTemp(runDir(t), "stack-") //nolint:usetesting // it outlives the test
		if err != nil {
			t.Fatal(err)
		}
		shared.server = startServer(t, dir)
	}
	select {
	case <-shared.server.process.done:
		t.Fatalf("the shared stack has ended:\n%s", shared.server.process.output())
	default:
	}
	server := shared.server
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the shared stack said last:\n%s", clip(server.process.output()))
		}
	})
	return server.pipeline(namespace(t))
}

// namespace makes a name from the test's, another one each time: -count runs a test again on the same stack.
func namespace(t testing.TB) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '_'
	}, strings.TrimPrefix(t.Name(), "Test"))
	return fmt.Sprintf("%s_%d", name[:min(len(name), 42)], shared.namespaces.Add(1))
}
