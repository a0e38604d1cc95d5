package batch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Compressor compresses the records of batches. It is safe for concurrent use.
type Compressor struct {
	codec Codec
	zstd  *zstd.Encoder
	lz4   sync.Pool
}

// NewCompressor returns a Compressor of a codec: all but gzip, which is only read.
func NewCompressor(codec Codec) (*Compressor, error) {
	c := &Compressor{codec: codec}
	switch codec {
	case None, Snappy:
	case LZ4:
		w := lz4.NewWriter(nil)
		if err := w.Apply(lz4.BlockSizeOption(lz4.Block256Kb), lz4.ConcurrencyOption(1), lz4.ChecksumOption(false)); err != nil {
			return nil, err
		}
		c.lz4.Put(w)
	case Zstd:
		w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2),
			zstd.WithWindowSize(1<<20), zstd.WithEncoderCRC(false))
		if err != nil {
			return nil, err
		}
		c.zstd = w
	default:
		return nil, fmt.Errorf("kafka compression: %s is not written (none, snappy, lz4 or zstd)", codec)
	}
	return c, nil
}

// compress appends src compressed to dst, or src as it is if the codec fails on it.
func (c *Compressor) compress(dst, src []byte) []byte {
	switch c.codec {
	case Snappy:
		if n := s2.MaxEncodedLen(len(src)); cap(dst) < n {
			dst = make([]byte, 0, n)
		}
		return s2.EncodeSnappy(dst[:cap(dst)], src)
	case Zstd:
		return c.zstd.EncodeAll(src, dst)
	case LZ4:
		w, ok := c.lz4.Get().(*lz4.Writer)
		if !ok {
			w = lz4.NewWriter(nil)
			if w.Apply(lz4.BlockSizeOption(lz4.Block256Kb), lz4.ConcurrencyOption(1), lz4.ChecksumOption(false)) != nil {
				return append(dst, src...)
			}
		}
		defer c.lz4.Put(w)
		out := bytes.NewBuffer(dst)
		w.Reset(out)
		if _, err := w.Write(src); err != nil {
			return append(dst, src...)
		}
		if w.Close() != nil {
			return append(dst, src...)
		}
		return out.Bytes()
	}
	return append(dst, src...)
}

// Decompressor decompresses the records of batches, of any codec. It is not safe for concurrent use.
type Decompressor struct {
	limit int
	src   bytes.Reader
	zstd  *zstd.Decoder
	lz4   *lz4.Reader
	gzip  *gzip.Reader
}

// NewDecompressor returns a Decompressor that refuses batches of more than limit bytes.
func NewDecompressor(limit int) *Decompressor { return &Decompressor{limit: limit} }

// Records returns the decompressed records of b. Unless they are not compressed they are appended to arena, which is
// returned too; when it has no room it is reallocated, and what earlier calls returned stays valid.
func (d *Decompressor) Records(arena []byte, b *Batch) (records, newArena []byte, err error) {
	start := len(arena)
	switch b.Codec() {
	case None:
		return b.Payload, arena, nil
	case Snappy:
		arena, err = d.snappy(arena, b.Payload)
	case Zstd:
		arena, err = d.zstdAll(arena, b.Payload)
	case LZ4:
		d.src.Reset(b.Payload)
		if d.lz4 == nil {
			d.lz4 = lz4.NewReader(nil)
		}
		d.lz4.Reset(&d.src)
		arena, err = d.readAll(arena, d.lz4)
	case Gzip:
		arena, err = d.gunzip(arena, b.Payload)
	default:
		return nil, arena, fmt.Errorf("%w: unknown compression %d", ErrMalformed, b.Codec())
	}
	if err != nil {
		if !errors.Is(err, ErrTooLarge) {
			err = fmt.Errorf("%w: %s: %w", ErrMalformed, b.Codec(), err)
		}
		return nil, arena[:start], err
	}
	return arena[start:len(arena):len(arena)], arena, nil
}

func (d *Decompressor) tooLarge() error {
	return fmt.Errorf("%w: the limit is %d bytes", ErrTooLarge, d.limit)
}

func (d *Decompressor) zstdAll(arena, src []byte) ([]byte, error) {
	if d.zstd == nil {
		var err error
		d.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(d.limit)),
			zstd.WithDecoderMaxWindow(uint64(max(d.limit, 1<<20))))
		if err != nil {
			return arena, err
		}
	}
	out, err := d.zstd.DecodeAll(src, arena)
	if errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded) {
		err = d.tooLarge()
	}
	if err != nil {
		return arena, err
	}
	return out, nil
}

func (d *Decompressor) gunzip(arena, src []byte) ([]byte, error) {
	d.src.Reset(src)
	if d.gzip == nil {
		r, err := gzip.NewReader(&d.src)
		if err != nil {
			return arena, err
		}
		d.gzip = r
	} else if err := d.gzip.Reset(&d.src); err != nil {
		return arena, err
	}
	return d.readAll(arena, d.gzip)
}

func (d *Decompressor) readAll(arena []byte, r io.Reader) ([]byte, error) {
	start := len(arena)
	for {
		if cap(arena)-len(arena) < 512 {
			arena = append(arena, make([]byte, max(64<<10, len(arena)-start))...)[:len(arena)]
		}
		room := min(cap(arena), start+d.limit+1)
		n, err := r.Read(arena[len(arena):room])
		arena = arena[:len(arena)+n]
		switch {
		case len(arena)-start > d.limit:
			return arena, d.tooLarge()
		case errors.Is(err, io.EOF):
			return arena, nil
		case err != nil:
			return arena, err
		}
	}
}

// xerialMagic begins the framing that the Java client puts around blocks of Snappy: this, two versions of four bytes,
// then blocks, each with its size.
var xerialMagic = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

const xerialHeader = 16

func (d *Decompressor) snappy(arena, src []byte) ([]byte, error) {
	if !bytes.HasPrefix(src, xerialMagic) {
		return d.snappyBlock(arena, len(arena), src)
	}
	if len(src) < xerialHeader {
		return arena, io.ErrUnexpectedEOF
	}
	start := len(arena)
	for src = src[xerialHeader:]; len(src) > 0; {
		if len(src) < 4 {
			return arena, io.ErrUnexpectedEOF
		}
		n := binary.BigEndian.Uint32(src)
		if src = src[4:]; uint64(n) > uint64(len(src)) {
			return arena, io.ErrUnexpectedEOF
		}
		var err error
		if arena, err = d.snappyBlock(arena, start, src[:n]); err != nil {
			return arena, err
		}
		src = src[n:]
	}
	return arena, nil
}

func (d *Decompressor) snappyBlock(arena []byte, start int, src []byte) ([]byte, error) {
	n, err := s2.DecodedLen(src)
	if err != nil {
		return arena, err
	}
	if len(arena)-start+n > d.limit {
		return arena, d.tooLarge()
	}
	// A block of Snappy cannot shrink more than this, so a wrong length does not make us allocate for nothing.
	if n > 64*len(src)+64 {
		return arena, s2.ErrCorrupt
	}
	if cap(arena)-len(arena) < n {
		arena = append(arena, make([]byte, n)...)[:len(arena)]
	}
	out, err := s2.Decode(arena[len(arena):len(arena)+n], src)
	if err != nil {
		return arena, err
	}
	return arena[:len(arena)+len(out)], nil
}
