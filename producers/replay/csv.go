package replay

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// csvRows reads the rows of a CSV file with a header line. The csv.Reader gets its input line by line and so never reads
// ahead: when a row turns out to be broken, only its first line is lost, and the next row is read from the one after it.
type csvRows struct {
	lines  *lines
	reader *csv.Reader
	base   int // The lines before the first that reader has read.

	chunk []byte // What of the current line the reader has not taken yet.
	raw   []byte // The lines of the current row, to read them again without the first.
	first int    // The number of the first of them.

	columns []column
	width   int   // Fields of the header.
	fields  []int // By column: its field; -1 if the file has none.
	values  []string
	within  csvPaths // Columns that are paths into the JSON of a field.
}

func readCSV(l *lines, columns []column) (rowReader, error) {
	c := &csvRows{lines: l, columns: columns, values: make([]string, len(columns))}
	c.restart()
	header, err := c.reader.Read()
	switch {
	case errors.Is(err, io.EOF):
		return nil, errors.New("the file is empty; it should begin with the names of the columns")
	case err != nil:
		return nil, fmt.Errorf("line %d with the names of the columns: %w", max(l.number, 1), err)
	}
	c.width = len(header)
	for i := range header {
		header[i] = strings.TrimSpace(header[i])
	}
	for _, want := range columns {
		field, rest := slices.Index(header, want.name), ""
		if field < 0 {
			field, rest = c.within.find(header, want.name)
		}
		if field < 0 && want.required {
			if endless(c.raw) {
				return nil, fmt.Errorf("line %d: there is no column %s, and the line has no end: is the file still being written?", l.number, want.name)
			}
			return nil, fmt.Errorf("line %d: there is no column %s%s", l.number, want.name, want.missing(header))
		}
		if field >= 0 && slices.Contains(header[field+1:], want.name) {
			return nil, fmt.Errorf("line %d: the column %s is there twice", l.number, want.name)
		}
		c.fields = append(c.fields, field)
		c.within.add(rest)
	}
	return c, nil
}

// missing says why the column should be there, and which are.
func (c column) missing(header []string) string {
	if c.why == "" {
		return ""
	}
	return fmt.Sprintf(", %s; the columns are %s", c.why, strings.Join(header, ", "))
}

// restart makes a reader that begins at the next line.
func (c *csvRows) restart() {
	c.reader = csv.NewReader(c)
	c.reader.FieldsPerRecord = -1 // The width is checked here.
	c.reader.ReuseRecord = true
	c.base, c.chunk = c.lines.number, nil
}

// Read gives the reader the next line, or what is left of the current one.
func (c *csvRows) Read(p []byte) (int, error) {
	if len(c.chunk) == 0 {
		line, err := c.lines.next()
		if err != nil {
			if errors.Is(err, errTooLong) && len(c.raw) > 0 {
				c.raw = append(c.raw, '\n') // In its place, so that the lines are counted right.
			}
			return 0, err
		}
		if len(c.raw) > 0 || !isBlank(line) {
			if len(c.raw) == 0 {
				c.first = c.lines.number
			}
			c.raw = append(c.raw, line...)
			if len(c.raw) > maxLine {
				return 0, errTooLong
			}
		}
		c.chunk = line
	}
	n := copy(p, c.chunk)
	c.chunk = c.chunk[n:]
	return n, nil
}

func (c *csvRows) next() (row, error) {
	for {
		c.raw = c.raw[:0]
		record, err := c.reader.Read()
		if err != nil {
			return row{}, c.broken(err)
		}
		if len(record) == 1 && strings.TrimSpace(record[0]) == "" && c.width > 1 {
			continue // Spaces only.
		}
		line, _ := c.reader.FieldPos(0)
		line += c.base
		if c.lines.row(c.raw) {
			return row{}, &rowError{line, 1, unended}
		}
		if len(record) != c.width {
			return row{}, c.drop(1, fmt.Sprintf("the number of fields is %d, and %d in the header", len(record), c.width))
		}
		for i, field := range c.fields {
			if field >= 0 {
				c.values[i] = strings.TrimSpace(record[field])
			}
		}
		r := row{values: c.values, line: line, column: c.column}
		c.within.read(&r, record, c.fields)
		return r, nil
	}
}

func (c *csvRows) column(i int) int {
	if c.fields[i] < 0 {
		return 1
	}
	_, column := c.reader.FieldPos(c.fields[i])
	return column
}

// broken makes an error of the reader into one of the row.
func (c *csvRows) broken(err error) error {
	var parse *csv.ParseError
	isParse := errors.As(err, &parse)
	switch {
	case errors.Is(err, errTooLong) && len(c.raw) == 0:
		c.restart()
		return &rowError{c.lines.number, 1, "the line " + err.Error()}
	case errors.Is(err, errTooLong):
		return c.drop(1, "a quoted field does not end in its line, and the row "+err.Error())
	case !isParse:
		return err
	case c.lines.number == c.first && c.lines.row(c.raw):
		return c.drop(1, unended)
	case c.lines.number > c.first:
		return c.drop(1, "a quoted field does not end in its line, and not well after it: "+parse.Err.Error())
	}
	return c.drop(parse.Column, parse.Err.Error())
}

// drop gives up the current row, and goes back to the line after its first one: a quote too many in that line may have
// made the following rows a part of it.
func (c *csvRows) drop(column int, text string) error {
	_, rest, _ := bytes.Cut(c.raw, []byte("\n"))
	c.lines.giveBack(rest, c.lines.number-c.first)
	c.restart()
	return &rowError{c.first, column, text}
}
