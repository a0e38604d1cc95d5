package schemas

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"tidemark/internal/testenv"
)

// TestPartitionInOtherLanguages runs what the documentation tells producers in other languages against Identity.Partition.
func TestPartitionInOtherLanguages(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(testenv.ModuleRoot(t), "docs", "sending-events.md"))
	if err != nil {
		t.Fatal(err)
	}
	snippet := func(language string) string {
		m := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindSubmatch(page)
		if m == nil {
			t.Fatalf("the page has no snippet of %s", language)
		}
		return string(m[1])
	}
	events := [][3]string{{"t", "s", "1"}, {"acme", "api", "ev-2"}, {"größer", "src", strings.Repeat("x", 127)}, {"a", strings.Repeat("é", 128), strings.Repeat("y", 512)}, {"", "", ""}}
	counts := []int{1, 3, 8, 4096}
	var want strings.Builder
	for _, e := range events {
		for _, n := range counts {
			fmt.Fprintln(&want, IdentityOf(e[0], e[1], e[2]).Partition(n))
		}
	}
	f := func(language, tool, needs, fix string, program func(literal func(string) string) string, file string) {
		t.Run(language, func(t *testing.T) {
			_, err := exec.LookPath(needs)
			testenv.Require(t, needs, err == nil, fix)
			name := filepath.Join(t.TempDir(), file)
			quote := func(s string) string { // Alike in both languages.
				b, _ := json.Marshal(s)
				return string(b)
			}
			if err := os.WriteFile(name, []byte(program(quote)), 0o600); err != nil {
				t.Fatal(err)
			}
			var stderr bytes.Buffer
			cmd := exec.CommandContext(t.Context(), tool, name)
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%s: %v\n%s", tool, err, stderr.Bytes())
			}
			if got := strings.ReplaceAll(string(out), "\r", ""); got != want.String() {
				t.Errorf("got\n%s\nwant\n%s", got, want.String())
			}
		})
	}
	each := func(literal func(string) string, call string) (out string) {
		for _, e := range events {
			for _, n := range counts {
				out += fmt.Sprintf(call, literal(e[0]), literal(e[1]), literal(e[2]), strconv.Itoa(n))
			}
		}
		return out
	}
	f("python", "python3", "python3", "apt-get install python3", func(literal func(string) string) string {
		return snippet("python") + each(literal, "print(partition(%s, %s, %s, %s))\n")
	}, "snippet.py")
	f("java", "java", "javac", "apt-get install default-jdk-headless", func(literal func(string) string) string {
		return "class Snippet {\n" + snippet("java") + "public static void main(String[] args) throws Exception {\n" +
			each(literal, "System.out.println(partition(%s, %s, %s, %s));\n") + "}\n}\n"
	}, "Snippet.java")
}
