package chhttp

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"tidemark/internal/stack/chdb"
)

const (
	sessionTimeout    = 60 * time.Second // default of session_timeout
	maxSessionTimeout = time.Hour
	// maxSessions bounds the names that are known at one moment, maxHeld those that have something to keep: each of these
	// has a connection of the engine.
	maxSessions, maxHeld = 10_000, 64
	maxSessionName       = 256 // bytes
)

// sessionOptions are what a request says of its session.
type sessionOptions struct {
	id          string // "" for a session of its own
	timeout     time.Duration
	check, done bool // session_check, close_session
}

func readSession(query url.Values) (sessionOptions, error) {
	o := sessionOptions{id: strings.Clone(query.Get("session_id")), timeout: sessionTimeout, check: isTrue(query.Get("session_check")), done: isTrue(query.Get("close_session"))}
	if len(o.id) > maxSessionName {
		return o, badRequest(fmt.Sprintf("session_id has %d bytes, and may have %d", len(o.id), maxSessionName))
	}
	if v := query.Get("session_timeout"); v != "" && o.id != "" {
		seconds, err := strconv.ParseUint(v, 10, 32)
		if err != nil {
			return o, chdb.NewError(codeSessionTimeout, "INVALID_SESSION_TIMEOUT", "Invalid session timeout: '"+v+"' is no number of seconds.")
		}
		if o.timeout = time.Duration(seconds) * time.Second; o.timeout > maxSessionTimeout {
			return o, chdb.NewError(codeSessionTimeout, "INVALID_SESSION_TIMEOUT", fmt.Sprintf("Session timeout '%s' is larger than max_session_timeout: %.0f.", v, maxSessionTimeout.Seconds()))
		}
	}
	return o, nil
}

// Codes of exceptions about sessions.
const (
	codeReadOnly       = 164
	codeNoSession      = 372
	codeSessionLocked  = 373
	codeSessionTimeout = 374
	codeSessionLimit   = 700
)

// httpSession is what a client goes on with in its next request.
type httpSession struct {
	id       string
	busy     bool // one request at a time has it
	deadline time.Time
	timer    *time.Timer
	conn     *chdb.Session // nil while there is nothing to keep
}

// sessions are those of all clients.
type sessions struct {
	mu      sync.Mutex
	byID    map[string]*httpSession
	held    int // those with a conn
	closed  bool
	expired sync.WaitGroup
}

// acquire gives a request its session. Nobody else has it until release.
func (s *sessions) acquire(o sessionOptions) (*httpSession, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.byID[o.id]
	switch {
	case found == nil && o.check:
		return nil, chdb.NewError(codeNoSession, "SESSION_NOT_FOUND", "Session `"+o.id+"` not found")
	case found == nil && len(s.byID) >= maxSessions:
		return nil, sessionLimit(maxSessions, "")
	case found != nil && found.busy:
		return nil, chdb.NewError(codeSessionLocked, "SESSION_IS_LOCKED", "Session `"+o.id+"` is locked by a concurrent client: one request at a time may use it; send this one again later, or with a session_id of its own")
	}
	if found == nil {
		found = &httpSession{id: o.id}
		if s.byID == nil {
			s.byID = map[string]*httpSession{}
		}
		s.byID[o.id] = found
	}
	if found.timer != nil {
		found.timer.Stop()
	}
	found.busy = true
	return found, nil
}

// release lets the next request have the session, or ends it.
func (s *sessions) release(session *httpSession, timeout time.Duration, end bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	session.busy = false
	if end || s.closed {
		s.remove(session)
		return
	}
	session.deadline = time.Now().Add(timeout)
	session.timer = time.AfterFunc(timeout, func() { s.expire(session) })
}

func (s *sessions) expire(session *httpSession) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !session.busy && s.byID[session.id] == session && !time.Now().Before(session.deadline) {
		s.remove(session)
	}
}

// remove ends a session that nobody uses.
func (s *sessions) remove(session *httpSession) {
	delete(s.byID, session.id)
	if session.timer != nil {
		session.timer.Stop()
	}
	if session.conn != nil {
		s.held--
		s.expired.Go(session.conn.Close) // Not under the lock: it frees temporary tables.
	}
}

// hold counts a session that begins to keep something.
func (s *sessions) hold() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held >= maxHeld {
		return sessionLimit(maxHeld, " that have settings or temporary tables of their own")
	}
	s.held++
	return nil
}

func (s *sessions) unhold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held--
}

