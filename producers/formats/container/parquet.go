package container

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
	pq "github.com/parquet-go/parquet-go/format"

	"tidemark/producers/formats/faults"
)

// ErrParquet is the error of Unpack for a Parquet file.
var ErrParquet = errors.New("a Parquet file")

// Parquet reads a Parquet file as JSON lines, one a row: columns by their names, groups as objects, lists as arrays.
type Parquet struct {
	file   *parquet.File
	root   parquetNode
	wanted func(column string) bool // Of the top; nil for all.

	groups []parquet.RowGroup // Not read to their end; the first is being read.
	left   int64              // Rows of it.
	leaves []*parquetLeaf     // By column; nil for one that nobody wants.
	values [][]parquet.Value  // Of the current row, by column.
	line   []byte             // The memory of the current row.
	rest   []byte             // What of it was not given yet.
}

// OpenParquet opens a Parquet file of that size. r must stay open until Close. What the file holds cannot be read from
// a stream.
func OpenParquet(r io.ReaderAt, size int64) (p *Parquet, err error) {
	defer func() {
		cause := recovered(recover(), err)
		if _, known := errors.AsType[*ForeignError](cause); cause != nil && !known {
			p, err = nil, &ForeignError{"a Parquet file that is damaged or cut off (" + faults.Printable(cause.Error()) + ")", "copy or write it again"}
		}
	}()
	file, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, err
	}
	if name := lz4Column(file); name != "" {
		return nil, &ForeignError{"a Parquet file with columns packed with LZ4, as " + faults.Quote(name) + " is", "write it with zstd, snappy or gzip"}
	}
	p = &Parquet{file: file, groups: file.RowGroups()}
	leaves := 0
	if p.root, err = newParquetNode(file.Schema(), 0, 0, &leaves); err != nil {
		return nil, err
	}
	if leaves == 0 {
		return nil, errors.New("it has no columns")
	}
	p.values = make([][]parquet.Value, leaves)
	return p, nil
}

// lz4Column returns the name of a column that is packed with LZ4, which the library unpacks to zeros; empty if there is
// none.
func lz4Column(file *parquet.File) string {
	for _, group := range file.Metadata().RowGroups {
		for _, c := range group.Columns {
			if codec := c.MetaData.Codec; codec == pq.Lz4Raw || codec == pq.Lz4 {
				return strings.Join(c.MetaData.PathInSchema, ".")
			}
		}
	}
	return ""
}

// recovered returns a panic as an error, or err if there was none: the library panics on some damaged files.
func recovered(panicked any, err error) error {
	if panicked != nil {
		return fmt.Errorf("%v", panicked)
	}
	return err
}

// Only makes Read leave out all columns but those that the paths name or lead into. Call it before the first Read.
func (p *Parquet) Only(paths []string) {
	p.wanted = func(name string) bool {
		return slices.ContainsFunc(paths, func(path string) bool { return path == name || strings.HasPrefix(path, name+".") })
	}
}

// Has reports whether there is a column at a path.
func (p *Parquet) Has(path string) bool { return p.root.has(path) }

// Names are the names of the top columns.
func (p *Parquet) Names() []string {
	names := make([]string, len(p.root.children))
	for i := range p.root.children {
		names[i] = p.root.children[i].name
	}
	return names
}

// Read reads the rows as JSON lines.
func (p *Parquet) Read(b []byte) (n int, err error) {
	if len(p.rest) == 0 {
		if err := p.next(); err != nil {
			return 0, err
		}
	}
	n = copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// next puts the next row into p.rest.
func (p *Parquet) next() (err error) {
	defer func() {
		if err = recovered(recover(), err); err != nil && !errors.Is(err, io.EOF) {
			err = &DamagedError{"Parquet", errors.New(faults.Printable(err.Error()))}
		}
	}()
	for p.left == 0 {
		if err := p.turn(); err != nil {
			return err
		}
	}
	p.left--
	for i, leaf := range p.leaves {
		if leaf == nil {
			continue
		}
		if p.values[i], err = leaf.row(p.values[i][:0]); err != nil {
			return noEOF(err)
		}
	}
	p.line = append(p.line[:0], '{')
	any := false
	for i := range p.root.children {
		child := &p.root.children[i]
		if p.wanted != nil && !p.wanted(child.name) {
			continue
		}
		if any {
			p.line = append(p.line, ',')
		}
		any = true
		p.line = append(appendText(p.line, child.name), ':')
		if p.line, err = child.append(p.line, p.values); err != nil {
			return err
		}
	}
	p.line = append(p.line, '}', '\n')
	p.rest = p.line
	return nil
}

// turn begins the next group of rows.
func (p *Parquet) turn() error {
	for _, leaf := range p.leaves {
		if leaf != nil {
			leaf.pages.Close() // It was only read.
		}
	}
	p.leaves = nil
	if len(p.groups) == 0 {
		return io.EOF
	}
	group := p.groups[0]
	p.groups = p.groups[1:]
	chunks := group.ColumnChunks()
	if len(chunks) != len(p.values) {
		return fmt.Errorf("a group of rows has %d columns of %d", len(chunks), len(p.values))
	}
	p.leaves = make([]*parquetLeaf, len(chunks))
	for i := range p.root.children {
		child := &p.root.children[i]
		if p.wanted != nil && !p.wanted(child.name) {
			continue
		}
		for at := child.first; at < child.last; at++ {
			p.leaves[at] = &parquetLeaf{pages: chunks[at].Pages(), buffer: make([]parquet.Value, parquetValues)}
		}
	}
	p.left = group.NumRows()
	return nil
}

// Close ends the reading. It does not close what OpenParquet was given.
func (p *Parquet) Close() {
	p.groups = nil
	_ = p.turn() // It closes what is open.
}

// parquetValues is how many values of a column are read at a time.
const parquetValues = 256

// parquetLeaf reads the values of one column.
type parquetLeaf struct {
	pages  parquet.Pages
	page   parquet.Page
	values parquet.ValueReader
	buffer []parquet.Value
	ready  []parquet.Value // What of the buffer was not taken yet.
}

// row appends the values of the next row to those given: they are valid until the next call.
func (l *parquetLeaf) row(row []parquet.Value) ([]parquet.Value, error) {
	for {
		for len(l.ready) > 0 {
			if len(row) > 0 && l.ready[0].RepetitionLevel() == 0 {
				return row, nil
			}
			row = append(row, l.ready[0])
			l.ready = l.ready[1:]
		}
		for i := range row { // What they point to goes away.
			row[i] = row[i].Clone()
		}
		err := l.fill()
		if errors.Is(err, io.EOF) && len(row) > 0 {
			return row, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// fill reads on.
func (l *parquetLeaf) fill() error {
	for {
		if l.values == nil {
			var err error
			if l.page, err = l.pages.ReadPage(); err != nil {
				return err
			}
			l.values = l.page.Values()
		}
		n, err := l.values.ReadValues(l.buffer)
		l.ready = l.buffer[:n]
		if errors.Is(err, io.EOF) || err == nil && n == 0 {
			if n > 0 {
				return nil // The end shows again.
			}
			parquet.Release(l.page)
			l.values, l.page = nil, nil
			continue
		}
		return err
	}
}
