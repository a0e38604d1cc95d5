package schemas

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tidemark/internal/test/env"
)

// TestHashesInOtherLanguages runs what the documentation tells producers in other languages against Identity.Partition and
// UserHasher.Hash.
func TestHashesInOtherLanguages(t *testing.T) {
	key := []byte("0123456789abcdef0123456789abcdef")
	hasher := NewUserHasher(key)
	// In both languages alike: a line that prints a partition, and one that prints a user.
	var partitions, users []string
	var want strings.Builder
	quote := func(s string) string {
		b, _ := json.Marshal(s)
		return string(b)
	}
	for _, e := range [][3]string{{"t", "s", "1"}, {"acme", "api", "ev-2"}, {"größer", "src", strings.Repeat("x", 127)}, {"a", strings.Repeat("é", 128), strings.Repeat("y", 512)}, {"", "", ""}} {
		for _, n := range []int{1, 3, 8, 4096} {
			partitions = append(partitions, fmt.Sprintf("(%s, %s, %s, %d)", quote(e[0]), quote(e[1]), quote(e[2]), n))
			fmt.Fprintln(&want, IdentityOf(e[0], e[1], e[2]).Partition(n))
		}
	}
	for _, u := range [][2]string{{"acme", "alice"}, {"größer", strings.Repeat("é", 200)}, {"", "x"}, {"acme", ""}} {
		users = append(users, quote(u[0])+", "+quote(u[1]))
		fmt.Fprintln(&want, hasher.Hash(u[0], u[1]))
	}
	lines := func(partition, user string) (out string) {
		for _, arguments := range partitions {
			out += fmt.Sprintf(partition, arguments)
		}
		for _, arguments := range users {
			out += fmt.Sprintf(user, hex.EncodeToString(key), arguments)
		}
		return out
	}
	f := func(language, needs, fix string, files map[string]string, commands ...string) {
		t.Run(language, func(t *testing.T) {
			_, err := exec.LookPath(needs)
			env.Require(t, needs, err == nil, fix)
			out := runFiles(t, files, commands)
			if got := strings.ReplaceAll(out, "\r", ""); got != want.String() {
				t.Errorf("got\n%s\nwant\n%s", got, want.String())
			}
		})
	}
	const page = "sending-events.md"
	f("python", "python3", "apt-get install python3", map[string]string{
		"tidemark.py": env.Snippets(t, page, "python")[0],
		"main.py":     "from tidemark import partition, user\n" + lines("print(partition%s)\n", "print(user(bytes.fromhex('%s'), %s))\n"),
	}, "python3 -B main.py")
	f("java", "javac", "apt-get install default-jdk-headless", map[string]string{
		"Tidemark.java": env.Snippets(t, page, "java")[0],
		"Main.java": "class Main {\npublic static void main(String[] args) throws Exception {\n" + lines("System.out.println(Tidemark.partition%s);\n",
			"System.out.println(Long.toUnsignedString(Tidemark.user(java.util.HexFormat.of().parseHex(\"%s\"), %s)));\n") + "}\n}\n",
	}, "javac -encoding UTF-8 -d . Tidemark.java Main.java", "java -cp . Main")
}

// runFiles runs commands of the shell in a folder with the files, and returns what the last one prints.
func runFiles(t *testing.T, files map[string]string, commands []string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out []byte
	for _, command := range commands {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", command) //nolint:gosec // the test's own
		cmd.Dir = dir
		var stderr strings.Builder
		cmd.Stderr = &stderr
		var err error
		if out, err = cmd.Output(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, stderr.String())
		}
	}
	return string(out)
}
