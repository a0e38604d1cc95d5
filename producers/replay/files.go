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
	*arranging
	options Options
	files   []*file
	merge   merge
	done    atomic.Int64 // Bytes read of all files, packed.
	whole   int64        // Bytes of all files; 0 with standard input among them.
}

func newFilesReader(o Options, a *arranging) (*filesReader, error) {
	r := &filesReader{options: o, arranging: a}
	known := true
	for _, name := range o.Files { // Before anything is sent.
		f := &file{reader: r, name: name}
		r.files = append(r.files, f)
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
		f.regular = info.Mode().IsRegular()
		known = known && f.regular
	}
	if !known {
		r.whole = 0
	}
	if m := o.Mapping; m != nil && len(m.id) > 0 {
		a.byTime = a.byTime || len(r.files) > 1 // As they would be merged.
		r.merge.streams = []stream{&arranged{arranging: a, in: &chain{files: r.files}, merger: newMerger(a, r.files, m)}}
		return r, nil
	}
	for _, f := range r.files {
		r.merge.streams = append(r.merge.streams, r.inOrder(f))
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
	r.temp.close()
}

// file is the stream of one file.
type file struct {
	reader  *filesReader
	name    string
	regular bool
	in      *input // Nil before it is opened and after its end.
	rows    rows
	row     uint64          // Data rows so far.
	read    uint64          // Data rows that next has read; those after it were only skimmed.
	told    uint64          // Data rows that were counted, and whose problems were told, in a reading before this one.
	most    uint64          // Data rows to give; 0 is all.
	kinds   map[string]bool // Of the problems that were told once.
}

func (f *file) canRestart() bool { return f.regular }

// restart goes back to the beginning, see restarter.
func (f *file) restart(same bool) error {
	f.close()
	if same {
		f.most = f.row
	}
	f.told, f.row = max(f.told, f.read), 0
	return f.open()
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
		in.lines.lastLine = f.reader.options.lastLine()
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
		if f.most > 0 && f.row == f.most {
			return nil, f.ending(io.EOF) // What came since was not looked through.
		}
		f.in.lines.lenient.reset()
		e, err := f.rows.next(f.row + 1)
		if err != nil && !goesOn(err) {
			return nil, f.ending(err)
		}
		f.row++
		f.read = max(f.read, f.row)
		fresh := f.row > f.told
		switch {
		case err == nil && fresh:
			f.reader.tally.read(&f.in.lines.lenient)
		case fresh:
			f.count(err)
		}
		if err == nil {
			return e, nil
		}
	}
	return nil, io.EOF
}

// skimmer is rows of which identity and time can be had for less than their events.
type skimmer interface {
	// skim is next for a row of which nothing else is wanted: *rowError, errNothing and errLeftOut are told by a later next.
	skim(n uint64) (schemas.Identity, int64, error)
}

// skim returns identity and time of the next row that may have an event; false if the rows have no skimmer. What is told of
// rows is left to a reading after this one.
func (f *file) skim() (identity schemas.Identity, us int64, can bool, err error) {
	rows, can := f.rows.(skimmer)
	if !can || f.in == nil {
		return identity, 0, can, io.EOF
	}
	for {
		if isClosed(f.reader.stop) {
			return identity, 0, true, errStopped
		}
		identity, us, err = rows.skim(f.row + 1)
		switch {
		case err == nil:
			f.row++
			return identity, us, true, nil
		case !goesOn(err):
			return identity, 0, true, f.skimmed(err)
		}
		f.row++
	}
}

// skimmed ends a skim: the file is closed, and what is wrong with it told by a reading after this one.
func (f *file) skimmed(err error) error {
	f.close()
	var damaged *damagedError
	if errors.As(err, &damaged) {
		return io.EOF
	}
	return err
}

// line is the line that was read last.
func (f *file) line() int {
	if f.in == nil {
		return 0
	}
	return f.in.lines.number
}

// goesOn reports whether there may be rows after the one that the error is about.
func goesOn(err error) bool {
	var bad *rowError
	return errors.Is(err, errNothing) || errors.Is(err, errLeftOut) || errors.Is(err, errHeader) || errors.As(err, &bad)
}

// count counts a row that gives no event and was not counted before, and tells its problem.
func (f *file) count(err error) {
	t := f.reader.tally
	if errors.Is(err, errHeader) { // It has a place, and so a number among the rows, and is none.
		t.headers++
		return
	}
	t.rows.Add(1)
	var bad *rowError
	var once *onceError
	switch {
	case errors.Is(err, errNothing):
		t.nothing++
	case errors.Is(err, errLeftOut):
		t.leftOut++
	case errors.As(err, &once) && f.again(once):
		t.skipped++
	case errors.As(err, &bad):
		t.problem(Problem{File: f.in.name, Line: bad.line, Column: bad.column, Text: bad.text})
	}
}

// manyKinds bounds what is kept of kinds of problems and types.
const manyKinds = 100

// again reports whether a problem of that kind was told before, and counts it.
func (f *file) again(once *onceError) bool {
	if once.unknownType != "" {
		f.reader.tally.unknownType(once.unknownType)
	}
	if f.kinds == nil {
		f.kinds = map[string]bool{}
	}
	told := f.kinds[once.kind] || len(f.kinds) >= manyKinds
	if !told {
		f.kinds[once.kind] = true
	}
	return told
}

// ending closes the file after an error, which is returned unless the replay can go on; io.EOF then.
func (f *file) ending(err error) error {
	if err == nil {
		return nil
	}
	name, line := f.in.name, f.in.lines.number
	if f.row > f.told || f.row == 0 {
		f.reader.tally.columns.add(&f.in.lines.seen)
	}
	if f.in.lines.taken && f.row > f.told {
		f.reader.tally.unended = append(f.reader.tally.unended, name)
	}
	if f.row > f.told {
		for _, note := range f.in.lines.notes {
			f.reader.tally.notes = append(f.reader.tally.notes, name+": "+note)
		}
	}
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
