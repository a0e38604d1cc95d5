package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"tidemark/internal/stack/chdb"
	"tidemark/internal/test/env"
	kafkatest "tidemark/internal/test/kafka"
)

// block is a block of code that a page shows.
type block struct {
	page, language, text string
	line                 int    // Of the page, where the text begins.
	reason               string // Why no test runs it; empty if one does.
}

const notRun = "<!-- not run:"

// notRunLine stands before a block of commands that no test can run. Readers do not see it.
var notRunLine = regexp.MustCompile(`^` + notRun + ` (\S.*) -->$`)

// blocks returns the blocks of a page of docs, in their order.
func blocks(t testing.TB, page string) []block {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(env.ModuleRoot(t), "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	var all []block
	inside, reason, number := false, "", 0
	for line := range strings.Lines(string(text)) {
		number++
		short := strings.TrimSuffix(line, "\n")
		language, fence := strings.CutPrefix(short, "```")
		switch {
		case inside && fence:
			inside = false
		case inside:
			all[len(all)-1].text += line
		case fence:
			all = append(all, block{page: page, language: language, line: number + 1, reason: reason})
			inside, reason = true, ""
		case reason != "":
			t.Fatalf("%s:%d: no block follows the line that says why it is not run", page, number)
		case strings.HasPrefix(short, notRun):
			found := notRunLine.FindStringSubmatch(short)
			if found == nil {
				t.Fatalf("%s:%d: the line does not say why the block is not run: %s", page, number, short)
			}
			reason = found[1]
		}
	}
	return all
}

// commands returns the blocks of commands that are run.
func commands(all []block) []block {
	return slices.DeleteFunc(slices.Clone(all), func(b block) bool { return b.language != "sh" || b.reason != "" })
}

// reader is somebody who pastes what pages show: in a fresh folder with the program in bin, with other addresses than those of
// the pages.
type reader struct {
	dir    string
	vars   []string
	others *strings.Replacer
}

func newReader(t *testing.T, vars []string, others ...string) reader {
	t.Helper()
	_, err := exec.LookPath("bash")
	env.Require(t, "bash", err == nil, "install it")
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program(t), filepath.Join(dir, "bin", "tidemark")); err != nil {
		t.Fatal(err)
	}
	return reader{dir: dir, vars: vars, others: strings.NewReplacer(others...)}
}

