package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	kafkatest "tidemark/internal/test/kafka"
)

var (
	commandLine = regexp.MustCompile(`(?m)^  ([a-z]+(?: [a-z]+)?)(?: <|  | \[|$)`)
	flagLine    = regexp.MustCompile(`^ {2,6}(?:-[a-z], )?--([a-z][a-z0-9-]*)`)
)

// withoutTwin are the flags without an environment variable: what they do is asked for once.
var withoutTwin = map[string]bool{
	"help": true, "version": true, "yes": true, "correct": true, "replace": true, "close": true, "dry-run": true, "drop-namespace": true,
}

// TestHelp asks every command for help.
func TestHelp(t *testing.T) {
	t.Parallel()
	p := pipeline{}
	help := p.ok(t, "--help")
	commands := map[string]bool{}
	for _, found := range commandLine.FindAllStringSubmatch(help, -1) {
		commands[found[1]] = true
	}
	for _, want := range []string{"demo", "stack", "migrate", "generate", "replay", "ingest", "rollup follow", "rollup rebuild", "audit", "namespaces list", "namespaces diff", "namespaces drop", "deadletters list", "deadletters show", "models import", "models list", "models export", "query", "health", "version"} {
		if !commands[want] {
			t.Errorf("the help does not list %q", want)
		}
	}
	for command := range commands {
		t.Run(strings.ReplaceAll(command, " ", "_"), func(t *testing.T) {
			text := p.ok(t, append(strings.Fields(command), "--help")...)
			entries := flagEntries(text)
			if len(entries) == 0 {
				t.Fatal("no flag is shown")
			}
			for flag, entry := range entries {
				twin := regexp.MustCompile(`\$TIDEMARK_([A-Z]+_){0,3}` + strings.ToUpper(strings.ReplaceAll(flag, "-", "_")) + `\b`)
				if want := !withoutTwin[flag]; twin.MatchString(entry) != want {
					t.Errorf("--%s shows its environment variable: %t, want %t:\n%s", flag, !want, want, entry)
				}
			}
		})
	}
	if r := p.run(t); r.code != 0 || r.stdout != help {
		t.Errorf("without arguments: exit code %d, want the help and 0", r.code)
	}
}

// flagEntries cuts the help of a command into its flags; an entry's text has its line breaks taken out.
func flagEntries(help string) map[string]string {
	entries := map[string]string{}
	flag := ""
	for line := range strings.Lines(help) {
		if found := flagLine.FindStringSubmatch(line); found != nil {
			flag = found[1]
		} else if strings.TrimSpace(line) == "" {
			flag = ""
		}
		if flag != "" {
			entries[flag] += strings.TrimSpace(line) + " "
		}
	}
	return entries
}

// TestWrongConfiguration gives several faults at once: all of them are named, and nothing is done.
func TestWrongConfiguration(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		args  []string
		vars  []string
		wants []string
	}{
		{"ingest", []string{"ingest", "--namespace", "Not-Valid", "--window", "0", "--brokers", "nowhere", "--clickhouse", "ftp://x", "--log-level", "loud", "--pprof", "--kafka-sasl", "md5"}, nil,
			[]string{"--namespace", "--window", "--brokers", "--clickhouse", "--log-level", "--pprof", "--kafka-sasl"}},
		{"by environment", []string{"ingest"}, []string{"TIDEMARK_WINDOW=0", "TIDEMARK_BLOCK_ROWS=0", "TIDEMARK_STALL=1ms"}, []string{"--window", "--block-rows", "--stall"}},
		{"generate", []string{"generate", "--duplicates", "2", "--compression", "brotli", "--log-format", "xml"}, nil, []string{"duplicates", "--compression", "--log-format"}},
		{"replay", []string{"replay", "azure-llm", "nothing.csv", "--speed", "slow", "--start", "yesterday"}, nil, []string{"--speed", "--start"}},
		{"replay of an unknown format", []string{"replay", "punchcards", "x"}, nil, []string{"punchcards", "azure-llm"}},
		{"replay without a start", []string{"replay", "agentic", "x.csv"}, nil, []string{"start"}},
		{"migrate", []string{"migrate", "--partitions", "0", "--replication", "0"}, nil, []string{"--partitions", "--replication"}},
		{"rollup", []string{"rollup", "--interval", "1ns", "--rollup-threads", "0"}, nil, []string{"--interval", "--rollup-threads"}},
		{"password in the address", []string{"query", "SELECT 1", "--clickhouse", "http://u:geheim@127.0.0.1:1"}, nil, []string{"TIDEMARK_CLICKHOUSE_PASSWORD"}},
		{"unknown flag", []string{"ingest", "--speed-of-light"}, nil, []string{"--speed-of-light"}},
		{"unknown command", []string{"ingets"}, nil, []string{"ingets"}},
		{"not a number", []string{"ingest", "--window", "many"}, nil, []string{"--window"}},
	}
	for _, test := range tests {
		t.Run(strings.ReplaceAll(test.name, " ", "_"), func(t *testing.T) {
			r := pipeline{vars: test.vars}.bare(t, test.args...)
			if r.code != 2 {
				t.Errorf("exit code %d, want 2", r.code)
			}
			for _, want := range test.wants {
				if !strings.Contains(r.stderr, want) {
					t.Errorf("the message does not name %q", want)
				}
			}
			if strings.Contains(r.stderr, "geheim") {
				t.Error("the message shows a password")
			}
		})
	}
}

