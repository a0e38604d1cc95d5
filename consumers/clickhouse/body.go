package clickhouse

import (
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/ClickHouse/ch-go/proto"

	"tidemark/schemas"
)

// insertStatement names every column of the block, so that the order of the table's columns does not matter and the
// table computes the columns that are not sent.
func insertStatement(table string, input proto.Input) string {
	var b strings.Builder
	b.WriteString("INSERT INTO " + schemas.Ident(table) + " (")
	for i, column := range input {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(schemas.Ident(column.Name))
	}
	b.WriteString(")")
	return b.String()
}

// withoutSpares leaves out the columns that no part needs, because the table computes the same values without them. Parts
// of one INSERT have the same columns.
func withoutSpares(parts []insertPart) []insertPart {
	spare := func(i int) bool {
		for _, p := range parts {
			if data, ok := p.input[i].Data.(interface{ Spare() bool }); !ok || !data.Spare() {
				return false
			}
		}
		return true
	}
	lean := make([]insertPart, len(parts))
	for i, p := range parts {
		lean[i].rows = p.rows
		lean[i].input = make(proto.Input, 0, len(p.input))
	}
	for i := range parts[0].input {
		if spare(i) {
			continue
		}
		for j, p := range parts {
			lean[j].input = append(lean[j].input, p.input[i])
		}
	}
	return lean
}

// chunkBytes is about how many bytes of a block are encoded at a time; a column is never cut, so a chunk can be as
// large as the largest column and this.
const chunkBytes = 256 << 10

// chunkBuffers holds the buffers (*proto.Buffer) of bodies that have been read to their end.
var chunkBuffers sync.Pool

var errBodyStopped = errors.New("the request is over")

// insertBody is the body of an INSERT: Native blocks, one after the other, encoded from their columns while they are
// read, so that no second copy of a block exists.
//
// The HTTP client may continue to read a body after the request has failed, in a goroutine of its own. stop makes that
// harmless: after it the columns are not touched any more.
type insertBody struct {
	mu      sync.Mutex   // Held while the columns are read.
	parts   []insertPart // The parts that are not encoded to their end.
	next    int          // The next column of the first part.
	stopped bool

	// The reader owns the rest.
	buffer *proto.Buffer
	rest   []byte // Encoded and not yet read.
}

var _ io.WriterTo = (*insertBody)(nil)

func newInsertBody(parts ...insertPart) *insertBody {
	buffer, ok := chunkBuffers.Get().(*proto.Buffer)
	if !ok {
		buffer = new(proto.Buffer)
	}
	return &insertBody{parts: parts, buffer: buffer}
}

// stop ends the use of the columns: when it has returned nobody reads them.
func (b *insertBody) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped, b.parts = true, nil
}

// chunk encodes the next part of the block. It is valid until the next call.
func (b *insertBody) chunk() ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped {
		return nil, errBodyStopped
	}
	if b.buffer == nil || len(b.parts) == 0 {
		b.release()
		return nil, io.EOF
	}
	b.buffer.Reset()
	for len(b.parts) > 0 && len(b.buffer.Buf) < chunkBytes {
		first := b.parts[0]
		if b.next == 0 {
			proto.Block{Columns: len(first.input), Rows: first.rows}.EncodeAware(b.buffer, nativeRevision)
		}
		for b.next < len(first.input) && len(b.buffer.Buf) < chunkBytes {
			if err := encodeColumn(b.buffer, first.input[b.next], first.rows); err != nil {
				return nil, err
			}
			b.next++
		}
		if b.next == len(first.input) {
			b.parts, b.next = b.parts[1:], 0
		}
	}
	return b.buffer.Buf, nil
}

// release gives the buffer back once the block has been read to its end.
func (b *insertBody) release() {
	if b.buffer != nil {
		chunkBuffers.Put(b.buffer)
		b.buffer = nil
	}
}

// Read implements io.Reader.
func (b *insertBody) Read(p []byte) (int, error) {
	if len(b.rest) == 0 {
		rest, err := b.chunk()
		if err != nil {
			return 0, err
		}
		b.rest = rest
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// WriteTo implements io.WriterTo: chunks go to the connection without a copy.
func (b *insertBody) WriteTo(w io.Writer) (int64, error) {
	total := int64(0)
	for {
		chunk := b.rest
		if b.rest = nil; len(chunk) == 0 {
			var err error
			if chunk, err = b.chunk(); errors.Is(err, io.EOF) {
				return total, nil
			} else if err != nil {
				return total, err
			}
		}
		n, err := w.Write(chunk)
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
}

// nativeRevision is the revision of the Native format in the body of an INSERT over HTTP: a block without any of the
// later additions.
const nativeRevision = 0

// encodeColumn appends one column of a block in the Native format.
func encodeColumn(buffer *proto.Buffer, column proto.InputColumn, rows int) error {
	if n := column.Data.Rows(); n != rows {
		return &columnError{column.Name, n, rows}
	}
	column.EncodeStart(buffer, nativeRevision)
	if c, ok := column.Data.(proto.Preparable); ok {
		if err := c.Prepare(); err != nil {
			return err
		}
	}
	if rows == 0 {
		return nil
	}
	if c, ok := column.Data.(proto.StateEncoder); ok {
		c.EncodeState(buffer)
	}
	column.Data.EncodeColumn(buffer)
	return nil
}