// paste runs blocks in one shell and returns what they print. What still runs then is ended.
func (r reader) paste(t *testing.T, all ...block) string {
	t.Helper()
	script := "set -e\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n"
	for _, b := range all {
		script += fmt.Sprintf("echo '== %s:%d'\n%s", b.page, b.line, r.others.Replace(b.text))
	}
	file, err := os.Create(filepath.Join(r.dir, "output")) // A pipe would wait for what runs in the background.
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	shell := exec.CommandContext(t.Context(), "bash", "-c", script)
	shell.Dir, shell.Stdout, shell.Stderr, shell.SysProcAttr = r.dir, file, file, childAttributes()
	shell.Cancel = func() error { return syscall.Kill(-shell.Process.Pid, syscall.SIGKILL) }
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "TIDEMARK_") && !strings.HasPrefix(v, "PATH=") {
			shell.Env = append(shell.Env, v)
		}
	}
	shell.Env = append(shell.Env, "HOME="+r.dir, "XDG_CONFIG_HOME="+r.dir, chdb.LibraryEnv+"="+env.LibCHDB(t),
		"PATH="+filepath.Join(r.dir, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
	shell.Env = append(shell.Env, r.vars...)
	failed := shell.Run()
	output, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", output)
	if failed != nil {
		t.Fatalf("the commands below the last == fail: %v", failed)
	}
	return string(output)
}

func freeAddr(t *testing.T) string {
	t.Helper()
	address, err := kafkatest.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// dashboardLink is a link to a dashboard at a range of time.
var dashboardLink = regexp.MustCompile(`http://127\.0\.0\.1:3300/d/tidemark-[a-z]+\?from=(\d+)&to=(\d+)`)

// TestReadme runs the commands of README from the first to the last, and those that count the reader's own file twice. The
// events are in the ranges of its links.
func TestReadme(t *testing.T) {
	t.Parallel()
	const page = "../README.md"
	kafka, clickhouse, preview := freeAddr(t), freeAddr(t), freeAddr(t)
	r := newReader(t, []string{"TIDEMARK_KAFKA_LISTEN=" + kafka, "TIDEMARK_BROKERS=" + kafka, "TIDEMARK_STACK_HTTP_LISTEN=" + clickhouse,
		"TIDEMARK_CLICKHOUSE=http://" + clickhouse, "TIDEMARK_DASHBOARDS_PREVIEW_LISTEN=" + preview}, "127.0.0.1:8123", clickhouse, "127.0.0.1:3300", preview)
	all := commands(blocks(t, page))
	own := slices.IndexFunc(all, func(b block) bool { return strings.Contains(b.text, "> usage.csv") })
	if len(all) < 4 || own < 0 {
		t.Fatalf("README.md has %d blocks that can be run; the one that makes usage.csv is %d", len(all), own)
	}
	text, err := os.ReadFile(filepath.Join(env.ModuleRoot(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	checks := block{page: "checks", text: "curl -fsS -o page.html http://127.0.0.1:3300/\n" +
		`tidemark query --format TSVRaw "SELECT 'own', tenant, sum(calls), sum(input_tokens), sum(output_tokens) FROM token_calls WHERE source = 'my-gateway' GROUP BY tenant ORDER BY tenant"` + "\n"}
	links := dashboardLink.FindAllStringSubmatch(string(text), -1)
	for i, link := range links {
		checks.text += fmt.Sprintf(`tidemark query --format TSVRaw "SELECT 'link %d', count() FROM token_calls WHERE time >= fromUnixTimestamp64Milli(%s) AND time < fromUnixTimestamp64Milli(%s)"`, i, link[1], link[2]) + "\n"
	}
	out := r.paste(t, append(slices.Clone(all), all[own], checks)...)
	wants := []string{"own\tacme\t2\t1290\t780\nown\tglobex\t1\t300\t12\n", "diff: EQUAL"}
	for i, events := range []int{19_366, 6000, 6000, 3} { // The samples, and the reader's own file.
		wants = append(wants, fmt.Sprintf("link %d\t%d\n", i, events))
	}
	if audits := strings.Count(out, "\naudit: OK\n"); audits != 3 || len(links) != 4 {
		t.Errorf("%d audits say that all is well, want 3; there are %d links, want 4", audits, len(links))
	}
	for _, want := range wants {
		if !strings.Contains(out, want) {
			t.Errorf("the commands do not print %q", want)
		}
	}
}

// TestPages runs the commands of pages of docs, those of each page in a namespace of its own.
func TestPages(t *testing.T) {
	for _, page := range []string{"collecting.md", "load-testing.md", "prices.md", "replaying-your-files.md", "sending-events.md"} {
		t.Run(strings.TrimSuffix(page, ".md"), func(t *testing.T) {
			t.Parallel()
			all := commands(blocks(t, page))
			if len(all) == 0 {
				return // Every block says why.
			}
			p := sharedPipeline(t)
			p.ok(t, "migrate", "--partitions", "2")
			collector := freeAddr(t)
			r := newReader(t, append(p.env(), "TIDEMARK_COLLECT_HTTP_LISTEN="+collector, "TIDEMARK_GRPC_LISTEN="+freeAddr(t)), "127.0.0.1:4318", collector)
			if out := r.paste(t, all...); page == "collecting.md" && !strings.Contains(out, `{"accepted":1,"rejected":[]}`) {
				t.Error("the collector does not accept the event of the page")
			}
		})
	}
}

// freshness is the answer to the query of docs/queries.md that has another one each time.
var freshness = regexp.MustCompile(`^name\tseconds_ago\ntoken_calls_1h\t\d+\n$`)

// TestQueries runs the queries of docs/queries.md and compares their answers with those of the page, which follow from its rows
// by hand.
func TestQueries(t *testing.T) {
	t.Parallel()
	const page = "queries.md"
	p := sharedPipeline(t)
	all := blocks(t, page)
	r := newReader(t, p.env(), "TIDEMARK_NAMESPACE=questions", "TIDEMARK_NAMESPACE="+p.namespace)
	r.paste(t, commands(all)...)
	p.produce(t, "token_calls.v1", 1, []byte("no event"))
	p.settle(t)
	asked, answered := 0, 0
	for i, b := range all {
		if b.language != "sql" {
			continue
		}
		asked++
		got := p.ok(t, "query", "--format", "TSVWithNames", b.text)
		if i+1 == len(all) || all[i+1].language != "text" {
			if !freshness.MatchString(got) {
				t.Errorf("%s:%d: the answer is\n%s", page, b.line, got)
			}
			continue
		}
		answered++
		if got != all[i+1].text {
			t.Errorf("%s:%d: the answer is\n%s", page, b.line, got)
		}
	}
	if asked != 10 || answered != 9 {
		t.Errorf("%d queries have %d answers, want 10 and 9", asked, answered)
	}
}
