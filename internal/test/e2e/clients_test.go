package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"tidemark/internal/test/env"
)

const (
	collectingPage = "collecting.md"
	collectingData = "internal/test/e2e/testdata/collecting/" // The programs and manifests of clients, from the module's root.
	clientsModule  = "internal/clients"
)

// client is a program that reports calls to the collector with a real SDK or exporter. It sends through faults.
type client struct {
	name    string // Also the product of its calls.
	needs   string // What has to be there: a kind of workshop.prepare.
	command string // For sh.
	grpc    bool
	vars    []string
	to      string // The path or the method that it sends to.
	media   string // The media type that it sends; empty: application/x-protobuf.
	once    bool   // It does not send again when a connection was cut.
	want    []string
}

// The calls of the provider, as wantCalls writes them.
const (
	gptFirst     = "gpt-5.2-2026-01-01 in 360 read 640 write - 5m - 1h - out 100 reasoning 200 reported exact"
	gptUnasked   = "gpt-5.2-2026-01-01 in - read - write - 5m - 1h - out - reasoning - missing none"
	gptSecond    = "gpt-5.2-2026-01-01 in 140 read 960 write - 5m - 1h - out 24 reasoning 16 reported exact"
	claudeFirst  = "claude-opus-4-5-20260101 in 360 read 640 write 128 5m 96 1h 32 out 100 reasoning 200 reported exact"
	claudeSecond = "claude-opus-4-5-20260101 in 44 read 1128 write 0 5m 0 1h 0 out 24 reasoning 16 reported exact"
	byHand       = "gpt-5.2 in 360 read 640 write - 5m - 1h - out 100 reasoning 200 reported exact"
	plainEvent   = "gpt-5.2 in 360 read 640 write - 5m - 1h - out 100 reasoning 200 unknown unknown no id"
	joined       = " joined 1"
	noID         = " no id" // Of the answer.

	tracesPath  = "/v1/traces"
	traceMethod = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
	instrument  = "opentelemetry-instrument python "
)

var openaiCalls = []string{gptFirst, gptFirst, gptUnasked, gptFirst, gptSecond}

// patience is the variables by which clients do not give up when the machine is slow. Python's seconds are others' milliseconds.
var patience = map[string][]string{
	"python": {"OTEL_EXPORTER_OTLP_TIMEOUT=120"},
	"js":     {"OTEL_EXPORTER_OTLP_TIMEOUT=120000", "OTEL_BSP_EXPORT_TIMEOUT=120000"},
	"go":     {"OTEL_EXPORTER_OTLP_TIMEOUT=120000", "OTEL_BSP_EXPORT_TIMEOUT=120000", "OTEL_BLRP_EXPORT_TIMEOUT=120000"},
}

// clientsOf returns the clients. What the page shows runs as it stands there, with other addresses.
func clientsOf(t *testing.T) []client {
	commands := func(contains string) string {
		text := snippet(t, "sh", contains)
		return regexp.MustCompile(`(?m)^(python -m pip|npm) install .*\n`).ReplaceAllString(text, "") // Done by scripts/deps.
	}
	return []client{
		{name: "openai http", needs: "python", command: instrument + "openai_program.py", to: tracesPath, want: openaiCalls},
		{name: "openai grpc", needs: "python", command: instrument + "openai_program.py", grpc: true, to: traceMethod, media: "application/grpc", want: openaiCalls},
		{
			name: "anthropic and openinference", needs: "python", command: instrument + "anthropic_program.py", to: tracesPath,
			want: append(slices.Repeat([]string{claudeFirst + joined}, 4), claudeSecond+joined),
		},
		{name: "agent and openai", needs: "python", command: instrument + "agent.py", to: tracesPath, want: []string{gptFirst + joined, gptSecond + joined}},
		{
			name: "page python", needs: "python", command: commands("ask.py"), to: tracesPath, want: []string{gptFirst, claudeFirst},
			vars: []string{"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=anthropic"}, // The page installs none.
		},
		{name: "page js", needs: "js", command: commands("ask.mjs"), to: tracesPath, media: mediaJSON, want: []string{byHand}},
		{name: "page go", needs: "go", command: "./ask", to: tracesPath, once: true, want: []string{byHand}},
		// It waits up to 19 s before it comes for the third time.
		{name: "go otlptracegrpc", needs: "go", command: "./clients otlptracegrpc", grpc: true, to: traceMethod, media: "application/grpc", want: []string{byHand + noID}},
		{name: "go otlploghttp", needs: "go", command: "./clients otlploghttp", to: "/v1/logs", once: true, want: []string{byHand + noID}},
		{name: "go cloudevents", needs: "go", command: "./clients cloudevents $OTEL_EXPORTER_OTLP_ENDPOINT/v1/cloudevents tdm_...", to: "/v1/cloudevents", media: mediaJSON, want: []string{plainEvent}},
	}
}

