package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"tidemark/internal/stack"
)

// TestStackTakesThePassword: what the clients' variables say is what the stack asks for, and it says whom it lets in.
func TestStackTakesThePassword(t *testing.T) {
	file, empty := filepath.Join(t.TempDir(), "password"), filepath.Join(t.TempDir(), "empty")
	for path, content := range map[string]string{file: "from a file\n", empty: "\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		password, user string
		args           []string
		want           stack.Config
		says, fails    string
	}{
		"nothing":           {says: "everybody", want: stack.Config{User: "default"}},
		"a password":        {password: "pw-1", says: "user default", want: stack.Config{User: "default", Password: "pw-1"}},
		"user and password": {password: "pw-1", user: "ada", says: "user ada", want: stack.Config{User: "ada", Password: "pw-1"}},
		"a file wins":       {password: "pw-1", args: []string{"--clickhouse-password-file", file}, says: "user default", want: stack.Config{User: "default", Password: "from a file"}},
		"a user alone":      {user: "ada", says: "does not ask for user ada", want: stack.Config{User: "ada"}},
		"an empty file":     {args: []string{"--clickhouse-password-file", empty}, fails: "is empty"},
		"no file":           {args: []string{"--clickhouse-password-file", file + ".missing"}, fails: "--clickhouse-password-file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TIDEMARK_CLICKHOUSE_PASSWORD", c.password)
			if c.user != "" {
				t.Setenv("TIDEMARK_CLICKHOUSE_USER", c.user)
			}
			var flags stackCmd
			parser, err := kong.New(&flags)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parser.Parse(c.args); err != nil {
				t.Fatal(err)
			}
			config, err := flags.config(stack.Hooks{})
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Fatalf("got %v, want %q", err, c.fails)
				}
				return
			}
			if err != nil || config.User != c.want.User || config.Password != c.want.Password {
				t.Fatalf("got %q, %q, %v; want %q, %q", config.User, config.Password, err, c.want.User, c.want.Password)
			}
			if says := access(config); !strings.Contains(says, c.says) || c.want.Password != "" && strings.Contains(says, c.want.Password) {
				t.Errorf("it says %q, want %q and no password", says, c.says)
			}
		})
	}
}
