package cli

import (
	"path/filepath"
	"strings"
	"testing"

	"tidemark/internal/test/env"
)

// TestDocsExamples parses the commands that README and the pages of docs show, those too that no test runs.
func TestDocsExamples(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(env.ModuleRoot(t), "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, page := range append(pages, "../README.md") {
		page = strings.TrimPrefix(page, filepath.Join(env.ModuleRoot(t), "docs")+"/")
		for _, block := range env.Snippets(t, page, "sh") {
			for line := range strings.Lines(block) {
				line, _, _ = strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "bin/"), " #")
				line, _, _ = strings.Cut(line, " | ")
				if !strings.HasPrefix(line, "tidemark ") || strings.Contains(line, `"`) { // shellArgs does not know double quotes.
					continue
				}
				found++
				if _, err := parse(t, shellArgs(strings.TrimSuffix(strings.TrimSpace(line), " &"))[1:]); err != nil {
					t.Errorf("%s: %s: %v", page, line, err)
				}
			}
		}
	}
	if found < 80 {
		t.Errorf("only %d commands were found", found)
	}
}