const mediaJSON = "application/json"

// snippet returns the one block of the page in a language that contains a text.
func snippet(t *testing.T, language, contains string) string {
	t.Helper()
	found := slices.DeleteFunc(env.Snippets(t, collectingPage, language), func(text string) bool { return !strings.Contains(text, contains) })
	if len(found) != 1 {
		t.Fatalf("docs/%s has %d blocks of %s with %q, want 1", collectingPage, len(found), language, contains)
	}
	return found[0]
}

// workshop is a folder with what the clients need.
type workshop struct {
	dir    string
	script map[bool]string
	once   map[string]*sync.Once
}

func newWorkshop(t *testing.T) *workshop {
	t.Helper()
	w := &workshop{
		dir:    t.TempDir(),
		script: map[bool]string{},
		once:   map[string]*sync.Once{"python": {}, "js": {}, "go": {}},
	}
	variables := snippet(t, "sh", "OTEL_SERVICE_NAME")
	first, rest, _ := strings.Cut(variables, "\n")
	if !strings.Contains(first, "OTEL_EXPORTER_OTLP_ENDPOINT") {
		t.Fatalf("the first of the variables is not the address:\n%s", variables)
	}
	w.script[false], w.script[true] = first+"\n"+rest, snippet(t, "sh", "PROTOCOL=grpc")+rest
	return w
}

// prepare brings what clients of a kind need into the folder, or skips the test.
func (w *workshop) prepare(t *testing.T, kind string) {
	t.Helper()
	root := env.ModuleRoot(t)
	switch kind {
	case "python":
		_, err := exec.LookPath("python3")
		env.Require(t, "python3", err == nil, "install it (Debian: apt-get install python3)")
		folder := env.Fetched(t, "collect-python", collectingData+"python/requirements.txt")
		w.once[kind].Do(func() {
			if err := os.CopyFS(w.dir, os.DirFS(filepath.Join(root, collectingData, "python"))); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(w.dir, "ask.py"), snippet(t, "python", "OpenAI()"))
			// The scripts of a virtual environment name the folder that it was made in.
			w.executable(t, "opentelemetry-instrument", "exec python "+folder+"/venv/bin/opentelemetry-instrument \"$@\"")
			w.executable(t, "python", "exec "+folder+"/venv/bin/python \"$@\"")
		})
	case "js":
		_, err := exec.LookPath("node")
		env.Require(t, "node", err == nil, "install it (Debian: apt-get install nodejs npm)")
		folder := env.Fetched(t, "collect-js", collectingData+"js/package-lock.json")
		w.once[kind].Do(func() {
			write(t, filepath.Join(w.dir, "ask.mjs"), snippet(t, "js", "OTLPTraceExporter"))
			if err := os.Symlink(filepath.Join(folder, "node_modules"), filepath.Join(w.dir, "node_modules")); err != nil {
				t.Fatal(err)
			}
		})
	case "go":
		w.once[kind].Do(func() {
			module := filepath.Join(root, clientsModule)
			goBuild(t, module, filepath.Join(w.dir, "clients"))
			page := t.TempDir()
			for _, name := range []string{"go.mod", "go.sum"} {
				text, err := os.ReadFile(filepath.Join(module, name))
				if err != nil {
					t.Fatal(err)
				}
				write(t, filepath.Join(page, name), string(text))
			}
			write(t, filepath.Join(page, "main.go"), snippet(t, "go", "otlptracehttp"))
			goBuild(t, page, filepath.Join(w.dir, "ask"))
		})
	}
}

// executable writes a shell script into the folder's bin.
func (w *workshop) executable(t *testing.T, name, text string) {
	t.Helper()
	bin := filepath.Join(w.dir, "bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(bin, name), "#!/bin/sh\n"+text+"\n")
	if err := os.Chmod(filepath.Join(bin, name), 0o700); err != nil { //nolint:gosec // it has to run
		t.Fatal(err)
	}
}

func goBuild(t *testing.T, module, program string) {
	t.Helper()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	build.Dir = module
	build.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", module, err, out)
	}
}

// run runs a client to its end.
func (w *workshop) run(t *testing.T, c client, f *faults, key string, vars ...string) {
	t.Helper()
	script := w.script[c.grpc] + c.command
	for from, to := range map[string]string{"http://127.0.0.1:4318": f.http, "http://127.0.0.1:4317": f.grpc, "tdm_...": key, "SERVICE_NAME=chat": "SERVICE_NAME='" + c.name + "'"} {
		script = strings.ReplaceAll(script, from, to)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-euc", script) //nolint:gosec // the page's own
	cmd.Dir = w.dir
	inherited := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "OTEL_") })
	cmd.Env = slices.Concat(inherited, []string{"PATH=" + filepath.Join(w.dir, "bin") + ":" + os.Getenv("PATH"), "PYTHONDONTWRITEBYTECODE=1"}, patience[c.needs], vars, c.vars)
	out, err := cmd.CombinedOutput()
	t.Logf("%s\n%s", script, out)
	if err != nil && !c.once { // It may say that it has lost something.
		t.Error(err)
	}
}

