package replay

import (
	"bufio"
	"errors"
	"io"
	"os"
	"sync/atomic"

	"tidemark/producers/formats/container"
	"tidemark/producers/formats/rows"
)

// readSize is the size of reads from a stream and from the temporary file, in bytes.
const readSize = 64 << 10

var errStopped = errors.New("stopped")

// input is an open file.
type input struct {
	name  string // For people.
	lines *rows.Lines
	file  *os.File // Nil for standard input and samples.
}

// shownFile is the name of a file in messages.
func shownFile(name string) string {
	if name == Stdin {
		return "standard input"
	}
	return name
}

// openInput opens a file and counts its bytes as they are read. Reads of anything but a regular file may block: they
// end with errStopped when stop is closed. Close the input, also after an error.
func openInput(name string, read *atomic.Int64, stdin io.Reader, stop <-chan struct{}) (*input, error) {
	in := &input{name: name, lines: &rows.Lines{}}
	var raw io.Reader
	sample, found := SampleOf(name)
	switch {
	case found:
		file, err := sampleFiles.Open(sample.path())
		if err != nil {
			return in, err
		}
		raw = counting{file, read} // It is in memory, so there is nothing to close.
	case name == Stdin:
		in.name = shownFile(name)
		raw = stdin
		if stop != nil {
			raw = &stoppable{r: stdin, stop: stop}
		}
	default:
		file, blocks, err := openFile(name, stop)
		if err != nil {
			return in, err
		}
		in.file, raw = file, counting{file, read}
		if blocks {
			raw = &stoppable{r: raw, stop: stop} // A read that is left behind ends when the file is closed.
		}
	}
	unpacked, err := container.Unpack(raw)
	if errors.Is(err, container.ErrParquet) {
		unpacked, err = in.openParquet(read)
	}
	if err != nil {
		return in, err
	}
	in.lines.R = unpacked
	return in, nil
}

// openParquet opens a Parquet file as JSON lines.
func (in *input) openParquet(read *atomic.Int64) (*bufio.Reader, error) {
	var info os.FileInfo
	var err error
	if in.file != nil {
		if info, err = in.file.Stat(); err != nil {
			return nil, err
		}
	}
	if info == nil || !info.Mode().IsRegular() {
		return nil, &container.ForeignError{What: "a Parquet file", Remedy: "it can be read from a file only, and not from a stream: save it and name the file"}
	}
	table, err := container.OpenParquet(countingAt{in.file, read}, info.Size())
	in.lines.Parquet = table
	return bufio.NewReaderSize(table, readSize), err
}

// countingAt counts the bytes of reads at any offset.
type countingAt struct {
	r io.ReaderAt
	n *atomic.Int64
}

func (c countingAt) ReadAt(p []byte, at int64) (int, error) {
	n, err := c.r.ReadAt(p, at)
	c.n.Add(int64(n))
	return n, err
}

// openFile opens a file and reports whether reads of it may block. The open of a pipe blocks until a program writes to
// the pipe: when stop is closed, the open goes on in the background.
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
	if in.lines.Parquet != nil {
		in.lines.Parquet.Close()
	}
	if in.file != nil {
		in.file.Close() // It was only read.
	}
}

// stoppable ends with errStopped when stop is closed. A read that blocks then goes on in the background.
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
