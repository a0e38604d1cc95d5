package replay

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"tidemark/producers/formats"
)

// packedEndings are the endings that a packed file has after its name.
var packedEndings = []string{".gz", ".zst", ".bz2"}

// expand returns the files that the names stand for: a folder stands for the files below it whose names a pattern of the format
// fits. Files of calls that others may state again come in the order of their names, so that the order given does not matter.
func expand(names []string, format *formats.Format) ([]string, error) {
	if !format.Grows {
		return names, nil
	}
	var files []string
	for _, name := range names {
		info, err := os.Stat(name)
		if name == Stdin || err != nil || !info.IsDir() || len(format.Folder) == 0 {
			files = append(files, name)
			continue
		}
		below, err := filesBelow(name, format.Folder)
		if err != nil {
			return nil, fmt.Errorf("look for files of %s: %w", format.Name, err)
		}
		if len(below) == 0 {
			return nil, fmt.Errorf("look for files of %s: %s has no file %s below it", format.Name, name, strings.Join(format.Folder, " or "))
		}
		files = append(files, below...)
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// filesBelow returns the files below a folder whose names fit one of the patterns. It leaves out folders that it may not read.
func filesBelow(folder string, patterns []string) ([]string, error) {
	var files []string
	err := fs.WalkDir(os.DirFS(folder), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrPermission) && name != ".":
			return fs.SkipDir
		case err != nil:
			return err
		case entry.Type().IsRegular() && fits(entry.Name(), patterns):
			files = append(files, filepath.Join(folder, filepath.FromSlash(name)))
		}
		return nil
	})
	return files, err
}

// fits reports whether the name of a file, packed or not, fits one of the patterns.
func fits(name string, patterns []string) bool {
	for _, ending := range packedEndings {
		name = strings.TrimSuffix(name, ending)
	}
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, _ := path.Match(pattern, name) // The patterns are right.
		return ok
	})
}