// close ends all sessions. Those in use end with their requests.
func (s *sessions) close() {
	s.mu.Lock()
	s.closed = true
	for _, session := range s.byID {
		if !session.busy {
			s.remove(session)
		}
	}
	s.mu.Unlock()
	s.expired.Wait()
}

func sessionLimit(n int, which string) error {
	return chdb.NewError(codeSessionLimit, "USER_SESSION_LIMIT_EXCEEDED", fmt.Sprintf("There are %d sessions%s already: end one with close_session=1, or wait until one has timed out", n, which))
}

// lease is the session of one request.
type lease struct {
	*chdb.Session
	tables []string // those that end with the request
	ended  func()   // called before the session is given back; nil for nothing
	moved  bool     // a USE has succeeded
	end    func()
}

// Close gives the session back. Results stay valid until their own Close.
func (l *lease) Close() {
	if l.end == nil {
		return
	}
	if l.ended != nil {
		l.ended()
	}
	l.end()
	l.end = nil
}

// lease returns the session of a request. One with a name costs as much as one without, until there is something to keep.
func (h *Handler) lease(ctx context.Context, req *request) (*lease, error) {
	o := req.named
	if o.id == "" {
		return h.leaseOwn(ctx, req, func() {})
	}
	session, err := h.sessions.acquire(o)
	if err != nil {
		return nil, err
	}
	release := func() { h.sessions.release(session, o.timeout, o.done) }
	if session.conn == nil && !req.keeps() {
		return h.leaseOwn(ctx, req, release)
	}
	if own, err := req.mayRead(session.conn); own || err != nil {
		if err != nil {
			release()
			return nil, err
		}
		return h.leaseOwn(ctx, req, release)
	}
	if session.conn == nil {
		if err := h.sessions.hold(); err != nil {
			release()
			return nil, err
		}
		if session.conn, err = h.engine.Session(ctx, chdb.SessionOptions{}); err != nil {
			h.sessions.unhold()
			release()
			return nil, err
		}
	}
	options := req.session
	if req.keyword == "SET" {
		options.Settings = nil // They would be what SET changes.
	}
	l := &lease{Session: session.conn}
	l.end = func() {
		err := session.conn.Leave(ctx, l.moved, l.tables)
		h.sessions.release(session, o.timeout, o.done || err != nil)
	}
	if err := session.conn.Enter(ctx, options); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// leaseOwn returns a session that ends with the request; release is called then, or with an error.
func (h *Handler) leaseOwn(ctx context.Context, req *request, release func()) (*lease, error) {
	session, err := h.engine.Session(ctx, req.session)
	if err != nil {
		release()
		return nil, err
	}
	return &lease{Session: session, end: func() { session.Close(); release() }}, nil
}

// stateless are the first words of statements that leave nothing in their session, if they do not say TEMPORARY.
var stateless = []string{
	"SELECT", "WITH", "FROM", "(", "INSERT", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS", "CHECK", "CREATE", "ALTER", "DROP", "TRUNCATE",
	"OPTIMIZE", "RENAME", "EXCHANGE", "SYSTEM", "KILL", "DELETE", "UPDATE", "DETACH", "ATTACH", "UNDROP", "",
}

// keeps reports whether the statement may leave something in its session.
func (req *request) keeps() bool {
	if !slices.Contains(stateless, req.keyword) {
		return true
	}
	lexer := &lexer{text: req.code()}
	for tok := lexer.next(); tok.kind != tokenEnd; tok = lexer.next() {
		if tok.is("TEMPORARY") || tok.is("PARALLEL") {
			return true
		}
	}
	return false
}

// mayRead refuses the statements of a request that is read-only in a session that goes on: the engine could not make such
// a session writable again. Own says that the statement belongs into a session of its own, which is read-only.
func (req *request) mayRead(conn *chdb.Session) (own bool, err error) {
	if !req.session.ReadOnly {
		return false, nil
	}
	refused := chdb.NewError(codeReadOnly, "READONLY", "Cannot execute query in readonly mode: in a session, send what writes by POST and without readonly.")
	switch req.keyword {
	case "SET", "USE":
		if strings.Contains(strings.ToLower(unescape(req.text)), "readonly") {
			return false, refused
		}
		return false, nil
	}
	if conn == nil {
		if req.keyword == "CREATE" {
			return false, refused // It would keep a table.
		}
		return true, nil // It reads, or the engine says what it thinks of it.
	}
	reads, parses := conn.Reads(req.code())
	if !parses && !req.insert {
		return true, nil // Its error is the engine's to tell.
	}
	if !reads {
		return false, refused
	}
	return false, nil
}
