// Package env finds what tests need beside the code: the root of the
// module, the engine's library, data files. What is missing skips a test with
// the command that would fetch it, or fails it where everything is required.
package env

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"tidemark/internal/stack/chdb"
)

// RequireAllEnv is the variable that makes a missing need a failure when it is 1.
const RequireAllEnv = "TIDEMARK_REQUIRE_ALL"

// Require goes on when ok. Otherwise it skips the test and says what is missing
// and how to get it, or fails it when RequireAllEnv is 1.
func Require(t testing.TB, what string, ok bool, fix string) {
	t.Helper()
	if ok {
		return
	}
	if os.Getenv(RequireAllEnv) == "1" {
		t.Fatalf("MISSING: %s. To get it: %s. (%s=1 makes this a failure.)", what, fix, RequireAllEnv)
	}
	t.Skipf("SKIPPED, NOT TESTED: %s is missing. To get it: %s", what, fix)
}

// ModuleRoot returns the folder of the go.mod of the product, looked for from the working directory upwards: modules
// within it have one of their own.
func ModuleRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatalf("find the module root: %v", err)
	}
	for {
		if text, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil && bytes.HasPrefix(text, []byte("module tidemark\n")) {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("find the module root: no go.mod from the working directory upwards")
		}
		dir = parent
	}
}

// LibCHDB returns the path of the ClickHouse engine's library.
func LibCHDB(t testing.TB) string {
	t.Helper()
	path, err := chdb.FindLibrary("")
	Require(t, "the ClickHouse engine (libchdb.so)", err == nil, "run `make deps`, or set "+chdb.LibraryEnv)
	return path
}

// Data returns the path of a file or folder of the shared data, which lies
// beside the module: Data(t, "azure-llm-2023/AzureLLMInferenceTrace_conv.csv").
func Data(t testing.TB, rel string) string {
	t.Helper()
	path := filepath.Join(ModuleRoot(t), "..", "shared", "data", filepath.FromSlash(rel))
	_, err := os.Stat(path)
	Require(t, "shared data "+rel, err == nil, "put the shared data folder beside the module: ../shared/data")
	return path
}

// Case returns the path of a file or folder of the shared cases, which lie
// beside the shared data: Case(t, "weight-zero/downloads.csv").
func Case(t testing.TB, rel string) string {
	t.Helper()
	return Data(t, filepath.Join("..", "cases", rel))
}

// YAML decodes the one document of a YAML file into v, through the module of
// tools: the product has no YAML.
func YAML(t testing.TB, path string, v any) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "run", "./yamljson", path)
	cmd.Dir = filepath.Join(ModuleRoot(t), "internal", "tools")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("read %s: %v\n%s", path, err, stderr.Bytes())
	}
	var documents []json.RawMessage
	if err := json.Unmarshal(out, &documents); err != nil {
		t.Fatal(err)
	}
	if len(documents) != 1 {
		t.Fatalf("%s holds %d documents, want 1", path, len(documents))
	}
	if err := json.Unmarshal(documents[0], v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
