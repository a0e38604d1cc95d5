package rows

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"tidemark/producers/formats/container"
	"tidemark/producers/formats/faults"
)

// csvRows reads the rows of a CSV file with a header line. The csv.Reader gets its input line by line and so never
// reads ahead: when a row turns out to be broken, only its first line is lost, and the next row is read from the one
// after it.
//
// What separates the fields is lines.delimiter, which whoever opens the rows may set before, as a mapping does; where
// it is 0 it is a comma or, if the header has none of the columns with one but has some with it, the semicolon, tab or
// bar that is found there. A first line sep=; says it as well, as spreadsheets write it, and is no header.
//
// Files that were put together have their header in the middle, too: such a line is no row, and a byte-order mark
// before a row no part of it.
type csvRows struct {
	lines  *Lines
	reader *csv.Reader
	base   int // The lines before the first that reader has read.

	chunk []byte // What of the current line the reader has not taken yet.
	raw   []byte // The lines of the current row, to read them again without the first.
	first int    // The number of the first of them.

	columns []Column
	header  []string
	fields  []int // By column: its field; -1 if the file has none.
	names   int   // How many of the columns the file has.
	values  []string
	sign    []byte   // The longest of their names, which a header has to have.
	within  csvPaths // Columns that are paths into the JSON of a field.
	other   int      // The line of another header, under which the rows cannot be read; 0 for none.
}

// delimiters are those that are found out, a comma before all.
const delimiters = ";\t|"

// CSV reads rows of CSV with a header line, or those of a Parquet file. A required column that is missing is an error.
func CSV(l *Lines, columns []Column) (Reader, error) {
	if l.Parquet != nil {
		return readParquet(l, columns)
	}
	c := &csvRows{lines: l, columns: columns, values: make([]string, len(columns))}
	if err := c.readHeader(); err != nil {
		return nil, err
	}
	for _, want := range columns {
		field, rest := want.in(c.header), ""
		if field < 0 {
			field, rest = c.within.find(c.header, want.Name)
		}
		if field < 0 && want.Required {
			if endless(c.raw) {
				return nil, fmt.Errorf("line %d: there is no column %s, and the line has no end: is the file still being written?", l.Number, want.Name)
			}
			return nil, fmt.Errorf("line %d: there is no column %s%s", l.Number, want.Name, want.missing(c.header))
		}
		if field >= 0 && slices.Contains(c.header[field+1:], c.header[field]) {
			return nil, fmt.Errorf("line %d: the column %s is there twice", l.Number, want.Name)
		}
		if field >= 0 {
			c.names++
			if name := c.header[field]; len(name) > len(c.sign) {
				c.sign = []byte(name)
			}
		}
		c.fields = append(c.fields, field)
		c.within.add(rest)
	}
	return c, nil
}

// readParquet gives the rows of a Parquet file as if they were those of a CSV file.
func readParquet(l *Lines, columns []Column) (Reader, error) {
	for _, want := range columns {
		if want.Required && !l.Parquet.Has(want.Name) {
			return nil, fmt.Errorf("there is no column %s%s", want.Name, want.missing(l.Parquet.Names()))
		}
	}
	return Paths(l, columns)
}

// readHeader reads the names of the columns, and finds out what separates them.
func (c *csvRows) readHeader() error {
	c.restart()
	header, err := c.reader.Read()
	if said, is := separator(c.raw); is && err == nil {
		if c.lines.Delimiter == 0 {
			c.lines.Delimiter = said
		}
		c.raw = c.raw[:0]
		c.restart()
		header, err = c.reader.Read()
	}
	if errors.Is(err, io.EOF) {
		return errors.New("the file is empty; it should begin with the names of the columns")
	}
	trimmed := trimAll(header)
	if c.lines.Delimiter == 0 && (err != nil || !slices.ContainsFunc(c.columns, func(want Column) bool { return want.in(trimmed) >= 0 })) {
		if other := c.otherDelimiter(); other != nil {
			trimmed, err = other, nil
		}
	}
	if start := bytes.TrimLeft(c.raw, " \t\r\n"); bytes.HasPrefix(start, []byte("{")) || bytes.HasPrefix(start, []byte("[{")) {
		return fmt.Errorf("line %d: the file is JSON and not CSV: replay it as jsonl", max(c.lines.Number, 1))
	}
	if err != nil {
		return fmt.Errorf("line %d with the names of the columns: %w", max(c.lines.Number, 1), err)
	}
	c.header = slices.Clone(trimmed)
	for i := range c.header {
		c.header[i] = strings.Clone(c.header[i])
	}
	return nil
}

// separator returns what a line like sep=; says.
func separator(line []byte) (byte, bool) {
	text := strings.Trim(strings.TrimRight(string(line), "\r\n"), `"`)
	said, is := strings.CutPrefix(text, "sep=")
	if !is || len(said) != 1 {
		return 0, false
	}
	return said[0], true
}

