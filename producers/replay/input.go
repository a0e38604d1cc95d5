package replay

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
)

// maxLine bounds a line, and a CSV row over several lines, in bytes.
const maxLine = 16 << 20

// readSize is the size of reads from a file, in bytes.
const readSize = 64 << 10

var (
	errStopped = errors.New("stopped")
	errTooLong = fmt.Errorf("is longer than %d MiB", maxLine>>20)
)

// input is an open file.
type input struct {
	name  string // For people.
	lines *lines
	file  *os.File // Nil for standard input.
}

// rowReader gives the data rows of a file: io.EOF after the last, a *rowError for a row that cannot be read. After any
// other error there are no more.
type rowReader interface {
	next() (row, error)
}

// row is one data row, valid until the next is asked for.
type row struct {
	values []string // By the columns of the format, without space around them; empty where the row has none.
	line   int
	column func(i int) int    // Where value i stands, in bytes from 1.
	bare   []bool             // Of values of JSON: those that are numbers or truths and no texts; nil elsewhere.
	wrong  []string           // Of values of JSON: why they are no text and no number; nil elsewhere.
	found  []bool             // Of paths into JSON: those that the row has; nil where the file has every column.
	near   func(i int) string // What the row has where path i leads to nothing; nil like found.
}

// rowError says why a row cannot be read.
type rowError struct {
	line, column int
	text         string
}

func (e *rowError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.text) }

// onceError is a problem of which only the first of its kind in a file is told; all are counted.
type onceError struct {
	bad         *rowError
	kind        string
	unknownType string // Of an event of which nobody knows what it is.
}

func (e *onceError) Error() string { return e.bad.Error() }

func (e *onceError) Unwrap() error { return e.bad }

// shownFile is the name of a file for people.
func shownFile(name string) string {
	if name == Stdin {
		return "standard input"
	}
	return name
}

// openInput opens the file, whose bytes are counted as they are read. What may block, all that is no regular file, ends
// with errStopped when stop is closed. The input returned is to be closed, with an error too.
func openInput(name string, read *atomic.Int64, stdin io.Reader, stop <-chan struct{}) (*input, error) {
	in := &input{name: name, lines: &lines{}}
	var raw io.Reader
	if name == Stdin {
		in.name = shownFile(name)
		raw = stdin
		if stop != nil {
			raw = &stoppable{r: stdin, stop: stop}
		}
	} else {
		file, blocks, err := openFile(name, stop)
		if err != nil {
			return in, err
		}
		in.file, raw = file, counting{file, read}
		if blocks {
			raw = &stoppable{r: raw, stop: stop} // A read that is left behind ends when the file is closed.
		}
	}
	unpacked, err := unpack(raw)
	if errors.Is(err, errParquet) {
		unpacked, err = in.openParquet(read)
	}
	if err != nil {
		return in, err
	}
	in.lines.r = unpacked
	return in, nil
}

// openParquet opens a Parquet file, as the lines that it is read as.
func (in *input) openParquet(read *atomic.Int64) (*bufio.Reader, error) {
	var info os.FileInfo
	var err error
	if in.file != nil {
		if info, err = in.file.Stat(); err != nil {
			return nil, err
		}
	}
	if info == nil || !info.Mode().IsRegular() {
		return nil, &foreignError{"a Parquet file", "it can be read from a file only, and not from a stream: save it and name the file"}
	}
	table, err := openParquet(countingAt{in.file, read}, info.Size())
	in.lines.parquet = table
	return bufio.NewReaderSize(table, readSize), err
}

// countingAt counts the bytes that are read here and there.
type countingAt struct {
	r io.ReaderAt
	n *atomic.Int64
}

func (c countingAt) ReadAt(p []byte, at int64) (int, error) {
	n, err := c.r.ReadAt(p, at)
	c.n.Add(int64(n))
	return n, err
}

// openFile opens a file and reports whether reads of it may have to be stopped. The open itself blocks for a pipe that
// nobody writes to: it is left behind when stop is closed, and ends when somebody does.
func openFile(name string, stop <-chan struct{}) (file *os.File, blocks bool, err error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, false, err
	}
	if stop == nil || info.Mode().IsRegular() {
		file, err = os.Open(name)
		return file, false, err
	}
	type result struct {
		file *os.File
		err  error
	}
	done := make(chan result)
	go func() {
		file, err := os.Open(name)
		select {
		case done <- result{file, err}:
		case <-stop:
			if err == nil {
				file.Close() // Nobody has read it.
			}
		}
	}()
	select {
	case got := <-done:
		return got.file, true, got.err
	case <-stop:
		return nil, false, errStopped
	}
}

