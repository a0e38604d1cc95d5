package env

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// Fetched returns the folder that "scripts/deps NAME" makes, if it was made from the manifest as it is now, which is named
// from the module's root.
func Fetched(t testing.TB, name, manifest string) string {
	t.Helper()
	root := ModuleRoot(t)
	folder := filepath.Join(root, ".cache", name)
	want, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(manifest)))
	if err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile(filepath.Join(folder, filepath.Base(manifest)))
	_, whole := os.Stat(filepath.Join(folder, ".complete"))
	Require(t, "what "+manifest+" lists", err == nil && whole == nil && bytes.Equal(have, want), "run `scripts/deps "+name+"`")
	return folder
}

// Snippets returns the blocks of code in a language that a page of docs shows, in their order.
func Snippets(t testing.TB, page, language string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(ModuleRoot(t), "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range regexp.MustCompile("(?ms)^```"+regexp.QuoteMeta(language)+"\n(.*?)^```$").FindAllSubmatch(text, -1) {
		out = append(out, string(m[1]))
	}
	return out
}
