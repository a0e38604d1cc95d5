package replay

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"tidemark/producers"
)

// source is the producers.Source of a replay: it reads file after file, row after row.
type source struct {
	options Options
	format  *format
	hooks   hooks
	stop    <-chan struct{}
	call    *call
	pace    pace

	left  []string // Files not yet opened.
	file  *input   // The one that is read; nil between two.
	ended bool     // No file is left.

	rows     atomic.Int64 // Read; also asked for while a batch is on its way.
	good     int64        // Of which an event was made.
	skipped  int64
	problems []Problem
}

func newSource(o Options, stop <-chan struct{}) (*source, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	for _, name := range o.Files { // Before anything is sent.
		if name == Stdin {
			if o.Stdin == nil {
				return nil, errors.New("read standard input: there is none")
			}
			continue
		}
		if info, err := os.Stat(name); err != nil {
			return nil, fmt.Errorf("find the trace: %w", err)
		} else if info.IsDir() {
			return nil, fmt.Errorf("find the trace: %s is a folder", name)
		}
	}
	f := formatNamed(o.Format)
	return &source{
		options: o, format: f, stop: stop, call: newCall(f, o), pace: pace{speed: o.Speed}, left: o.Files,
		hooks: hooks{onProblem: o.OnProblem, onProgress: o.Progress},
	}, nil
}

// Next adds the events of the next rows.
func (s *source) Next(b *producers.Batch, limit int) error {
	for !b.Full(limit) {
		select {
		case <-s.stop:
			return io.EOF // The pump knows why.
		default:
		}
		if s.file == nil {
			if len(s.left) == 0 {
				s.ended = true
				return io.EOF
			}
			if err := s.open(s.left[0]); err != nil {
				return err
			}
			s.left = s.left[1:]
		}
		if err := s.row(b); err != nil {
			return err
		}
	}
	return nil
}

// open opens the next file.
func (s *source) open(name string) error {
	file, err := openInput(name, s.options.Stdin, s.stop)
	s.file = file
	if err == nil {
		file.rows, err = s.format.read(file.lines, s.format.columns)
	}
	return s.ending(err)
}

// row adds the event of one row, if it has one.
func (s *source) row(b *producers.Batch) error {
	if s.file == nil {
		return nil // It could not be opened.
	}
	r, err := s.file.rows.next()
	var bad *rowError
	if errors.As(err, &bad) {
		s.file.row++
		s.rows.Add(1)
		s.report(bad.line, bad.column, bad.text)
		return nil
	}
	if err != nil {
		return s.ending(err)
	}
	s.file.row++
	s.rows.Add(1)
	if column, text := s.call.set(s.format, r.values, s.file.row); text != "" {
		s.report(r.line, r.column(column), text)
		return nil
	}
	s.good++
	item, err := b.AddEvent(&s.call.event)
	if err != nil {
		return err
	}
	item.Due = s.pace.due(item.Time)
	return nil
}

// ending handles an error after which the file gives no more rows, and returns it unless the replay can go on.
func (s *source) ending(err error) error {
	if err == nil {
		return nil
	}
	name := s.file.name
	line := s.file.lines.number
	s.closeFile()
	var damaged *damagedError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, errStopped):
		return nil
	case errors.As(err, &damaged):
		s.reportIn(name, line+1, 0, damaged.Error()) // In the line after the last that was read.
		return nil
	}
	return fmt.Errorf("read %s: %w", name, err)
}

func (s *source) report(line, column int, text string) {
	s.reportIn(s.file.name, line, column, text)
}

func (s *source) reportIn(file string, line, column int, text string) {
	p := Problem{File: file, Line: line, Column: column, Text: text}
	s.skipped++
	if len(s.problems) < keptProblems {
		s.problems = append(s.problems, p)
	}
	s.hooks.problem(p)
}

func (s *source) closeFile() {
	if s.file != nil {
		s.file.close()
		s.file = nil
	}
}

func (s *source) close() { s.closeFile() }

// result is to be called when the pump is done.
func (s *source) result(truth *producers.Truth) Result {
	r := Result{Rows: s.rows.Load(), Sent: sent(truth), Skipped: s.skipped, Problems: s.problems, Truth: truth}
	if c := truth.Total(); c.Events > 0 {
		r.First, r.Last = time.UnixMicro(c.FirstTime).UTC(), time.UnixMicro(c.LastTime).UTC()
	}
	r.Interrupted = !s.ended || r.Sent < s.good
	return r
}
