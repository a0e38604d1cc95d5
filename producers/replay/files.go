package replay

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"

	"tidemark/producers"
	"tidemark/producers/formats"
	"tidemark/producers/formats/container"
	"tidemark/producers/formats/faults"
	"tidemark/producers/formats/fields"
	"tidemark/producers/formats/mapping"
	"tidemark/producers/formats/rows"
	"tidemark/schemas"
)

// filesReader reads files, merged by time.
type filesReader struct {
	*arranging
	options  Options
	settings formats.Settings
	files    []*file
	merge    merge
	done     atomic.Int64 // Bytes read of all files, packed.
	whole    int64        // Bytes of all files; 0 with standard input among them.
}

func newFilesReader(o Options, a *arranging) (*filesReader, error) {
	format := formats.Named(o.Format)
	r := &filesReader{options: o, settings: o.settings().Remembering(), arranging: a}
	names, err := expand(o.Files, format)
	if err != nil {
		return nil, err
	}
	known := true
	for _, name := range names { // Before anything is sent.
		f := &file{reader: r, name: name, found: !slices.Contains(o.Files, name)}
		r.files = append(r.files, f)
		if name == Stdin {
			if o.Stdin == nil {
				return nil, errors.New("read standard input: there is none")
			}
			known = false
			continue
		}
		info, err := stat(name)
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
	if format.Grows {
		a.byTime = a.byTime || len(r.files) > 1
		r.merge.streams = []stream{&arranged{arranging: a, in: &chain{files: r.files, late: true}, merger: &merger{arranging: a, grown: newGrown(a.tally)}}}
		return r, nil
	}
	if m := o.Mapping; m != nil && m.HasID() {
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
	if !r.merge.begun && !formats.Named(r.options.Format).Grows {
		for _, f := range r.files {
			if err := f.open(); err != nil {
				return err
			}
		}
	}
	return r.merge.fill(b, limit)
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
	found   bool   // It may be one of a folder: if it cannot be read, the others can.
	in      *input // Nil before it is opened and after its end.
	rows    formats.Rows
	row     uint64          // Data rows so far.
	read    uint64          // Data rows that next has read; those after it were only skimmed.
	counted uint64          // Data rows that were counted, and whose problems were reported, in a reading before this one.
	most    uint64          // Data rows to give; 0 is all.
	kinds   map[string]bool // Of the problems that were reported once.
}

func (f *file) canRestart() bool { return f.regular }

// restart goes back to the beginning, see restarter.
func (f *file) restart(same bool) error {
	f.close()
	if same {
		f.most = f.row
	}
	f.counted, f.row = max(f.counted, f.read), 0
	return f.open()
}

func (f *file) open() error {
	f.rows = nil
	in, err := openInput(f.name, &f.reader.done, f.reader.options.Stdin, f.reader.stop)
	f.in = in
	if err == nil {
		f.rows, err = formats.Named(f.reader.options.Format).Open(in.lines, f.reader.settings)
	}
	if err = f.ending(err); errors.Is(err, io.EOF) {
		return nil // It has no rows.
	}
	return err
}

// openFound opens a file when it is reached. That a file of a folder cannot be read is a problem, and no error.
func (f *file) openFound() error {
	err := f.open()
	if err == nil || errors.Is(err, errStopped) || !f.found {
		return err
	}
	f.reader.tally.problem(Problem{File: f.name, Text: errors.Unwrap(err).Error()})
	return nil
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
		e, err := f.rows.Next(f.row + 1)
		if err != nil && !goesOn(err) {
			return nil, f.ending(err)
		}
		f.row++
		f.read = max(f.read, f.row)
		fresh := f.row > f.counted
		switch {
		case err == nil && fresh:
			f.reader.tally.read(f.rows.Noted())
		case fresh:
			f.count(err)
		}
		if err == nil {
			return e, nil
		}
	}
	return nil, io.EOF
}

// skim returns identity and time of the next row that may make an event; can is false if the rows cannot be skimmed. It
// reports nothing: the reading after it does.
func (f *file) skim() (identity schemas.Identity, us int64, can bool, err error) {
	rows, can := f.rows.(formats.Skimmer)
	if !can || f.in == nil {
		return identity, 0, can, io.EOF
	}
	for {
		if isClosed(f.reader.stop) {
			return identity, 0, true, errStopped
		}
		identity, us, err = rows.Skim(f.row + 1)
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

// skimmed ends a skim and closes the file. The reading after it reports what is wrong with the file.
func (f *file) skimmed(err error) error {
	f.close()
	var damaged *container.DamagedError
	if errors.As(err, &damaged) {
		return io.EOF
	}
	return err
}

// line is the number of the line that was read last.
func (f *file) line() int {
	if f.in == nil {
		return 0
	}
	return f.in.lines.Number
}

// goesOn reports whether an error is about one row, after which there may be others.
func goesOn(err error) bool {
	var bad *faults.RowError
	var none *formats.NoCallError
	return errors.Is(err, formats.ErrJoined) || errors.As(err, &none) || errors.Is(err, fields.ErrNothing) || errors.Is(err, mapping.ErrLeftOut) || errors.Is(err, rows.ErrHeader) || errors.As(err, &bad)
}

// count counts a row that makes no event and was not counted before, and reports its problem.
func (f *file) count(err error) {
	t := f.reader.tally
	if errors.Is(err, rows.ErrHeader) { // It has a place, and so a number among the rows, and is none.
		t.headers++
		return
	}
	t.rows.Add(1)
	var bad *faults.RowError
	var once *faults.OnceError
	var none *formats.NoCallError
	switch {
	case errors.As(err, &none):
		t.noCall(none.Reason)
	case errors.Is(err, formats.ErrJoined):
		t.joined++
	case errors.Is(err, fields.ErrNothing):
		t.nothing++
	case errors.Is(err, mapping.ErrLeftOut):
		t.leftOut++
	case errors.As(err, &once) && f.again(once):
		t.skipped++
	case errors.As(err, &bad):
		t.problem(Problem{File: f.in.name, Line: bad.Line, Column: bad.Column, Text: bad.Text})
	}
}

// manyKinds is how many kinds of problems, and types of CloudEvents, are kept.
const manyKinds = 100

// again counts a problem, and reports whether one of its kind was reported before.
func (f *file) again(once *faults.OnceError) bool {
	if once.UnknownType != "" {
		f.reader.tally.unknownType(once.UnknownType)
	}
	if f.kinds == nil {
		f.kinds = map[string]bool{}
	}
	known := f.kinds[once.Kind] || len(f.kinds) >= manyKinds
	if !known {
		f.kinds[once.Kind] = true
	}
	return known
}

// ending closes the file after an error. It returns io.EOF if the replay can continue, and the error otherwise.
func (f *file) ending(err error) error {
	if err == nil {
		return nil
	}
	name, line := f.in.name, f.in.lines.Number
	if f.rows != nil && (f.row > f.counted || f.row == 0) {
		if seen := f.rows.Columns(); seen != nil {
			f.reader.tally.columns.Add(seen)
		}
	}
	if f.in.lines.Taken && f.row > f.counted {
		f.reader.tally.unended = append(f.reader.tally.unended, name)
	}
	if f.rows != nil && f.row > f.counted {
		for _, note := range f.rows.Notes() {
			f.reader.tally.notes = append(f.reader.tally.notes, name+": "+note)
		}
	}
	f.close()
	var damaged *container.DamagedError
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
