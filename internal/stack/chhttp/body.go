package chhttp

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"tidemark/internal/stack/chdb"
)

// bufferPool keeps buffers of a size.
type bufferPool struct {
	size int
	pool sync.Pool
}

// chunks are the buffers between bodies and the engine, pieces those that keep bodies.
var (
	chunks = bufferPool{size: chunkBytes}
	pieces = bufferPool{size: pieceBytes}
)

func (p *bufferPool) get() []byte {
	if b, ok := p.pool.Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, p.size)
}

// put takes a buffer back, of which nobody may keep a part.
func (p *bufferPool) put(b []byte) {
	b = b[:p.size]
	p.pool.Put(&b)
}

// fill reads from r until the buffer is full or the body ends. Unlike
// io.ReadFull it keeps a body's end (end is true) apart from a body that breaks
// off, which is an error.
func fill(r io.Reader, buffer []byte) (n int, end bool, err error) {
	for n < len(buffer) {
		read, err := r.Read(buffer[n:])
		n += read
		if errors.Is(err, io.EOF) {
			return n, true, nil
		}
		if err != nil {
			return n, false, bodyError(err)
		}
	}
	return n, false, nil
}

// bodyError names a broken body as ClickHouse does.
func bodyError(err error) error {
	if e := (*chdb.Error)(nil); errors.As(err, &e) {
		return err
	}
	return fmt.Errorf("%w: %w", chdb.NewError(33, "CANNOT_READ_ALL_DATA", "Cannot read the whole body of the request"), err)
}