// bare runs a command without the pipeline's addresses.
func (p pipeline) bare(t testing.TB, args ...string) result {
	t.Helper()
	child := launch(t, p.vars, nil, args...)
	defer child.kill()
	code := child.wait(t)
	t.Logf("%s: exit %d\n%s", child.name, code, child.output())
	return result{code: code, stdout: child.stdout.String(), stderr: child.stderr.String()}
}

// TestNothingThere runs commands where no stack is, and where nobody has migrated: they say so and what to do.
func TestNothingThere(t *testing.T) {
	t.Parallel()
	t.Run("no_stack", func(t *testing.T) {
		kafka, err := kafkatest.FreeAddr()
		if err != nil {
			t.Fatal(err)
		}
		clickhouse, err := kafkatest.FreeAddr()
		if err != nil {
			t.Fatal(err)
		}
		p := pipeline{namespace: "tidemark", brokers: kafka, clickhouse: "http://" + clickhouse}
		for _, test := range []struct {
			address string
			args    []string
		}{
			{clickhouse, []string{"migrate"}},
			{clickhouse, []string{"migrate", "--wait", "300ms"}},
			{clickhouse, []string{"query", "SELECT 1"}},
			{clickhouse, []string{"rollup", "--until-caught-up"}},
			{clickhouse, []string{"models", "list"}},
			{kafka, []string{"audit"}},
			{kafka, []string{"generate", "--events", "10"}},
			{kafka, []string{"ingest", "--until-caught-up"}},
			{kafka, []string{"replay", "azure-llm", "trace.csv"}},
			{kafka, []string{"rollup"}},
			{kafka, []string{"deadletters", "list"}},
		} {
			t.Run(strings.Join(test.args, " "), func(t *testing.T) {
				t.Parallel()
				r := p.run(t, test.args...)
				if r.code != 3 || !strings.Contains(r.stderr, test.address) || !strings.Contains(r.stderr, "refused") {
					t.Errorf("exit code %d, want 3 and a message that names %s", r.code, test.address)
				}
			})
		}
	})
	t.Run("not_migrated", func(t *testing.T) {
		p := sharedPipeline(t)
		for _, args := range [][]string{{"generate", "--events", "10"}, {"ingest", "--until-caught-up"}, {"deadletters", "list"}} {
			if r := p.run(t, args...); r.code != 3 || !strings.Contains(r.stderr, "tidemark migrate") || !strings.Contains(r.stderr, p.namespace) {
				t.Errorf("%s: exit code %d, want 3 and a message that names topic or database and says to run migrate", args[0], r.code)
			}
		}
		for _, args := range [][]string{{"audit"}, {"rollup", "--until-caught-up"}, {"query", "SELECT count() FROM queries"}, {"models", "import"}} {
			if r := p.run(t, args...); r.code != 3 || !strings.Contains(r.stderr, p.namespace) {
				t.Errorf("%s: exit code %d, want 3 and a message that names the database", args[0], r.code)
			}
		}
	})
}

