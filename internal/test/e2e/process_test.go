package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tidemark/internal/stack/chdb"
	"tidemark/internal/test/env"
)

// hang is how long anything may take before the test gives it up as hanging. It asserts no speed.
const hang = 5 * time.Minute

// output is what a process writes. Safe for concurrent use.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// process is a running command of the program.
type process struct {
	name           string
	cmd            *exec.Cmd
	stdout, stderr output
	done           chan struct{} // closed when it has ended
}

// launch starts the program with nothing of the caller's configuration in its environment.
func launch(t testing.TB, vars []string, stdin io.Reader, args ...string) *process {
	t.Helper()
	p := &process{name: "tidemark " + strings.Join(args, " "), done: make(chan struct{})}
	p.cmd = exec.Command(program(t), args...) //nolint:noctx // kill and stop end it, and the kernel if the test dies
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "TIDEMARK_") {
			p.cmd.Env = append(p.cmd.Env, v)
		}
	}
	p.cmd.Env = append(p.cmd.Env, chdb.LibraryEnv+"="+env.LibCHDB(t), "XDG_CONFIG_HOME="+filepath.Join(runDir(t), "config"))
	p.cmd.Env = append(p.cmd.Env, vars...)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = stdin, &p.stdout, &p.stderr
	p.cmd.SysProcAttr = childAttributes()
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", p.name, err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // How it ended is in ProcessState.
	}()
	return p
}

// output is all that the process has written, for a log.
func (p *process) output() string {
	return fmt.Sprintf("--- standard output\n%s--- standard error\n%s", clip(p.stdout.String()), clip(p.stderr.String()))
}

// kill ends the process as kill -9 does, and waits for it.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // It may have ended by itself.
	<-p.done
}

// signal sends s; the process must be there.
func (p *process) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatalf("send %s to %s: %v", s, p.name, err)
	}
}

// ended reports whether the process is over.
func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// wait waits for the end and returns the exit code, -1 after a signal.
func (p *process) wait(t testing.TB) int {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(hang):
		p.signal(t, syscall.SIGQUIT) // Go prints where every goroutine stands.
		select {
		case <-p.done:
		case <-time.After(10 * time.Second):
			p.kill()
		}
		t.Fatalf("%s hangs:\n%s", p.name, p.output())
	}
	return p.cmd.ProcessState.ExitCode()
}

// stop asks the process to end and returns its exit code.
func (p *process) stop(t testing.TB) int {
	t.Helper()
	p.signal(t, syscall.SIGTERM)
	return p.wait(t)
}

// eventually waits until ok says so. It is not an assertion about time: it fails when waiting has become pointless.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(hang); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("gave up waiting until %s", what)
		}
	}
}

// clip shortens a long text to its beginning and its end.
func clip(text string) string {
	const head, tail = 2000, 6000
	if len(text) <= head+tail {
		return text
	}
	return fmt.Sprintf("%s\n... %d bytes left out ...\n%s", text[:head], len(text)-head-tail, text[len(text)-tail:])
}
