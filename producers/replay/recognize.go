package replay

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"tidemark/producers/agents"
	"tidemark/producers/formats"
	"tidemark/producers/formats/faults"
	"tidemark/producers/formats/rows"
)

// lookedAt is how many objects of a file are looked at to find out what it is: sessions begin with lines that tell nothing.
const lookedAt = 1000

// Recognize returns the name of the format of the sessions of a coding agent that a file is, or that are below a folder. It is
// an error if there are none, or those of several agents.
func Recognize(name string) (format string, err error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", fmt.Errorf("look for sessions: %w", err)
	}
	files := []string{name}
	if info.IsDir() {
		if files, err = filesBelow(name, sessionPatterns()); err != nil {
			return "", fmt.Errorf("look for sessions: %w", err)
		}
	} else if !info.Mode().IsRegular() {
		return "", fmt.Errorf("look for sessions: %s is neither a folder nor a file", name)
	}
	found := map[string]bool{}
	for _, file := range files {
		if kind := kindOf(file); kind != "" {
			found[kind] = true
		}
	}
	switch kinds := slices.Sorted(maps.Keys(found)); len(kinds) {
	case 0:
		return "", fmt.Errorf("%s has no session of %s with an answer of a model; for another kind of file put its name first, as in litellm:%s",
			name, strings.Join(agentNames(), ", "), filepath.Base(name))
	case 1:
		return kinds[0], nil
	default:
		return "", fmt.Errorf("%s has sessions of %s: name one, as in %s:%s", name, strings.Join(kinds, " and "), kinds[0], name)
	}
}

// agentNames are the formats that stand for folders.
func agentNames() (names []string) {
	for _, f := range formats.All() {
		if len(f.Folder) > 0 {
			names = append(names, f.Name)
		}
	}
	return names
}

// sessionPatterns are the patterns of the names of files of all agents.
func sessionPatterns() (patterns []string) {
	for _, f := range formats.All() {
		patterns = append(patterns, f.Folder...)
	}
	return patterns
}

// kindOf returns the format of a file by its first objects; empty if they tell none, or the file cannot be read: a replay that
// names the format says why.
func kindOf(name string) string {
	in, err := openInput(name, new(atomic.Int64), nil, nil)
	defer in.close()
	if err != nil {
		return ""
	}
	objects := rows.Objects{Lines: in.lines, Within: agents.Messages}
	for range lookedAt {
		o, err := objects.Next()
		var bad *faults.RowError
		switch {
		case errors.As(err, &bad):
			continue
		case err != nil:
			return ""
		}
		if kind := agents.Kind(o); kind != "" {
			return kind
		}
	}
	return ""
}
