package e2e

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"tidemark/internal/test/env"
)

// target is where a configuration file of the page sends to.
type target struct {
	URL     string
	Headers map[string]string
}

// liteLLM is the part of the proxy's file that says where records go.
type liteLLM struct {
	Settings struct {
		Callbacks []string
	} `yaml:"litellm_settings"`
	Callbacks map[string]struct {
		Type    string `yaml:"callback_type"`
		URL     string `yaml:"endpoint"`
		Headers map[string]string
		Retries int     `yaml:"max_retries"`
		Delay   float64 `yaml:"retry_delay"`
	} `yaml:"callback_settings"`
}

// otelCollector is the part of a Collector's file that says where it exports to.
type otelCollector struct {
	Exporters map[string]struct {
		URL     string `yaml:"endpoint"`
		Headers map[string]string
	}
}

// targets reads the configuration files that the page shows for programs that no test runs.
func targets(t *testing.T) map[string]target {
	t.Helper()
	out := map[string]target{}
	decode := func(text string, into any) {
		t.Helper()
		decoder := yaml.NewDecoder(strings.NewReader(text))
		if err := decoder.Decode(into); err != nil {
			t.Fatalf("%v:\n%s", err, text)
		}
	}
	var proxy liteLLM
	decode(snippet(t, "yaml", "litellm_settings"), &proxy)
	if len(proxy.Settings.Callbacks) != 1 {
		t.Fatalf("the file of LiteLLM has the callbacks %q", proxy.Settings.Callbacks)
	}
	callback := proxy.Callbacks[proxy.Settings.Callbacks[0]]
	if callback.Type != "generic_api" || callback.Retries < 1 || callback.Delay <= 0 {
		t.Errorf("the callback of LiteLLM is %+v", callback)
	}
	out["LiteLLM"] = target{callback.URL, callback.Headers}
	var collector otelCollector
	decode(snippet(t, "yaml", "exporters:"), &collector)
	for name, e := range collector.Exporters {
		out[name] = target{e.URL + "/v1/traces", e.Headers} // As the exporter otlphttp does.
	}
	out["Spring AI"] = springTarget(t)
	out["Codex"] = codexTarget(t)
	return out
}

// springTarget reads a file of properties.
func springTarget(t *testing.T) target {
	t.Helper()
	properties := map[string]string{}
	for line := range strings.Lines(snippet(t, "properties", "spring.application.name")) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok {
			t.Errorf("%q is no property", line)
		}
		properties[name] = value
	}
	const otlp = "management.opentelemetry.tracing.export.otlp."
	if properties["management.tracing.sampling.probability"] != "1.0" {
		t.Error("Spring Boot samples")
	}
	return target{properties[otlp+"endpoint"], map[string]string{"X-API-Key": properties[otlp+"headers.X-API-Key"]}}
}

// codexTarget reads TOML, which Python's library can.
func codexTarget(t *testing.T) target {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "python3", "-c", "import json, sys, tomllib; print(json.dumps(tomllib.load(sys.stdin.buffer)))")
	cmd.Stdin = strings.NewReader(snippet(t, "toml", "[otel"))
	out, err := cmd.Output()
	env.Require(t, "python3 3.11 with tomllib", err == nil, "install it (Debian: apt-get install python3)")
	var file struct {
		OTel struct {
			Exporter map[string]struct {
				Endpoint, Protocol string
				Headers            map[string]string
			}
		}
	}
	if err := json.Unmarshal(out, &file); err != nil {
		t.Fatal(err)
	}
	exporter := file.OTel.Exporter["otlp-http"]
	if exporter.Protocol != "binary" {
		t.Errorf("the protocol of Codex is %q", exporter.Protocol)
	}
	return target{exporter.Endpoint, exporter.Headers}
}

// files sends an empty request to where each file of the page points, with the file's own headers.
func (w *workshop) files(t *testing.T, address, key string) {
	t.Helper()
	all := targets(t)
	if len(all) != 4 {
		t.Errorf("the page has the files %q", slices.Sorted(maps.Keys(all)))
	}
	for name, to := range all {
		for _, stands := range []string{"http://127.0.0.1:4318", "https://tidemark.example.com:4318"} {
			to.URL = strings.Replace(to.URL, stands, address, 1)
		}
		if !strings.HasPrefix(to.URL, address) {
			t.Errorf("%s does not name the port of HTTP: %s", name, to.URL)
			continue
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, to.URL, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", mediaJSON)
		if strings.HasSuffix(to.URL, "/v1/gateways") {
			request.Body = http.NoBody
		}
		for header, value := range to.Headers {
			request.Header.Set(header, strings.NewReplacer("tdm_...", key, "${env:TIDEMARK_KEY}", key).Replace(value))
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s: %s: %s", name, to.URL, response.Status)
		}
	}
}

// TestClientFiles looks at what of the page is neither a program nor an address of HTTP: the settings of agents, which go to
// the port that the variables name, and the commands that install packages, which name those that tests run with.
func TestClientFiles(t *testing.T) {
	var settings struct {
		Telemetry struct {
			Enabled, LogPrompts                bool
			Target, OTLPEndpoint, OTLPProtocol string
		}
	}
	if err := json.Unmarshal([]byte(snippet(t, "json", "telemetry")), &settings); err != nil {
		t.Fatal(err)
	}
	s := settings.Telemetry
	if !s.Enabled || s.LogPrompts || s.Target != "local" || s.OTLPProtocol != "http" || !strings.Contains(snippet(t, "sh", "OTEL_SERVICE_NAME"), "ENDPOINT="+s.OTLPEndpoint+" ") {
		t.Errorf("the settings of the agents are %+v", s)
	}
	root := env.ModuleRoot(t)
	for manifest, installs := range map[string]string{
		"python/requirements.txt": `(?m)^python -m pip install (.*)$`,
		"js/package.json":         `(?m)^npm install (.*)$`,
	} {
		pinned, err := os.ReadFile(filepath.Join(root, collectingData, manifest))
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(installs).FindAllStringSubmatch(strings.Join(env.Snippets(t, collectingPage, "sh"), ""), -1)
		if len(found) != 1 {
			t.Fatalf("the page installs %d times by %s", len(found), installs)
		}
		for name := range strings.FieldsSeq(found[0][1]) {
			if !regexp.MustCompile(`(?m)^\s*"?` + regexp.QuoteMeta(name) + `(==|": ")`).Match(pinned) {
				t.Errorf("no test has %s", name)
			}
		}
	}
	claude := snippet(t, "sh", "CLAUDE_CODE")
	dir := t.TempDir()
	write(t, filepath.Join(dir, "claude"), "#!/bin/sh\necho \"$CLAUDE_CODE_ENABLE_TELEMETRY $OTEL_LOGS_EXPORTER\"\n")
	if err := os.Chmod(filepath.Join(dir, "claude"), 0o700); err != nil { //nolint:gosec // it has to run
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-euc", claude) //nolint:gosec // the page's own
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil || string(bytes.TrimSpace(out)) != "1 otlp" {
		t.Errorf("Claude Code gets %s: %v", out, err)
	}
}
