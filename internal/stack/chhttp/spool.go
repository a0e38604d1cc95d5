package chhttp

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"tidemark/internal/stack/chdb"
)

const (
	// pieceBytes is how much of a body is read from the network at once.
	pieceBytes = 64 << 10
	// spoolMemory bounds what all INSERTs together keep of their bodies in memory; the rest goes to files.
	spoolMemory = 64 << 20
	// statementMemory bounds the long statements that are read at one moment. It is apart: bodies, which may come as slowly
	// as clients like, cannot keep statements out.
	statementMemory = 64 << 20
)

// liveBody is the body of a request as it comes in, and after spool as it was kept. Decoders read through it.
type liveBody struct{ source io.Reader }

func (b *liveBody) Read(p []byte) (int, error) { return b.source.Read(p) }

// spool reads the body to its end, so that nothing of the engine is held by a client that stops in the middle. The first
// bytes stay in memory while the budget lasts, the others go to a file in dir that has no name. Release gives both back.
func (b *liveBody) spool(budget *budget, dir string) (release func(), err error) {
	var memory [][]byte
	var file *os.File
	release = func() {
		budget.give(len(memory) * pieceBytes)
		for _, piece := range memory {
			pieces.put(piece)
		}
		memory = nil
		if file != nil {
			_ = file.Close() // It has no name and goes with it.
		}
	}
	spare := pieces.get()
	defer func() { pieces.put(spare) }()
	for end := false; !end; {
		piece := spare
		var n int
		inMemory := file == nil && budget.take(pieceBytes)
		if inMemory {
			memory = append(memory, piece)
			spare = pieces.get()
		}
		if n, end, err = fill(b.source, piece); err != nil {
			return release, err
		}
		if inMemory {
			memory[len(memory)-1] = piece[:n]
			continue
		}
		if file == nil {
			if file, err = unnamedFile(dir); err != nil {
				return release, spoolError(err)
			}
		}
		if _, err = file.Write(piece[:n]); err != nil {
			return release, spoolError(err)
		}
	}
	return release, b.rewind(memory, file)
}

// rewind makes the kept body what is read from now on.
func (b *liveBody) rewind(memory [][]byte, file *os.File) error {
	var readers []io.Reader
	for _, piece := range memory {
		readers = append(readers, bytes.NewReader(piece))
	}
	if file != nil {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return spoolError(err)
		}
		readers = append(readers, file)
	}
	b.source = io.MultiReader(readers...)
	return nil
}

// unnamedFile makes a file that ends with the process, however that ends.
func unnamedFile(dir string) (*os.File, error) {
	file, err := os.CreateTemp(dir, "body-*.tmp")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func spoolError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return chdb.NewError(codeNotEnoughSpace, "NOT_ENOUGH_SPACE", "Cannot keep the body of the request, the disk is full: make room and send it again")
	}
	return chdb.NewError(codeCannotWrite, "CANNOT_WRITE_TO_FILE_DESCRIPTOR", "Cannot keep the body of the request: "+err.Error())
}

const (
	codeNotEnoughSpace = 243
	codeCannotWrite    = 75
	codeSocketTimeout  = 209
	codeMemoryLimit    = 241
)

// budget is memory that requests share.
type budget struct{ used, limit atomic.Int64 }

func newBudget(limit int64) *budget {
	b := &budget{}
	b.limit.Store(limit)
	return b
}

// take takes n bytes if there are as many.
func (b *budget) take(n int) bool {
	if b.used.Add(int64(n)) <= b.limit.Load() {
		return true
	}
	b.used.Add(int64(-n))
	return false
}

func (b *budget) give(n int) { b.used.Add(int64(-n)) }

// idleReader reads the body of a request and ends it when nothing has come for a while.
type idleReader struct {
	body    io.Reader
	control *http.ResponseController
	idle    time.Duration
}

func (r *idleReader) Read(p []byte) (int, error) {
	// Not every connection has deadlines; one without is not on the network.
	_ = r.control.SetReadDeadline(time.Now().Add(r.idle))
	n, err := r.body.Read(p)
	if err == nil {
		return n, nil
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return n, chdb.NewError(codeSocketTimeout, "SOCKET_TIMEOUT", "Timeout: nothing of the body of the request came for "+r.idle.String()+".")
	}
	// From here on the server itself reads, to see whether the client is there, and it waits as long as the statement takes.
	_ = r.control.SetReadDeadline(time.Time{})
	return n, err
}
