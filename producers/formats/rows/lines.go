package rows

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"tidemark/producers/formats/container"
)

// maxLine bounds a line, and a CSV row over several lines, in bytes.
const maxLine = 16 << 20

var errTooLong = fmt.Errorf("is longer than %d MiB", maxLine>>20)

// Lines reads the lines of a file. It is for one goroutine.
type Lines struct {
	LastLine
	Delimiter byte               // What separates the fields of CSV; 0: find out.
	Parquet   *container.Parquet // Whose rows the lines are; nil for a text.
	R         *bufio.Reader
	Number    int    // Of the last line given, from 1.
	partial   bool   // The line is longer than the piece that piece returned last.
	back      []byte // Whole lines that were given back.
	again     int    // The bytes of back that have been given again.
	long      []byte // The memory of lines longer than a read.
}

// want keeps a Parquet file from reading columns that nobody asks for.
func (l *Lines) want(columns []Column) {
	if l.Parquet != nil {
		var paths []string
		for _, c := range columns {
			paths = append(append(paths, c.Name), c.Others...)
		}
		l.Parquet.Only(paths)
	}
}

// next returns the next line with its line break, valid until the next call: io.EOF after the last, errTooLong for one
// longer than maxLine, which is skipped. If the file cannot be read to its end, the line that is cut off is left out.
func (l *Lines) next() ([]byte, error) {
	if rest := l.back[l.again:]; len(rest) > 0 {
		end := bytes.IndexByte(rest, '\n') + 1
		if end == 0 {
			end = len(rest)
		}
		l.again += end
		l.Number++
		return rest[:end:end], nil
	}
	line, err := l.R.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		line, err = l.nextLong(line)
	}
	switch {
	case err == nil, errors.Is(err, io.EOF) && len(line) > 0:
		l.Number++
		return line, nil
	case errors.Is(err, errTooLong):
		l.Number++
	}
	return nil, err
}

// piece returns the next line or, if it is longer than a read, a part of it: io.EOF after the last. Readers use either
// piece or next.
func (l *Lines) piece() ([]byte, error) {
	if l.again < len(l.back) {
		l.partial = false
		return l.next()
	}
	piece, err := l.R.ReadSlice('\n')
	if len(piece) > 0 && !l.partial {
		l.Number++
	}
	l.partial = errors.Is(err, bufio.ErrBufferFull)
	if l.partial || errors.Is(err, io.EOF) && len(piece) > 0 {
		return piece, nil
	}
	return piece, err
}

// nextLong returns a line longer than a read, which begins with start.
func (l *Lines) nextLong(start []byte) ([]byte, error) {
	l.long = append(l.long[:0], start...)
	tooLong := false
	for {
		more, err := l.R.ReadSlice('\n')
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

// giveBack makes next return the last count lines again; whole are their bytes. It copies them unless it still has
// them, so the cost does not depend on how much was given back before.
func (l *Lines) giveBack(whole []byte, count int) {
	l.Number -= count
	if l.again < len(l.back) { // The last lines are from there, all of them.
		l.again -= len(whole)
		return
	}
	l.back, l.again = append(l.back[:0], whole...), 0
}

// isBlank reports whether the line has nothing but its line break.
func isBlank(line []byte) bool {
	return len(bytes.TrimRight(line, "\r\n")) == 0
}
