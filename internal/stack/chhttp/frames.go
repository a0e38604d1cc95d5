package chhttp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/go-faster/city"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"tidemark/internal/stack/chdb"
)

// A frame is a checksum of all that follows it, a method, the length of the compressed data with the nine bytes from the
// method on, the length of the data, and the compressed data.
const (
	frameChecksumBytes = 16
	frameHeadBytes     = frameChecksumBytes + 9
	// maxFrameBytes bounds a frame, compressed or not.
	maxFrameBytes = 128 << 20

	methodNone, methodLZ4, methodZSTD = 0x02, 0x82, 0x90
)

// frameReader reads ClickHouse's compressed frames. Data may end between two frames; anywhere else its end is an error.
// After its end or an error it gives that again.
type frameReader struct {
	source io.Reader
	memory *decoderMemory
	held   int64 // of the memory, bytes
	head   [frameHeadBytes]byte
	frame  []byte // from the method on
	data   []byte
	rest   []byte // of data, not yet read
	zstd   *zstd.Decoder
	err    error
}

// Read reads from at most one frame.
func (f *frameReader) Read(p []byte) (int, error) {
	for len(f.rest) == 0 && len(p) > 0 {
		if f.err == nil {
			f.err = f.next()
		}
		if f.err != nil {
			return 0, f.err
		}
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

// next reads a frame, or returns io.EOF when there is none.
func (f *frameReader) next() error {
	n, err := readFull(f.source, f.head[:])
	if n == 0 && errors.Is(err, io.EOF) {
		return io.EOF
	}
	if err != nil {
		return frameCut(err)
	}
	method := f.head[frameChecksumBytes]
	whole := int64(binary.LittleEndian.Uint32(f.head[frameChecksumBytes+1:])) // from the method on
	size := int64(binary.LittleEndian.Uint32(f.head[frameChecksumBytes+5:]))
	packed := whole - (frameHeadBytes - frameChecksumBytes)
	switch {
	case packed < 0 || packed > maxFrameBytes || size > maxFrameBytes:
		return frameError(fmt.Sprintf("a frame of %d bytes, %d of them compressed; a frame may have %d", size, packed, maxFrameBytes))
	case method != methodNone && method != methodLZ4 && method != methodZSTD:
		return frameError(fmt.Sprintf("the compression method 0x%02x is not served, only LZ4 (0x82), ZSTD (0x90) and none (0x02)", method))
	case method == methodNone && packed != size:
		return frameError(fmt.Sprintf("a frame without compression has %d bytes and says that they are %d", packed, size))
	case method == methodLZ4 && size > 255*packed:
		return frameError(fmt.Sprintf("%d bytes of LZ4 cannot hold %d", packed, size))
	}
	if more := whole + size - f.held; more > 0 {
		if err := f.memory.more(more); err != nil {
			return err
		}
		f.held += more
	}
	f.frame = append(f.frame[:0], f.head[frameChecksumBytes:]...)
	f.frame = resize(f.frame, int(whole))
	if _, err := readFull(f.source, f.frame[frameHeadBytes-frameChecksumBytes:]); err != nil {
		return frameCut(err)
	}
	sum := city.CH128(f.frame)
	if sum.Low != binary.LittleEndian.Uint64(f.head[:]) || sum.High != binary.LittleEndian.Uint64(f.head[8:]) {
		return frameError("the checksum of a frame does not match")
	}
	return f.unpack(method, f.frame[frameHeadBytes-frameChecksumBytes:], int(size))
}

// unpack decompresses a frame that is whole.
func (f *frameReader) unpack(method byte, packed []byte, size int) (err error) {
	f.data = resize(f.data[:0], size)
	got := size
	switch method {
	case methodNone:
		copy(f.data, packed)
	case methodLZ4:
		got, err = lz4.UncompressBlock(packed, f.data)
	case methodZSTD:
		if f.zstd == nil {
			// No frame grows beyond what it says.
			if f.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecodeAllCapLimit(true)); err != nil {
				return frameError(err.Error())
			}
		}
		var data []byte
		data, err = f.zstd.DecodeAll(packed, f.data[:0:size])
		got = len(data)
	}
	if err != nil {
		return frameError(err.Error())
	}
	if got != size {
		return frameError(fmt.Sprintf("a frame holds %d bytes and says %d", got, size))
	}
	f.rest = f.data
	return nil
}

func (f *frameReader) close() {
	if f.zstd != nil {
		f.zstd.Close()
	}
}

// resize returns a buffer of n bytes that begins with b.
func resize(b []byte, n int) []byte {
	if n <= cap(b) {
		return b[:n]
	}
	return append(make([]byte, 0, n), b...)[:n]
}

// readFull fills p. Unlike io.ReadFull it returns the source's own error, so that its end and a source that breaks off
// stay apart.
func readFull(source io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var read int
		read, err = source.Read(p[n:])
		n += read
	}
	if n == len(p) {
		return n, nil
	}
	return n, err
}

// frameCut says what it means that the source ended, or failed, inside a frame.
func frameCut(err error) error {
	if errors.Is(err, io.EOF) {
		return frameError("it ends in the middle of a frame")
	}
	return err
}

func frameError(why string) error {
	return chdb.NewError(271, "CANNOT_DECOMPRESS", "Cannot decompress the body: "+why+".")
}