// counting counts the bytes that are read.
type counting struct {
	r io.Reader
	n *atomic.Int64
}

func (c counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

func (in *input) close() {
	if in.lines.parquet != nil {
		in.lines.parquet.close()
	}
	if in.file != nil {
		in.file.Close() // It was only read.
	}
}

// stoppable ends with errStopped when stop is closed, even while a read blocks, which is then left behind.
type stoppable struct {
	r       io.Reader
	stop    <-chan struct{}
	buf     []byte // Not the caller's memory: a read that is left behind may still write to it.
	stopped bool
}

func (s *stoppable) Read(p []byte) (int, error) {
	if s.stopped {
		return 0, errStopped
	}
	if s.buf == nil {
		s.buf = make([]byte, readSize)
	}
	type read struct {
		n   int
		err error
	}
	done := make(chan read, 1) // Room for the answer: the read ends though nobody waits for it.
	buf := s.buf[:min(len(p), len(s.buf))]
	go func() {
		n, err := s.r.Read(buf)
		done <- read{n, err}
	}()
	select {
	case got := <-done:
		return copy(p, buf[:got.n]), got.err
	case <-s.stop:
		s.stopped = true
		return 0, errStopped
	}
}

// lines gives the lines of a file.
type lines struct {
	lastLine
	seen      seen
	lenient   lenient      // Of the current row.
	notes     []string     // What is to be said at the end of the file.
	delimiter byte         // What separates the fields of CSV; 0: find out.
	parquet   *parquetFile // Whose rows the lines are; nil for a text.
	r         *bufio.Reader
	number    int    // Of the last line given, from 1.
	partial   bool   // What piece gave last goes on.
	back      []byte // Whole lines that were given back.
	again     int    // The bytes of back that have been given again.
	long      []byte // The memory of lines longer than a read.
}

// want says which columns are read, to spare the others where that can be.
func (l *lines) want(columns []column) {
	if l.parquet != nil {
		l.parquet.only(columns)
	}
}

// next returns the next line with its end, valid until the next is asked for: io.EOF after the last, errTooLong for one
// longer than maxLine, which is left out. When the file cannot be read to its end the line that is cut off is left out.
func (l *lines) next() ([]byte, error) {
	if rest := l.back[l.again:]; len(rest) > 0 {
		end := bytes.IndexByte(rest, '\n') + 1
		if end == 0 {
			end = len(rest)
		}
		l.again += end
		l.number++
		return rest[:end:end], nil
	}
	line, err := l.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		line, err = l.nextLong(line)
	}
	switch {
	case err == nil, errors.Is(err, io.EOF) && len(line) > 0:
		l.number++
		return line, nil
	case errors.Is(err, errTooLong):
		l.number++
	}
	return nil, err
}

// piece returns the next line or, if it is longer than a read, a part of it: io.EOF after the last. It is for readers that
// do not call next.
func (l *lines) piece() ([]byte, error) {
	if l.again < len(l.back) {
		l.partial = false
		return l.next()
	}
	piece, err := l.r.ReadSlice('\n')
	if len(piece) > 0 && !l.partial {
		l.number++
	}
	l.partial = errors.Is(err, bufio.ErrBufferFull)
	if l.partial || errors.Is(err, io.EOF) && len(piece) > 0 {
		return piece, nil
	}
	return piece, err
}

// nextLong returns the line that begins with start and goes on.
func (l *lines) nextLong(start []byte) ([]byte, error) {
	l.long = append(l.long[:0], start...)
	tooLong := false
	for {
		more, err := l.r.ReadSlice('\n')
		tooLong = tooLong || len(l.long)+len(more) > maxLine
		if !tooLong {
			l.long = append(l.long, more...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case tooLong && (err == nil || errors.Is(err, io.EOF)):
			return nil, errTooLong
		default:
			return l.long, err
		}
	}
}

// giveBack makes next return the count whole lines again that it returned last. It copies them, if it does not have them
// still: what it costs does not depend on how much was given back before.
func (l *lines) giveBack(whole []byte, count int) {
	l.number -= count
	if l.again < len(l.back) { // The last lines are from there, all of them.
		l.again -= len(whole)
		return
	}
	l.back, l.again = append(l.back[:0], whole...), 0
}

// isBlank reports whether the line has nothing but its end.
func isBlank(line []byte) bool {
	return len(bytes.TrimRight(line, "\r\n")) == 0
}