// TestMigrateAgain migrates twice and generates twice from one seed: the second time nothing is new.
func TestMigrateAgain(t *testing.T) {
	t.Parallel()
	p := sharedPipeline(t)
	if out := p.ok(t, "migrate", "--partitions", "3"); !strings.Contains(out, " loaded from the shipped catalog\n") {
		t.Errorf("the first migration:\n%s", out)
	}
	if out := p.ok(t, "migrate"); !strings.Contains(out, "\nmodels: ") || strings.Contains(out, "loaded") || !strings.Contains(out, ": 0 statements applied") || !strings.Contains(out, "topics "+p.namespace+".*: 0 created") ||
		!strings.Contains(out, "keeps its 3 partitions instead of 8") {
		t.Errorf("the second migration:\n%s", out)
	}
	first := p.generate(t, "--events", "2000", "--run", "first")
	p.settle(t)
	p.verify(t, first)
	p.generate(t, "--events", "2000", "--run", "second")
	p.settle(t)
	for name, c := range first {
		p.sameRow(t, strings.TrimSpace(p.sql(t, "SELECT count() FROM "+name)), "SELECT "+strconv.FormatUint(c.events, 10))
	}
}

// TestSecondStack starts a second stack on the directory of a running one.
func TestSecondStack(t *testing.T) {
	t.Parallel()
	server := ownServer(t)
	second := launch(t, nil, nil, "stack", "--data-dir", server.dir, "--kafka-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0")
	defer second.kill()
	if code := second.wait(t); code != 3 || !strings.Contains(second.stderr.String(), "in use") || !strings.Contains(second.stderr.String(), server.dir) {
		t.Errorf("exit code %d, want 3 and a message that names the directory:\n%s", code, second.output())
	}
	p := server.pipeline("tidemark")
	p.ok(t, "migrate", "--partitions", "1")
	if code := server.process.stop(t); code != 0 {
		t.Errorf("the stack stops with exit code %d, want 0", code)
	}
	outside := launch(t, nil, nil, "stack", "--data-dir", t.TempDir(), "--http-listen", "0.0.0.0:0")
	defer outside.kill()
	if code := outside.wait(t); code == 0 || !strings.Contains(outside.stderr.String(), "loopback") {
		t.Errorf("a stack for other machines: exit code %d:\n%s", code, outside.output())
	}
}

// TestSecretsStayOut gives passwords by environment and file, makes commands fail with them, and looks for them in all
// that is written.
func TestSecretsStayOut(t *testing.T) {
	t.Parallel()
	const password, kafkaPassword = "open-sesame-41x", "swordfish-87y"
	p := sharedPipeline(t)
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(kafkaPassword+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.vars = []string{"TIDEMARK_CLICKHOUSE_PASSWORD=" + password, "TIDEMARK_CLICKHOUSE_USER=default", "TIDEMARK_LOG_LEVEL=debug"}
	nobody, err := kafkatest.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	away := p
	away.clickhouse = "http://" + nobody
	sasl := p
	sasl.vars = append(sasl.vars, "TIDEMARK_KAFKA_SASL=plain", "TIDEMARK_KAFKA_USER=ann", "TIDEMARK_KAFKA_PASSWORD_FILE="+file)
	for _, r := range []result{
		p.run(t, "migrate", "--partitions", "1"), p.run(t, "generate", "--events", "100"), p.run(t, "ingest", "--until-caught-up"),
		p.run(t, "query", "SELECT this is not SQL"), p.run(t, "query", "SELECT 1", "--log-level", "loud"),
		away.run(t, "query", "SELECT 1"), away.run(t, "migrate"), sasl.run(t, "generate", "--events", "10"), sasl.run(t, "deadletters", "list"),
		p.run(t, "ingest", "--help"),
	} {
		for _, secret := range []string{password, kafkaPassword} {
			if strings.Contains(r.stdout, secret) || strings.Contains(r.stderr, secret) {
				t.Errorf("a password is shown:\n%s\n%s", r.stdout, r.stderr)
			}
		}
	}
}
