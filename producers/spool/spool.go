// Package spool keeps events on disk until the log has them, for senders that do not send again.
//
//	Append: frame -> segment -> fsync        Read: oldest frame -> the caller sends it -> Done: position
//
// A spool is a folder of segments. Each is a sequence of frames of one request each:
//
//	length uint32 | CRC-32C uint32 | payload        both little-endian, of the payload
//
// The file "position" says up to where the log has the frames. It may be behind: a frame that is read again makes the same
// records, so its events count once. A segment whose frames are all on the log is removed.
package spool

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

const (
	suffix       = ".spool"
	damaged      = ".damaged"
	segmentBytes = 64 << 20
	headBytes    = 8
	// maxFrame bounds a frame. A request of 16 MiB makes less.
	maxFrame = 64 << 20
)

var (
	// ErrFull means that the frames that wait have as many bytes as the spool may have.
	ErrFull = errors.New("the spool is full")

	errClosed  = errors.New("the spool is closed")
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// Spool is an open spool. It is safe for concurrent use, with one reader.
type Spool struct {
	dir   string
	limit int64
	lock  *os.File

	mu       sync.Mutex
	segments []segment // Oldest first; the last one is written while out is not nil.
	out      *os.File
	arrived  chan struct{} // Has room for one; gets a value after an Append.
	closed   bool

	// Of the reader, who alone changes them.
	in     *os.File
	at     int64 // In the oldest segment: behind the last frame that is done.
	length int64 // Of the frame that was read and is not done.

	notes []string // What was damaged.
}

// segment is a file of frames.
type segment struct {
	number uint64
	size   int64 // Of the frames that are whole.
}

// Open opens a spool, and makes the folder if there is none. The limit is of the bytes that wait. One process at a time may
// have a folder open.
func Open(dir string, limit int64) (*Spool, error) {
	if err := makeFolder(dir); err != nil {
		return nil, fmt.Errorf("make the folder of the spool: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the spool: %w", err)
	}
	s := &Spool{dir: dir, limit: limit, lock: lock, arrived: make(chan struct{}, 1)}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("the spool %s is open in another process: stop it, or use another folder", dir), lock.Close())
	}
	if err := s.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("open the spool %s: %w", dir, err), lock.Close())
	}
	return s, nil
}

// load finds the segments and the position.
func (s *Spool) load() error {
	files, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, file := range files {
		digits, ok := strings.CutSuffix(file.Name(), suffix)
		number, err := strconv.ParseUint(digits, 10, 64)
		if !ok || err != nil {
			continue
		}
		info, err := file.Info()
		if err != nil {
			return err
		}
		s.segments = append(s.segments, segment{number: number, size: info.Size()})
	}
	slices.SortFunc(s.segments, func(a, b segment) int { return int(int64(a.number) - int64(b.number)) })
	number, at := s.readPosition()
	for len(s.segments) > 0 && s.segments[0].number < number { // Removed, but for a crash.
		if err := s.remove(); err != nil {
			return err
		}
	}
	if len(s.segments) > 0 && s.segments[0].number == number {
		s.at = min(at, s.segments[0].size)
	}
	if s.Waiting() {
		s.arrived <- struct{}{}
	}
	return nil
}

// Waiting reports whether frames wait for the log.
func (s *Spool) Waiting() bool { return s.Bytes() > 0 }

// Bytes returns the size of the frames that wait.
func (s *Spool) Bytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting()
}

func (s *Spool) waiting() int64 {
	total := -s.at
	for _, of := range s.segments {
		total += of.size
	}
	return max(total, 0)
}

// Append returns nil when the payload is on disk. After an error it is not kept, unless the disk failed while it wrote.
func (s *Spool) Append(payload []byte) error {
	if len(payload) == 0 || len(payload) > maxFrame {
		return fmt.Errorf("the spool does not take a request of %d bytes", len(payload))
	}
	frame := make([]byte, headBytes, headBytes+len(payload))
	binary.LittleEndian.PutUint32(frame, uint32(len(payload)))
	binary.LittleEndian.PutUint32(frame[4:], crc32.Checksum(payload, castagnoli))
	frame = append(frame, payload...)

	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return errClosed
	case s.waiting()+int64(len(frame)) > s.limit:
		return ErrFull
	}
	err := s.write(frame)
	select {
	case s.arrived <- struct{}{}: // After an error too: a segment may be over, and what is removed makes room.
	default:
	}
	if err != nil {
		return fmt.Errorf("write to the spool: %w", err)
	}
	return nil
}

// write adds a frame to the last segment, or to a new one.
func (s *Spool) write(frame []byte) error {
	if s.out != nil && s.segments[len(s.segments)-1].size+int64(len(frame)) > segmentBytes {
		if err := s.finish(); err != nil {
			return err
		}
	}
	if s.out == nil {
		if err := s.begin(); err != nil {
			return err
		}
	}
	last := &s.segments[len(s.segments)-1]
	_, err := s.out.WriteAt(frame, last.size)
	if err == nil {
		err = s.out.Sync()
	}
	if err != nil {
		// Nobody knows what of the frame is on disk. Nothing more is written behind it.
		err = errors.Join(err, s.out.Truncate(last.size), s.finish())
		if last.size == 0 { // A full disk would have a segment per request.
			err = errors.Join(err, s.takeBack())
		}
		return err
	}
	last.size += int64(len(frame))
	return nil
}

