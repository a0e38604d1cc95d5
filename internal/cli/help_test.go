package cli

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestHelpEndsWithAnExample prints the help of every command. It must end with an example, each line of which the parser
// accepts; the last line must be for the command itself.
func TestHelpEndsWithAnExample(t *testing.T) {
	model, err := newParser(Streams{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}})
	if err != nil {
		t.Fatal(err)
	}
	commands := []*kong.Node{model.Model.Node}
	for i := 0; i < len(commands); i++ {
		commands = append(commands, commands[i].Children...)
	}
	if len(commands) < 30 {
		t.Fatalf("only %d commands were found", len(commands))
	}
	for _, node := range commands {
		path := append(strings.Fields(node.Path()), "--help")
		code, out, errOut := command(t, path...)
		if code != exitOK {
			t.Errorf("%v: exit code %d: %s", path, code, errOut)
			continue
		}
		_, example, found := strings.Cut(out, "\nExample:\n")
		lines := strings.Split(strings.TrimSpace(example), "\n")
		if !found || strings.Contains(example, "\n\n") {
			t.Errorf("%v: the help does not end with an example:\n%s", path, out)
			continue
		}
		for i, line := range lines {
			args := shellArgs(line)
			if args[0] != "tidemark" {
				t.Errorf("%v: %q is no command line of the program", path, line)
				continue
			}
			parsed, err := parse(t, args[1:])
			if err != nil {
				t.Errorf("%v: %q: %v", path, line, err)
				continue
			}
			if got := parsed.Selected().Path(); i == len(lines)-1 && node.Type == kong.CommandNode && len(node.Children) == 0 && got != node.Path() {
				t.Errorf("%v: the example is for %q, not for this command: %s", path, got, line)
			}
		}
	}
}

// parse parses a command line with the parser of the program and runs nothing.
func parse(t *testing.T, args []string) (*kong.Context, error) {
	t.Helper()
	parser, err := newParser(Streams{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}}, kong.Exit(func(int) {}), kong.BindTo(t.Context(), (*context.Context)(nil)))
	if err != nil {
		t.Fatal(err)
	}
	return parser.Parse(args)
}

// shellArgs splits a command line like a shell that knows single quotes and leaves out redirections.
func shellArgs(line string) []string {
	var args []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			args = append(args, part)
			continue
		}
		args = append(args, strings.Fields(part)...)
	}
	if i := slices.Index(args, ">"); i >= 0 {
		args = args[:i]
	}
	return args
}

func TestShellArgs(t *testing.T) {
	if got := shellArgs("tidemark query 'SELECT 1, 2' --format csv > out.csv"); !slices.Equal(got, []string{"tidemark", "query", "SELECT 1, 2", "--format", "csv"}) {
		t.Errorf("%q", got)
	}
}

// TestOwnFlagsFirst: the help has a command's own flags before those about connections.
func TestOwnFlagsFirst(t *testing.T) {
	for _, args := range []string{"audit --deep", "generate --events", "replay --speed", "namespaces diff --diff-rows", "rollup rebuild --since", "load run --warmup", "ingest --window"} {
		line := strings.Fields(args)
		_, out, _ := command(t, append(line[:len(line)-1:len(line)-1], "--help")...)
		own, connection := strings.Index(out, line[len(line)-1]+"="), strings.Index(out, "--clickhouse=")
		if own < 0 {
			own = strings.Index(out, line[len(line)-1]+" ")
		}
		if brokers := strings.Index(out, "--brokers="); brokers >= 0 && (connection < 0 || brokers < connection) {
			connection = brokers
		}
		if own < 0 || connection < own {
			t.Errorf("%s: at %d, and connections at %d:\n%s", args, own, connection, out)
		}
	}
}

// TestHiddenFlags: flags for tests are not in the help, and work.
func TestHiddenFlags(t *testing.T) {
	_, out, _ := command(t, "generate", "--help")
	if strings.Contains(out, "--far-") || !strings.Contains(out, "--conflicts") {
		t.Errorf("the help of generate:\n%s", out)
	}
	if _, err := parse(t, strings.Fields("generate --events 1 --far-duplicates 0.1 --far-window 10")); err != nil {
		t.Error(err)
	}
}
