package chhttp

import (
	"context"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tidemark/internal/stack/chdb"
)

const (
	// patience is how long a client may take to read a piece of a result before its place in the engine is another's.
	patience = 250 * time.Millisecond
	// maxStalled bounds the clients that are waited for in this way; of more, the one that has stopped for longest is cut off.
	maxStalled = 64
	// writeBytes is what is written at once: a client has an idle time to read as much.
	writeBytes = 64 << 10
)

// stalls are the answers that wait for their clients.
type stalls struct {
	mu      sync.Mutex
	waiting []*slowWriter // the longest first
}

func (s *stalls) add(w *slowWriter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, w)
	if len(s.waiting) > maxStalled {
		s.waiting[0].cut()
		s.waiting = s.waiting[1:]
	}
}

func (s *stalls) remove(w *slowWriter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = slices.DeleteFunc(s.waiting, func(other *slowWriter) bool { return other == w })
}

// slowWriter writes an answer in parts, and ends it when the client does not read one of them in time.
type slowWriter struct {
	w       io.Writer
	control *http.ResponseController
	idle    time.Duration
	gone    atomic.Bool
}

func (s *slowWriter) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		_ = s.control.SetWriteDeadline(time.Now().Add(s.idle)) // As for idleReader.
		if s.gone.Load() {
			return written, errSlowReader
		}
		n, err := s.w.Write(p[:min(len(p), writeBytes)])
		written += n
		if err != nil {
			return written, err
		}
		p = p[n:]
	}
	return written, nil
}

var errSlowReader = chdb.NewError(codeSocketTimeout, "SOCKET_TIMEOUT", "Timeout: the client does not read its result, and too many others do not either")

// cut ends the writing, one that is under way too.
func (s *slowWriter) cut() {
	s.gone.Store(true)
	_ = s.control.SetWriteDeadline(time.Now().Add(-time.Second))
}

// whileWriting runs write, and gives the session's place in the engine to others if that takes long. A session that is
// nil has none.
func (ex *exchange) whileWriting(ctx context.Context, session *chdb.Session, write func() error) error {
	yielded := make(chan struct{})
	timer := time.AfterFunc(patience, func() {
		defer close(yielded)
		if session != nil {
			session.Yield()
		}
		ex.handler.stalls.add(ex.slow)
	})
	err := write()
	if timer.Stop() {
		return err
	}
	<-yielded
	ex.handler.stalls.remove(ex.slow)
	if err == nil && session != nil {
		err = session.Resume(ctx)
	}
	return err
}