// begin makes a new segment, whose name is on disk when it returns.
func (s *Spool) begin() error {
	number := uint64(1)
	if position, _ := s.readPosition(); position >= number {
		number = position + 1
	}
	if n := len(s.segments); n > 0 {
		number = max(number, s.segments[n-1].number+1)
	}
	file, err := os.OpenFile(s.path(number), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := syncFolder(s.dir); err != nil {
		return errors.Join(err, file.Close(), os.Remove(s.path(number)))
	}
	s.out, s.segments = file, append(s.segments, segment{number: number})
	return nil
}

// takeBack removes the newest segment, in which nothing is.
func (s *Spool) takeBack() error {
	n := len(s.segments) - 1
	name := s.path(s.segments[n].number)
	if n == 0 && s.in != nil {
		in := s.in
		s.in = nil
		if err := in.Close(); err != nil {
			return err
		}
	}
	if err := os.Remove(name); err != nil {
		return err // The next segment has another name.
	}
	s.segments = s.segments[:n]
	return nil
}

// finish closes the segment that is written.
func (s *Spool) finish() error {
	out := s.out
	s.out = nil
	return out.Close()
}

func (s *Spool) path(number uint64) string {
	return filepath.Join(s.dir, fmt.Sprintf("%012d%s", number, suffix))
}

// Read waits for the oldest frame that is not done and returns its payload. Call Done when the log has it; until then
// Read returns the same one again.
func (s *Spool) Read(ctx context.Context) ([]byte, error) {
	for {
		payload, err := s.next()
		if payload != nil || err != nil {
			return payload, err
		}
		select {
		case <-s.arrived:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// next returns the oldest frame, nil if none waits.
func (s *Spool) next() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.segments) > 0 {
		oldest := s.segments[0]
		if s.at >= oldest.size {
			if len(s.segments) == 1 && s.out != nil {
				return nil, nil // It will have more.
			}
			if err := s.drop(""); err != nil {
				return nil, err
			}
			continue
		}
		payload, err := s.frame(oldest)
		if err == nil {
			return payload, nil
		}
		if !errors.Is(err, errDamaged) {
			return nil, fmt.Errorf("read the spool: %w", err)
		}
		if err := s.drop(damaged); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

var errDamaged = errors.New("the frame is damaged")

// frame reads the frame at the position.
func (s *Spool) frame(of segment) ([]byte, error) {
	if s.in == nil {
		file, err := os.Open(s.path(of.number))
		if err != nil {
			return nil, err
		}
		s.in = file
	}
	var head [headBytes]byte
	if left := of.size - s.at; left < headBytes {
		return nil, errDamaged
	}
	if _, err := s.in.ReadAt(head[:], s.at); err != nil {
		return nil, err
	}
	length := int64(binary.LittleEndian.Uint32(head[:]))
	if length == 0 || length > maxFrame || s.at+headBytes+length > of.size { // Zeros are what a disk has where nothing was written.
		return nil, errDamaged
	}
	payload := make([]byte, length)
	if _, err := s.in.ReadAt(payload, s.at+headBytes); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
		return nil, errDamaged
	}
	s.length = headBytes + length
	return payload, nil
}

// drop removes the oldest segment, or keeps it aside under a further suffix.
func (s *Spool) drop(aside string) error {
	oldest := s.segments[0]
	if s.in != nil {
		if err := s.in.Close(); err != nil {
			return err
		}
		s.in = nil
	}
	if len(s.segments) == 1 && s.out != nil {
		if err := s.finish(); err != nil {
			return err
		}
	}
	if aside == "" {
		return s.remove()
	}
	s.notes = append(s.notes, fmt.Sprintf("%s%s: %d bytes from byte %d on cannot be read. If the machine lost power, they are of a request that was not answered; if not, the disk is damaged",
		s.path(oldest.number), aside, oldest.size-s.at, s.at))
	if err := os.Rename(s.path(oldest.number), s.path(oldest.number)+aside); err != nil {
		return err
	}
	s.segments, s.at = s.segments[1:], 0
	return s.writePosition(oldest.number+1, 0) // No other segment gets its name.
}

// remove deletes the oldest segment.
func (s *Spool) remove() error {
	if err := os.Remove(s.path(s.segments[0].number)); err != nil {
		return err
	}
	s.segments, s.at = s.segments[1:], 0
	return nil
}

// SetAside is Done for a frame that the log will never take. Its payload goes to a file of its own.
func (s *Spool) SetAside(payload []byte, why error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := fmt.Sprintf("%s.%d%s", s.path(s.segments[0].number), s.at, damaged)
	if err := keepFile(name, payload); err != nil {
		return fmt.Errorf("set a request of the spool aside: %w", err)
	}
	s.notes = append(s.notes, fmt.Sprintf("%s: the log will not take all of this request: %v", name, why))
	return s.done()
}

// Done says that the log has the frame that Read returned.
func (s *Spool) Done() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.done()
}

func (s *Spool) done() error {
	s.at += s.length
	s.length = 0
	if err := s.writePosition(s.segments[0].number, s.at); err != nil {
		return fmt.Errorf("write the position of the spool: %w", err)
	}
	return nil
}

// Damaged returns what was found damaged since the last call.
func (s *Spool) Damaged() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	notes := s.notes
	s.notes = nil
	return notes
}

// Close closes the files. What waits stays for the next Open.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	var errs []error
	for _, file := range []*os.File{s.in, s.out, s.lock} {
		if file != nil {
			errs = append(errs, file.Close())
		}
	}
	s.in, s.out, s.lock = nil, nil, nil
	return errors.Join(errs...)
}
