package e2e

import (
	"strings"
	"testing"
)

// TestStackAsksForThePassword: the variables that the other commands send their password by make the stack ask for it.
func TestStackAsksForThePassword(t *testing.T) {
	t.Parallel()
	vars := []string{"TIDEMARK_CLICKHOUSE_PASSWORD=open-sesame-77z", "TIDEMARK_CLICKHOUSE_USER=ada"}
	stack := launch(t, vars, nil, "stack", "--no-kafka", "--data-dir", t.TempDir(), "--http-listen", "127.0.0.1:0")
	defer stack.kill()
	eventually(t, "the stack is ready", func() bool {
		if stack.ended() {
			t.Fatalf("the stack ended at its start:\n%s", stack.output())
		}
		return strings.Contains(stack.stdout.String(), "ready, press Ctrl-C to stop")
	})
	if out := stack.output(); !strings.Contains(out, "user ada") || strings.Contains(out, "open-sesame") {
		t.Errorf("it has to say who is let in, without the password:\n%s", out)
	}
	address := clickhouseLine.FindStringSubmatch(stack.stdout.String())[1]
	for _, c := range []struct {
		vars []string
		code int
		want string
	}{{vars, 0, "41"}, {nil, 3, "REQUIRED_PASSWORD"}, {vars[:1], 3, "AUTHENTICATION_FAILED"}} {
		query := launch(t, c.vars, nil, "query", "--clickhouse", address, "--namespace", "default", "--format", "csv", "SELECT 41")
		if code := query.wait(t); code != c.code || !strings.Contains(query.output(), c.want) {
			t.Errorf("%v: exit code %d, want %d and %q:\n%s", c.vars, code, c.code, c.want, query.output())
		}
		query.kill()
	}
}
