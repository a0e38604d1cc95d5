package chdb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unsafe"
)

// Parameter is the value of a {name:Type} placeholder, in the text form of
// ClickHouse's TabSeparated format.
type Parameter struct{ Name, Value string }

// ErrNotStreamable is returned by Stream for a statement that the engine runs
// only as a whole; Exec runs it.
var ErrNotStreamable = errors.New("the engine cannot stream this statement")

// Session runs statements, one at a time, and belongs to one goroutine. A
// statement whose context ends is killed in the engine.
type Session struct {
	engine *Engine
	conn   *connection
	tag    string
	mu     sync.Mutex // guards placed
	placed bool       // whether it has one of the engine's slots

	// Of a session that goes on after a request; see Enter.
	before   []string // puts back the settings of the request
	database string   // the session's own, "" while it is the first
	moved    bool     // whether the current one is the request's
}

// Tag is what TagExpression gives for the statements of the session.
func (s *Session) Tag() string { return s.tag }

// Close ends the session. Results stay valid until their own Close.
func (s *Session) Close() {
	if s.conn != nil {
		s.conn.close()
		s.conn = nil
		s.Yield()
		s.engine.open.Done()
	}
}

// Yield gives the session's place to another while it waits for something that is not the engine. No statement may run;
// a stream may be open. It may be called by another goroutine than the session's.
func (s *Session) Yield() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.placed {
		s.placed = false
		<-s.engine.slots
	}
}

// Resume takes a place again, and waits for one until ctx ends. Before it the session must not be used but for Close.
func (s *Session) Resume(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.placed {
		return nil
	}
	select {
	case s.engine.slots <- struct{}{}:
		s.placed = true
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// watch kills the session's statement when ctx ends, again and again until the
// returned function is called, which waits for the killer's end.
func (s *Session) watch(ctx context.Context) (stop func()) {
	ended, killed := make(chan struct{}), make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(killed)
		ticker := time.NewTicker(killInterval)
		defer ticker.Stop()
		for {
			s.engine.kill(s.tag)
			select {
			case <-ended:
				return
			case <-ticker.C:
			}
		}
	})
	return func() {
		close(ended)
		if !cancel() {
			<-killed
		}
	}
}

// because names the context's end as the cause of an error that it brought.
func because(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return err
}

// Exec runs one statement and returns its whole output in the given format; a
// FORMAT clause in the statement wins. The caller closes the result.
func (s *Session) Exec(ctx context.Context, sql, format string, params []Parameter) (*Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if n := s.conn.analyze(sql).statements; n > 1 {
		return nil, NewError(CodeSyntaxError, "SYNTAX_ERROR", fmt.Sprintf("Syntax error (Multi-statements are not allowed): %d statements.", n))
	}
	stop := s.watch(ctx)
	result, err := s.conn.query(sql, format, params)
	stop()
	return result, because(ctx, err)
}

// begin calls the library's function that starts a statement: the one with or the one without parameters.
func (s *Session) begin(ctx context.Context, sql, format string, params []Parameter, plain startFunc, with startParamsFunc) handle {
	sqlData, sqlLen := bytes(sql)
	formatData, formatLen := bytes(format)
	stop := s.watch(ctx)
	defer stop()
	if len(params) == 0 {
		return plain(s.conn.handle, sqlData, sqlLen, formatData, formatLen)
	}
	return withParams(params, func(names, nameLens, values, valueLens unsafe.Pointer, count uintptr) handle {
		return with(s.conn.handle, sqlData, sqlLen, formatData, formatLen, names, nameLens, values, valueLens, count)
	})
}

// Stream is a result that the engine makes as it is read.
type Stream struct {
	session *Session
	h       handle
	done    bool
}

// Stream starts a SELECT. Only formats whose output is the output of its blocks
// in a row are right to stream: each block is formatted on its own. The caller
// closes the stream before the session.
func (s *Session) Stream(ctx context.Context, sql, format string, params []Parameter) (*Stream, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	lib := s.conn.lib
	h := s.begin(ctx, sql, format, params, lib.stream, lib.streamParams)
	result, err := lib.result(h)
	if err != nil {
		if e := (*Error)(nil); errors.As(err, &e) && e.Code == codeBadArguments && strings.Contains(e.Text, streamNotSupported) {
			return nil, ErrNotStreamable
		}
		return nil, because(ctx, err)
	}
	return &Stream{session: s, h: result.h}, nil
}

// Next returns the next piece of output, or nil at the end. The caller closes it.
func (s *Stream) Next(ctx context.Context) (*Result, error) {
	if s.done {
		return nil, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	conn := s.session.conn
	stop := s.session.watch(ctx)
	result, err := conn.lib.result(conn.lib.fetch(conn.handle, s.h))
	stop()
	if err != nil {
		s.done = true
		return nil, because(ctx, err)
	}
	if len(result.Bytes()) == 0 {
		s.done = true
		result.Close()
		return nil, nil
	}
	return result, nil
}

// Close ends the stream, and the query if it still runs.
func (s *Stream) Close() {
	if s.h == 0 {
		return
	}
	lib := s.session.conn.lib
	if !s.done {
		lib.cancelQuery(s.session.conn.handle, s.h)
	}
	lib.destroyResult(s.h)
	s.h = 0
}

// Insert is an INSERT whose data is on its way.
type Insert struct {
	session *Session
	h       handle
	failed  error
}

// Insert starts an INSERT: the statement without its FORMAT clause and data,
// and the format of the data that Append brings. Nothing is kept unless Done
// returns nil, except blocks that the engine's block size settings had it write
// before the end of the data.
func (s *Session) Insert(ctx context.Context, sql, format string, params []Parameter) (*Insert, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	lib := s.conn.lib
	h := s.begin(ctx, sql, format, params, lib.insert, lib.insertParams)
	if text := lib.insertError(h); text != "" {
		lib.insertDestroy(h)
		return nil, because(ctx, parseError(text))
	}
	return &Insert{session: s, h: h}, nil
}

// Append gives the next bytes of data to the engine, which copies them. It
// blocks while the engine is behind. An error is final and is Done's too.
func (i *Insert) Append(ctx context.Context, data []byte) error {
	if len(data) == 0 || i.failed != nil {
		return i.failed
	}
	lib := i.session.conn.lib
	stop := i.session.watch(ctx)
	state := lib.insertAppend(i.h, unsafe.SliceData(data), uintptr(len(data)))
	stop()
	if state != 0 {
		// The cause is with the worker, which Done waits for.
		_, err := i.Done(ctx)
		if err == nil {
			err = parseError("the engine ended the insert before its data")
		}
		i.failed = err
	}
	return i.failed
}

// Done ends the data, waits until the engine has stored it, and frees the
// insert. Nil means that the rows are stored.
func (i *Insert) Done(ctx context.Context) (Stats, error) {
	if i.h == 0 {
		if i.failed == nil {
			i.failed = errors.New("insert already ended")
		}
		return Stats{}, i.failed
	}
	lib := i.session.conn.lib
	stop := i.session.watch(ctx)
	result, err := lib.result(lib.insertDone(i.h))
	stop()
	lib.insertDestroy(i.h)
	i.h = 0
	if err != nil {
		i.failed = because(ctx, err)
		return Stats{}, i.failed
	}
	defer result.Close()
	return result.Stats(), nil
}

// Cancel drops the insert and what it was given. After Done it does nothing.
func (i *Insert) Cancel() {
	if i.h == 0 {
		return
	}
	lib := i.session.conn.lib
	lib.insertCancel(i.h)
	lib.insertDestroy(i.h)
	i.h = 0
}