// TestClients runs real clients against a real collector. The first request of each is refused, and the connection of the
// second one is cut when the collector has it. Each call counts once, with the counts that the provider said.
func TestClients(t *testing.T) {
	t.Parallel()
	p := sharedPipeline(t)
	p.ok(t, "migrate", "--partitions", "2")
	made := strings.Split(strings.TrimSpace(p.ok(t, "collect", "--new-key", "acme")), "\n")
	key := made[1]
	keyFile := filepath.Join(t.TempDir(), "keys.jsonl")
	write(t, keyFile, strings.Replace(made[len(made)-1], "{", `{"backfill":true,`, 1)+"\n")
	collector, address := p.collecting(t, keyFile)
	grpcAddress := regexp.MustCompile(`(?m)^grpc +(\S+)$`).FindStringSubmatch(collector.stdout.String())[1]
	model := newProvider(t)
	w := newWorkshop(t)
	var ran sync.Map
	all := clientsOf(t)
	t.Run("send", func(t *testing.T) {
		for _, c := range all {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				w.prepare(t, c.needs)
				f := newFaults(t, address, grpcAddress)
				w.run(t, c, f, key, "OPENAI_BASE_URL="+model.server.URL+"/v1", "OPENAI_API_KEY=x", "ANTHROPIC_BASE_URL="+model.server.URL, "ANTHROPIC_API_KEY=x")
				f.check(t, c)
				ran.Store(c.name, true)
			})
		}
		t.Run("curl", func(t *testing.T) { w.curl(t, address, key); ran.Store("chat", true) })
		t.Run("files", func(t *testing.T) { w.files(t, address, key) })
	})
	p.settle(t)
	p.auditOK(t)
	got := p.calls(t)
	for _, c := range append(all, client{name: "chat", want: []string{"m-1 in 100 read 900 write - 5m - 1h - out 50 reasoning - unknown unknown no id"}}) {
		if _, ok := ran.Load(c.name); ok && !slices.Equal(got[c.name], c.want) {
			t.Errorf("%s: the calls are\n%s\nwant\n%s", c.name, strings.Join(got[c.name], "\n"), strings.Join(c.want, "\n"))
		}
		delete(got, c.name)
	}
	if len(got) > 0 {
		t.Errorf("nobody sent the calls of %q", got)
	}
}

// curl runs the example at the top of the page.
func (w *workshop) curl(t *testing.T, address, key string) {
	t.Helper()
	_, err := exec.LookPath("curl")
	env.Require(t, "curl", err == nil, "install it (Debian: apt-get install curl)")
	script := strings.Replace(snippet(t, "sh", "\ncurl "), "tidemark collect --tenant acme &\n", "", 1) // It runs already, and wants a key.
	home := t.TempDir()
	write(t, filepath.Join(home, ".curlrc"), "header = \"X-API-Key: "+key+"\"\n")
	cmd := exec.CommandContext(t.Context(), "sh", "-euc", strings.Replace(script, "http://127.0.0.1:4318", address, 1)) //nolint:gosec // the page's own
	cmd.Env = append(os.Environ(), "CURL_HOME="+home)
	if out, err := cmd.CombinedOutput(); err != nil || string(bytes.TrimSpace(out)) != `{"accepted":1,"rejected":[]}` {
		t.Errorf("curl: %v: %s", err, out)
	}
}

// calls returns what the view says about each call, by product, in the order of time.
func (p pipeline) calls(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, r := range p.rows(t, `SELECT product, model, input_uncached, input_cache_read, input_cache_write, cache_write_5m, cache_write_1h,
		output_visible, output_reasoning, usage, split, joined, may_be_double, calls, response_id FROM token_calls ORDER BY time`) {
		for i := range r {
			if r[i] == `\N` {
				r[i] = "-"
			}
		}
		call := fmt.Sprintf("%s in %s read %s write %s 5m %s 1h %s out %s reasoning %s %s %s", r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10])
		if r[11] != "0" {
			call += " joined " + r[11]
		}
		if r[12] != "false" {
			call += " may be double"
		}
		if r[13] != "1" {
			call += " calls " + r[13]
		}
		if r[14] == "" {
			call += " no id"
		}
		out[r[0]] = append(out[r[0]], call)
	}
	return out
}