// otherDelimiter looks for the columns in the header with each of the delimiters, and takes the one with which it has
// most of them. It returns the header; nil if none has one.
func (c *csvRows) otherDelimiter() []string {
	var best []string
	most := 0
	for i := range len(delimiters) {
		reader := csv.NewReader(bytes.NewReader(c.raw))
		reader.Comma = rune(delimiters[i])
		header, err := reader.Read()
		if err != nil {
			continue
		}
		trimAll(header)
		has := 0
		for _, want := range c.columns {
			if want.in(header) >= 0 {
				has++
			}
		}
		if has > most {
			best, most, c.lines.Delimiter = header, has, delimiters[i]
		}
	}
	if best != nil {
		c.restart()
	}
	return best
}

func trimAll(fields []string) []string {
	for i := range fields {
		fields[i] = strings.TrimSpace(fields[i])
	}
	return fields
}

// restart makes a CSV reader that begins at the next line.
func (c *csvRows) restart() {
	c.reader = csv.NewReader(c)
	c.reader.FieldsPerRecord = -1 // The width is checked here.
	c.reader.ReuseRecord = true
	if c.lines.Delimiter != 0 {
		c.reader.Comma = rune(c.lines.Delimiter)
	}
	c.base, c.chunk = c.lines.Number, nil
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
				c.first = c.lines.Number
				line = bytes.TrimPrefix(line, []byte(container.ByteOrderMark))
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

func (c *csvRows) Next() (Row, error) {
	for {
		c.raw = c.raw[:0]
		record, err := c.reader.Read()
		if err != nil {
			return Row{}, c.broken(err)
		}
		if len(record) == 1 && strings.TrimSpace(record[0]) == "" && len(c.header) > 1 {
			continue // Spaces only.
		}
		line, _ := c.reader.FieldPos(0)
		line += c.base
		if c.lines.row(c.raw) {
			return Row{}, &faults.RowError{Line: line, Column: 1, Text: unended}
		}
		if c.isHeader(record) {
			c.other = 0
			return Row{}, ErrHeader
		}
		if c.isOther(record) {
			c.other = line
			return Row{}, &faults.RowError{Line: line, Column: 1, Text: "the line names the columns again, and not as the header does: the rows after it are left out; replay them as a file of their own"}
		}
		if c.other > 0 {
			return Row{}, &faults.OnceError{Kind: "other header", Bad: &faults.RowError{Line: line, Column: 1, Text: fmt.Sprintf("the row is left out, since line %d names other columns", c.other)}}
		}
		if len(record) != len(c.header) {
			return Row{}, c.drop(1, fmt.Sprintf("the number of fields is %d, and %d in the header", len(record), len(c.header)))
		}
		for i, field := range c.fields {
			if field >= 0 {
				c.values[i] = strings.TrimSpace(record[field])
			}
		}
		r := Row{Values: c.values, Line: line, Column: c.column}
		c.within.read(&r, record, c.fields)
		return r, nil
	}
}

// ErrHeader is the error of Next for a line that repeats the header: it is not a row, but has a number among the rows.
var ErrHeader = errors.New("the header again")

// isHeader reports whether the record repeats the header.
func (c *csvRows) isHeader(record []string) bool {
	if len(record) != len(c.header) {
		return false
	}
	for i, name := range c.header {
		if record[i] != name && strings.TrimSpace(record[i]) != name {
			return false
		}
	}
	return true
}

// isOther reports whether the record is another header: one that names all columns in use.
func (c *csvRows) isOther(record []string) bool {
	const few = 2 // A single name may be a value.
	if c.names < few || len(record) < c.names || !bytes.Contains(c.raw, c.sign) {
		return false
	}
	for _, field := range c.fields {
		if field >= 0 && !slices.Contains(record, c.header[field]) {
			return false
		}
	}
	return true
}

func (c *csvRows) column(i int) int {
	if c.fields[i] < 0 {
		return 1
	}
	_, column := c.reader.FieldPos(c.fields[i])
	return column
}

// broken turns an error of the CSV reader into one about the row.
func (c *csvRows) broken(err error) error {
	var parse *csv.ParseError
	isParse := errors.As(err, &parse)
	switch {
	case errors.Is(err, errTooLong) && len(c.raw) == 0:
		c.restart()
		return &faults.RowError{Line: c.lines.Number, Column: 1, Text: "the line " + err.Error()}
	case errors.Is(err, errTooLong):
		return c.drop(1, "a quoted field does not end in its line, and the row "+err.Error())
	case !isParse:
		return err
	case c.lines.Number == c.first && c.lines.row(c.raw):
		return c.drop(1, unended)
	case c.lines.Number > c.first:
		return c.drop(1, "a quoted field does not end in its line, and not well after it: "+parse.Err.Error())
	}
	return c.drop(parse.Column, parse.Err.Error())
}

// drop gives up the current row, and continues with the line after its first one: a stray quote in that line may have
// made the following rows a part of it.
func (c *csvRows) drop(column int, text string) error {
	_, rest, _ := bytes.Cut(c.raw, []byte("\n"))
	c.lines.giveBack(rest, c.lines.Number-c.first)
	c.restart()
	return &faults.RowError{Line: c.first, Column: column, Text: text}
}
