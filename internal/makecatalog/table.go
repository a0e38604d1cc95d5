package makecatalog

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// row is a line of a CSV file by the names of its columns.
type row map[string]string

// readFile reads a CSV file, gzipped if its name says so.
func readFile(path string) (rows []row, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if !strings.HasSuffix(path, ".gz") {
		return readTable(path, file)
	}
	plain, err := gzip.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return readTable(path, plain)
}

// readTable reads CSV whose first line names the columns. Lines that begin with # are comments.
func readTable(name string, r io.Reader) ([]row, error) {
	reader := csv.NewReader(r)
	reader.Comment = '#'
	lines, err := reader.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("%s: is empty", name)
	}
	rows := make([]row, 0, len(lines)-1)
	for _, line := range lines[1:] {
		cells := make(row, len(line))
		for i, value := range line {
			cells[lines[0][i]] = strings.TrimSpace(value)
		}
		rows = append(rows, cells)
	}
	return rows, nil
}
