package batch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

const (
	// narrowMemory is what a Stream may take, in bytes: the windows of all levels of Zstandard but the last three, and
	// every window of the other codecs.
	narrowMemory = 8 << 20
	// wideMemory is what one may take that was opened wide: any window that Zstandard itself decompresses by default.
	wideMemory = 128 << 20
)

// ErrWide says that a Stream would take more than narrowMemory bytes.
var ErrWide = errors.New("record batch takes much memory to decompress")

// open returns a reader of the decompressed records of b.
func (d *Decompressor) open(b *Batch, wide bool) (io.Reader, error) {
	d.src.Reset(b.Payload)
	var (
		r   io.Reader
		err error
	)
	switch b.Codec() {
	case None:
		return &d.src, nil
	case Snappy:
		r, err = openSnappy(b.Payload, wide)
	case Zstd:
		r, err = d.openZstd(b.Payload, wide)
	case LZ4:
		if d.lz4 == nil {
			d.lz4 = lz4.NewReader(nil)
		}
		d.lz4.Reset(&d.src)
		r = d.lz4
	case Gzip:
		if d.gzip == nil {
			d.gzip, err = gzip.NewReader(&d.src)
		} else {
			err = d.gzip.Reset(&d.src)
		}
		r = d.gzip
	default:
		return nil, fmt.Errorf("%w: unknown compression %d", ErrMalformed, b.Codec())
	}
	if err != nil && !errors.Is(err, ErrWide) && !errors.Is(err, ErrTooLarge) {
		err = fmt.Errorf("%w: %s: %w", ErrMalformed, b.Codec(), err)
	}
	return r, err
}

// openZstd makes a decoder of its own, since what one has allocated for a large window it keeps.
func (d *Decompressor) openZstd(src []byte, wide bool) (io.Reader, error) {
	var h zstd.Header
	if err := h.Decode(src); err != nil {
		return nil, err
	}
	window := uint64(narrowMemory)
	if !wide && h.WindowSize > window {
		return nil, ErrWide
	}
	if wide {
		window = wideMemory
	}
	r, err := zstd.NewReader(&d.src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(window))
	if err != nil {
		return nil, err
	}
	return r, nil
}

// snappyBlocks reads blocks of Snappy, each whole.
type snappyBlocks struct {
	src    []byte // the blocks not read yet, each behind its size
	out    []byte // what is left of the block read last
	buf    []byte
	memory int
	framed bool
}

// openSnappy returns a reader of one block, or of the Java client's framing of many. Blocks are decompressed whole:
// Snappy sets no bound to how far back a copy goes.
func openSnappy(src []byte, wide bool) (io.Reader, error) {
	r := &snappyBlocks{src: src, memory: narrowMemory}
	if wide {
		r.memory = wideMemory
	}
	if r.framed = bytes.HasPrefix(src, xerialMagic); r.framed {
		if len(src) < xerialHeader {
			return nil, io.ErrUnexpectedEOF
		}
		r.src = src[xerialHeader:]
	}
	switch n := r.largest(); {
	case n > wideMemory:
		return nil, fmt.Errorf("%w: a block of Snappy of %d bytes, the limit is %d", ErrTooLarge, n, wideMemory)
	case n > r.memory:
		return nil, ErrWide
	}
	return r, nil
}

// largest is what the largest block says of its size, up to the first that cannot be read: reading says why.
func (r *snappyBlocks) largest() int {
	most := 0
	for rest := r.src; len(rest) > 0; {
		block, next, err := r.block(rest)
		if err != nil {
			return most
		}
		if n, err := s2.DecodedLen(block); err == nil {
			most = max(most, n)
		}
		rest = next
	}
	return most
}

// block returns the block that src begins with and what follows it.
func (r *snappyBlocks) block(src []byte) (block, next []byte, err error) {
	if !r.framed {
		return src, nil, nil
	}
	if len(src) < 4 {
		return nil, nil, io.ErrUnexpectedEOF
	}
	n := binary.BigEndian.Uint32(src)
	if src = src[4:]; uint64(n) > uint64(len(src)) {
		return nil, nil, io.ErrUnexpectedEOF
	}
	return src[:n], src[n:], nil
}

// Read is part of io.Reader.
func (r *snappyBlocks) Read(p []byte) (int, error) {
	for len(r.out) == 0 {
		if len(r.src) == 0 {
			return 0, io.EOF
		}
		block, next, err := r.block(r.src)
		if err != nil {
			return 0, err
		}
		r.src = next
		if r.out, err = r.decode(block); err != nil {
			r.src, r.out = nil, nil
			return 0, err
		}
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	return n, nil
}

func (r *snappyBlocks) decode(block []byte) ([]byte, error) {
	n, err := s2.DecodedLen(block)
	if err != nil {
		return nil, err
	}
	// A block of Snappy cannot shrink more than this, so a wrong length does not make us allocate for nothing.
	if n > r.memory || n > 64*len(block)+64 {
		return nil, s2.ErrCorrupt
	}
	if cap(r.buf) < n {
		r.buf = make([]byte, n)
	}
	return s2.Decode(r.buf[:n], block)
}
