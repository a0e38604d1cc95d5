package replay

import (
	"bufio"
	"bytes"
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// sortMemory is the memory of what is put in order, in bytes: that of the sorter that is being filled, of the one that
// it is filled from, and of all that wait to be sent; each of the three has as much.
const sortMemory = 32 << 20

// sortKey is what records are sorted by: two numbers of 8 bytes, or an identity and one, as bytes in their order.
type sortKey [24]byte

// timeKey orders by time, microseconds since 1970, then by the number n of the event.
func timeKey(us int64, n uint64) (k sortKey) {
	binary.BigEndian.PutUint64(k[:], uint64(us)^1<<63) // Times before 1970 come first.
	binary.BigEndian.PutUint64(k[8:], n)
	return k
}

// identityKey brings what has one identity together, in the order of its numbers.
func identityKey(identity [16]byte, n uint64) (k sortKey) {
	copy(k[:], identity[:])
	binary.BigEndian.PutUint64(k[16:], n)
	return k
}

// number is the last number of an identityKey.
func (k sortKey) number() uint64 { return binary.BigEndian.Uint64(k[16:]) }

// sorter is an external merge sort: it holds records until they take sortMemory, then writes them, sorted, as one run
// after the other to a temporary file, and merges the runs at the end. It reads each run with a part of sortMemory, of
// at least minRead, which is more than sortMemory only with more than 8192 runs: 256 GB.
type sorter struct {
	temp  *tempFile
	limit int // Bytes of memory.
	data  []byte
	index []sortEntry
	runs  []sortRun
	count int64
}

// sortEntry is where the record with that key is in the data of a sorter.
type sortEntry struct {
	key      sortKey
	at, size uint32
}

// entrySize is the memory of a sortEntry, in bytes.
const entrySize = 32

// sortRun is where a run is in the file.
type sortRun struct{ at, size int64 }

const minRead = 4 << 10

// used is the memory that the records take.
func (s *sorter) used() int { return len(s.data) + entrySize*len(s.index) }

// fits reports whether a record of that size can be added without writing to the file.
func (s *sorter) fits(size int) bool {
	return len(s.index) == 0 || s.used()+size+entrySize <= s.limit
}

// add adds a copy of the record.
func (s *sorter) add(key sortKey, record []byte) error {
	if !s.fits(len(record)) {
		if err := s.spill(); err != nil {
			return err
		}
	}
	s.index = append(s.index, sortEntry{key: key, at: uint32(len(s.data)), size: uint32(len(record))})
	s.data = append(s.data, record...)
	s.count++
	return nil
}

// reset forgets all records and frees their memory.
func (s *sorter) reset() { s.data, s.index, s.runs, s.count = nil, nil, nil, 0 }

func (s *sorter) sort() {
	slices.SortFunc(s.index, func(a, b sortEntry) int {
		return cmp.Or(bytes.Compare(a.key[:], b.key[:]), cmp.Compare(a.at, b.at))
	})
}

// Header of a record in a run: the key and the size.
const recordHeader = len(sortKey{}) + 4

// spill writes the records in memory as a run, and keeps the memory for the next.
func (s *sorter) spill() error {
	s.sort()
	out, at, err := s.temp.writer()
	if err != nil {
		return err
	}
	var size int64
	var header [recordHeader]byte
	for _, e := range s.index {
		copy(header[:], e.key[:])
		binary.BigEndian.PutUint32(header[len(e.key):], e.size)
		for _, part := range [][]byte{header[:], s.data[e.at : e.at+e.size]} {
			if _, err := out.Write(part); err != nil {
				return s.temp.failed(err)
			}
			size += int64(len(part))
		}
	}
	if err := out.Flush(); err != nil {
		return s.temp.failed(err)
	}
	s.runs = append(s.runs, sortRun{at, size})
	s.data, s.index = s.data[:0], s.index[:0]
	return nil
}

// sorted gives the records of a sorter by their keys. Its next returns io.EOF after the last; the record is valid until
// the next call.
type sorted interface {
	next() (sortKey, []byte, error)
}

// sorted returns the records, which stay in memory if they are there and keep is true. Nothing can be added after it.
func (s *sorter) sorted(keep bool) (sorted, error) {
	if len(s.runs) == 0 && keep {
		s.sort()
		return &inMemory{sorter: s}, nil
	}
	if len(s.index) > 0 {
		if err := s.spill(); err != nil {
			return nil, err
		}
	}
	s.data, s.index = nil, nil
	m := &runMerge{temp: s.temp}
	size := min(max(s.limit/max(len(s.runs), 1), minRead), readSize)
	for _, run := range s.runs {
		r := &runReader{in: bufio.NewReaderSize(io.NewSectionReader(s.temp.file, run.at, run.size), size)}
		if err := r.advance(); err != nil {
			return nil, s.temp.failed(err)
		}
		m.heads = append(m.heads, r)
	}
	heap.Init(&m.heads)
	return m, nil
}

// inMemory gives records that were never written.
type inMemory struct {
	*sorter
	given int
}

func (m *inMemory) next() (sortKey, []byte, error) {
	if m.given == len(m.index) {
		m.reset()
		m.given = 0
		return sortKey{}, nil, io.EOF
	}
	e := m.index[m.given]
	m.given++
	return e.key, m.data[e.at : e.at+e.size], nil
}

// runMerge merges runs.
type runMerge struct {
	temp  *tempFile
	heads runHeads
	begun bool
}

func (m *runMerge) next() (sortKey, []byte, error) {
	if m.begun && len(m.heads) > 0 { // The record that was given last may be overwritten now.
		err := m.heads[0].advance()
		switch {
		case errors.Is(err, io.EOF):
			heap.Pop(&m.heads)
		case err != nil:
			return sortKey{}, nil, m.temp.failed(err)
		default:
			heap.Fix(&m.heads, 0)
		}
	}
	m.begun = true
	if len(m.heads) == 0 {
		return sortKey{}, nil, io.EOF
	}
	return m.heads[0].key, m.heads[0].record, nil
}

// runReader reads a run.
type runReader struct {
	in     *bufio.Reader
	key    sortKey
	record []byte
}

// advance reads the next record: io.EOF if there is none.
func (r *runReader) advance() error {
	var header [recordHeader]byte
	if _, err := io.ReadFull(r.in, header[:]); err != nil {
		return err
	}
	copy(r.key[:], header[:])
	size := int(binary.BigEndian.Uint32(header[len(r.key):]))
	r.record = slices.Grow(r.record[:0], size)[:size]
	if _, err := io.ReadFull(r.in, r.record); err != nil {
		return fmt.Errorf("a record is cut off: %w", io.ErrUnexpectedEOF)
	}
	return nil
}

// runHeads is a heap by key.
type runHeads []*runReader

func (h runHeads) Len() int           { return len(h) }
func (h runHeads) Less(i, j int) bool { return bytes.Compare(h[i].key[:], h[j].key[:]) < 0 }
func (h runHeads) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push is for package heap, and not used.
func (h *runHeads) Push(any) {}

// Pop is for package heap.
func (h *runHeads) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// tempFile is the temporary file of all sorters of a replay. The zero value is ready.
type tempFile struct {
	file *os.File // Nil before it is needed.
	name string   // Where it has to be removed; empty when it is.
	size int64
	out  *bufio.Writer
}

// writer returns what appends to the file, and where that begins.
func (t *tempFile) writer() (*bufio.Writer, int64, error) {
	if t.file == nil {
		file, err := os.CreateTemp("", "tidemark-replay-*")
		if err != nil {
			return nil, 0, t.failed(err)
		}
		t.file, t.name = file, file.Name()
		// Without a name it goes away with the process, however that ends. Where a file in use cannot be removed, close
		// does.
		if os.Remove(t.name) == nil {
			t.name = ""
		}
	}
	if t.out == nil {
		t.out = bufio.NewWriterSize(t, readSize)
	}
	return t.out, t.size, nil
}

// Write appends to the file.
func (t *tempFile) Write(p []byte) (int, error) {
	n, err := t.file.WriteAt(p, t.size)
	t.size += int64(n)
	return n, err
}

// failed adds to an error what the file is for and what to do.
func (t *tempFile) failed(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err // Its name says nothing: the file may have none.
	}
	return fmt.Errorf("put the events in order with a temporary file in %s: %w; set TMPDIR to a folder with room for about the size of the files, unpacked", os.TempDir(), err)
}

func (t *tempFile) close() {
	if t.file == nil {
		return
	}
	t.file.Close() // Nothing in it is wanted any more.
	if t.name != "" {
		_ = os.Remove(t.name) // What is left then is the folder's to clean up.
	}
}
