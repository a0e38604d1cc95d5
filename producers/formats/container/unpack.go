package container

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"
)

// DamagedError is the error of a file whose rest cannot be unpacked.
type DamagedError struct {
	name string // Of the packing.
	err  error
}

func (e *DamagedError) Error() string {
	if errors.Is(e.err, errTrailing) {
		return "after the " + e.name + " data " + e.err.Error()
	}
	return "the " + e.name + " data is damaged or cut off, and the rest of the file lost: " + e.err.Error()
}

func (e *DamagedError) Unwrap() error { return e.err }

var errTrailing = errors.New("there are bytes that are none of it: they are left out")

// packed reads the packed bytes of a file. It keeps failures of reading apart from damage in what was read, and the
// last bytes.
type packed struct {
	r    *bufio.Reader
	name string
	err  error   // Of the read that failed.
	last [4]byte // The last bytes that were taken.
}

func (p *packed) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if n >= len(p.last) {
		copy(p.last[:], b[n-len(p.last):n])
	} else {
		copy(p.last[:], append(p.last[n:], b[:n]...))
	}
	p.failed(err)
	return n, err
}

// ReadByte makes packed an io.ByteReader, of which no more is taken than there is in it.
func (p *packed) ReadByte() (byte, error) {
	b, err := p.r.ReadByte()
	p.failed(err)
	if err == nil {
		p.last = [4]byte{p.last[1], p.last[2], p.last[3], b}
	}
	return b, err
}

func (p *packed) failed(err error) {
	if err != nil && !errors.Is(err, io.EOF) {
		p.err = err
	}
}

// damage makes an error of unpacking one of the file.
func (p *packed) damage(err error) error {
	switch {
	case err == nil, errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return err
	case p.err != nil:
		return p.err
	}
	return &DamagedError{p.name, err}
}

// onlyZeros skips zeros, with which tapes and disks fill up their blocks, and reports whether the file ends after them.
func (p *packed) onlyZeros() (bool, error) {
	for {
		b, err := p.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return true, nil
		case err != nil:
			return false, err
		case b != 0:
			return false, p.r.UnreadByte()
		}
	}
}

// unpacker is the unpacked side.
type unpacker struct {
	packed *packed
	inner  io.Reader
}

func (u *unpacker) Read(b []byte) (int, error) {
	n, err := u.inner.Read(b)
	return n, u.packed.damage(err)
}

// gzipMembers reads the members of a gzip file one after the other.
type gzipMembers struct {
	packed *packed
	member *gzip.Reader
}

func unpackGzip(p *packed) (io.Reader, error) {
	member, err := gzip.NewReader(p)
	if err != nil {
		return nil, noEOF(err)
	}
	member.Multistream(false)
	return &gzipMembers{p, member}, nil
}

func (g *gzipMembers) Read(b []byte) (int, error) {
	n, err := g.member.Read(b)
	if !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return n, err
	}
	if n > 0 {
		return n, nil
	}
	if end, err := g.packed.onlyZeros(); end || err != nil {
		return 0, orEOF(err)
	}
	if is, err := startsWith(g.packed.r, "\x1f\x8b"); !is || err != nil {
		if err == nil {
			err = errTrailing
		}
		return 0, err
	}
	if err := g.member.Reset(g.packed); err != nil {
		return 0, noEOF(err)
	}
	g.member.Multistream(false)
	return 0, nil
}

// noEOF makes io.EOF io.ErrUnexpectedEOF.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func orEOF(err error) error {
	if err == nil {
		return io.EOF
	}
	return err
}

// maxWindow bounds the memory that a zstd file may ask for, in bytes: what zstd --long needs.
const maxWindow = 128 << 20

// zstdStarts are the first bytes of frames, and of those to be skipped.
func zstdStarts() []string {
	starts := []string{"\x28\xb5\x2f\xfd"}
	for b := byte(0x50); b <= 0x5f; b++ {
		starts = append(starts, string([]byte{b, 0x2a, 0x4d, 0x18}))
	}
	return starts
}

func unpackZstd(p *packed) (io.Reader, error) {
	// One at a time it needs no goroutine and no Close.
	frames, err := zstd.NewReader(onlyReader{p}, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	return &padded{p, frames, 4, func(err error) bool { return errors.Is(err, zstd.ErrMagicMismatch) }}, err
}

// onlyReader hides what else a reader can do.
type onlyReader struct{ io.Reader }

func bzip2Starts() []string {
	var starts []string
	for level := byte('1'); level <= '9'; level++ {
		for _, block := range []string{"1AY&SY", "\x17\x72\x45\x38\x50\x90"} {
			starts = append(starts, "BZh"+string(level)+block)
		}
	}
	return starts
}

func unpackBzip2(p *packed) (io.Reader, error) {
	return &padded{p, bzip2.NewReader(p), 2, func(err error) bool {
		return errors.Is(err, bzip2.StructuralError("bad magic value in continuation file"))
	}}, nil
}

// padded reads what may be filled up with zeros after its end.
type padded struct {
	packed *packed
	inner  io.Reader
	taken  int // Bytes that it takes to see that no frame begins.
	// between reports whether the error is that of bytes between two frames that begin none.
	between func(error) bool
}

func (p *padded) Read(b []byte) (int, error) {
	n, err := p.inner.Read(b)
	if err == nil || !p.between(err) {
		return n, err
	}
	zeros := bytes.Count(p.packed.last[len(p.packed.last)-p.taken:], []byte{0}) == p.taken
	if end, readErr := p.packed.onlyZeros(); readErr != nil || zeros && end {
		return n, orEOF(readErr)
	}
	return n, errTrailing
}
