package replay

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"tidemark/producers"
	"tidemark/schemas"
)

// filesReader reads files, merged by time.
type filesReader struct {
	options Options
	tally   *tally
	stop    <-chan struct{}
	files   []*file
	merge   merge
	done    atomic.Int64 // Bytes read of all files, packed.
	whole   int64        // Bytes of all files; 0 with standard input among them.
}

func newFilesReader(o Options, t *tally, stop <-chan struct{}) (*filesReader, error) {
	r := &filesReader{options: o, tally: t, stop: stop}
	known := true
	for _, name := range o.Files { // Before anything is sent.
		r.files = append(r.files, &file{reader: r, name: name})
		if name == Stdin {
			if o.Stdin == nil {
				return nil, errors.New("read standard input: there is none")
			}
			known = false
			continue
		}
		info, err := os.Stat(name)
		if err != nil {
			return nil, fmt.Errorf("find the trace: %w", err)
		}
		if info.IsDir() {
			return nil, fmt.Errorf("find the trace: %s is a folder", name)
		}
		r.whole += info.Size()
		known = known && info.Mode().IsRegular()
	}
	if !known {
		r.whole = 0
	}
	for _, f := range r.files {
		r.merge.streams = append(r.merge.streams, f)
	}
	return r, nil
}

// Next adds the events of the next rows.
func (r *filesReader) Next(b *producers.Batch, limit int) error {
	if !r.merge.begun {
		for _, f := range r.files {
			if err := f.open(); err != nil {
				return err
			}
		}
	}
	for !b.Full(limit) {
		e, err := r.merge.next()
		if err != nil {
			return err
		}
		if err := addEvent(b, e); err != nil {
			return err
		}
	}
	return nil
}

func (r *filesReader) read() (done, whole int64) { return r.done.Load(), r.whole }

func (r *filesReader) close() {
	for _, f := range r.files {
		f.close()
	}
}

// file is the stream of one file.
type file struct {
	reader *filesReader
	name   string
	in     *input // Nil before it is opened and after its end.
	rows   rows
	row    uint64 // Data rows so far.
}

// rows gives the events of the data rows of a file.
type rows interface {
	// next returns the event of the next data row, which is the nth, from 1, valid until next is called again: a *rowError
	// for a row that gives none, errNothing for one that is to give none, io.EOF after the last. After any other error there
	// are no more.
	next(n uint64) (schemas.Event, error)
}

func (f *file) open() error {
	in, err := openInput(f.name, &f.reader.done, f.reader.options.Stdin, f.reader.stop)
	f.in = in
	if err == nil {
		f.rows, err = formatNamed(f.reader.options.Format).open(in.lines, f.reader.options)
	}
	if err = f.ending(err); errors.Is(err, io.EOF) {
		return nil // It has no rows.
	}
	return err
}

// next returns the event of the next row that has one.
func (f *file) next() (schemas.Event, error) {
	for f.in != nil {
		if isClosed(f.reader.stop) {
			return nil, errStopped
		}
		e, err := f.rows.next(f.row + 1)
		var bad *rowError
		isBad := errors.As(err, &bad)
		isNothing := errors.Is(err, errNothing)
		if err != nil && !isBad && !isNothing {
			return nil, f.ending(err)
		}
		f.row++
		f.reader.tally.rows.Add(1)
		if isNothing {
			f.reader.tally.nothing++
			continue
		}
		if !isBad {
			return e, nil
		}
		f.reader.tally.problem(Problem{File: f.in.name, Line: bad.line, Column: bad.column, Text: bad.text})
	}
	return nil, io.EOF
}

// ending closes the file after an error, which is returned unless the replay can go on; io.EOF then.
func (f *file) ending(err error) error {
	if err == nil {
		return nil
	}
	name, line := f.in.name, f.in.lines.number
	f.close()
	var damaged *damagedError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, errStopped):
		return err
	case errors.As(err, &damaged):
		// In the line after the last that was read.
		f.reader.tally.problem(Problem{File: name, Line: line + 1, Text: damaged.Error()})
		return io.EOF
	}
	return fmt.Errorf("read %s: %w", name, err)
}

func (f *file) close() {
	if f.in != nil {
		f.in.close()
		f.in = nil
	}
}
