package chhttp

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"time"

	"golang.org/x/sync/semaphore"

	"tidemark/internal/procstat"
	"tidemark/internal/stack/chdb"
	"tidemark/internal/webguard"
)

// Options says how to serve.
type Options struct {
	User     string // asked for when Password is set; default "default"
	Password string // empty: everyone is let in
	// Guard refuses requests that pages of other sites make a browser send; one for loopback by default.
	Guard *webguard.Guard
	// SpoolDir is where bodies of INSERTs are kept, in files without a name, when they are too large for memory; default
	// the system's folder for temporary files.
	SpoolDir string
	// Room returns an error when the disk has too little room for more data; nil to leave it to the engine.
	Room func() error
	// ReadIdle is how long a client may send nothing in the middle of a body, WriteIdle how long it may read nothing of
	// 64 KiB of its result; default a minute each.
	ReadIdle, WriteIdle time.Duration
	// Served is called after each request, when set.
	Served func(Served)
}

// withDefaults returns the options with defaults for what is 0.
func (o Options) withDefaults() Options {
	o.User = cmp.Or(o.User, "default")
	o.Guard = cmp.Or(o.Guard, webguard.New("127.0.0.1"))
	o.ReadIdle = cmp.Or(o.ReadIdle, time.Minute)
	o.WriteIdle = cmp.Or(o.WriteIdle, time.Minute)
	return o
}

// Served describes one request that has been answered.
type Served struct {
	QueryID string
	Keyword string // first word of the statement
	Status  int
	Elapsed time.Duration
	Stats   chdb.Stats
	Err     error // what the client was told, or why it could not be told
}

// Handler serves the HTTP interface. Create it with NewHandler.
type Handler struct {
	engine             *chdb.Engine
	server             Server
	options            Options
	bodies, statements *budget
	decoders           *semaphore.Weighted // bytes
	sessions           sessions
	running            running
	stalls             stalls
}

// Server is what the engine says of itself; it goes into headers and errors.
type Server struct{ Name, Version, Timezone string }

// NewHandler returns a handler in front of an engine.
func NewHandler(engine *chdb.Engine, server Server, options Options) *Handler {
	return &Handler{engine: engine, server: server, options: options.withDefaults(), bodies: newBudget(spoolMemory), statements: newBudget(statementMemory), decoders: semaphore.NewWeighted(decodersMemory)}
}

// Close ends the sessions that clients have left open; after it a request has one of its own only.
func (h *Handler) Close() { h.sessions.close() }

// ServeHTTP answers /ping, /metrics, / without a query, and queries.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if refusal := h.options.Guard.Check(r, false); refusal != nil {
		h.refuse(w, r, refusal)
		return
	}
	switch r.URL.Path {
	case "/ping", "/replicas_status":
		writeOK(w, r)
		return
	case "/metrics":
		writeMetrics(w)
		return
	case "/", "/query":
	default:
		http.Error(w, "There is no handle "+r.URL.Path+"\n\nUse / or /ping for health checks.\nSend queries from your program with POST method or GET /?query=...\n", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodPost && r.Method != http.MethodHead && r.Method != http.MethodPut {
		w.Header().Set("Allow", "GET, HEAD, POST, PUT")
		http.Error(w, "method "+r.Method+" is not served", http.StatusMethodNotAllowed)
		return
	}
	if r.Method != http.MethodPost && r.Method != http.MethodPut && !r.URL.Query().Has("query") {
		writeOK(w, r)
		return
	}
	ex := h.exchange(w, r)
	// A deadline of the connection's last answer has no meaning for this one; that of this one is for what the server
	// still has to write when the handler is done.
	_ = ex.control.SetWriteDeadline(time.Time{})
	defer func() { _ = ex.control.SetWriteDeadline(time.Now().Add(h.options.WriteIdle)) }()
	err := ex.serve()
	if err != nil {
		ex.fail(err)
	}
	if h.options.Served != nil {
		ex.served.Elapsed, ex.served.Err = time.Since(ex.start), err
		h.options.Served(ex.served)
	}
}

func (h *Handler) exchange(w http.ResponseWriter, r *http.Request) *exchange {
	control := http.NewResponseController(w)
	slow := &slowWriter{w: w, control: control, idle: h.options.WriteIdle}
	return &exchange{handler: h, w: w, r: r, control: control, slow: slow, start: time.Now(), served: Served{Status: http.StatusOK}}
}

// refuse answers a request before anything of it is looked at.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, refusal *webguard.Refusal) {
	ex := h.exchange(w, r)
	err := chdb.NewError(codeAccessDenied, "ACCESS_DENIED", refusal.String())
	ex.fail(err)
	if h.options.Served != nil {
		ex.served.Err = err
		h.options.Served(ex.served)
	}
}

func writeOK(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	w.Header().Set("Content-Length", "4")
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, "Ok.\n") // The client's loss; there is nobody to tell.
	}
}

// writeMetrics tells what this process has used: engine and broker together.
func writeMetrics(w http.ResponseWriter) {
	u, ok := procstat.Read()
	if !ok {
		http.Error(w, "the system does not tell what this process uses", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = io.WriteString(w, u.Metrics()) // The client's loss.
}

var (
	errRequiredPassword = chdb.NewError(194, "REQUIRED_PASSWORD", "A password is required: send it by basic authentication, by the headers X-ClickHouse-User and X-ClickHouse-Key, or by the parameters user and password.")
	errAuthentication   = chdb.NewError(516, "AUTHENTICATION_FAILED", "Authentication failed: password is incorrect, or there is no user with such name.")
)

// authenticate checks the credentials, which come in one of three ways.
func (h *Handler) authenticate(r *http.Request) error {
	if h.options.Password == "" {
		return nil
	}
	user, password, ok := r.BasicAuth()
	if name := r.Header.Get("X-ClickHouse-User"); name != "" {
		user, password, ok = name, r.Header.Get("X-ClickHouse-Key"), true
	}
	if query := r.URL.Query(); query.Has("password") {
		user, password, ok = query.Get("user"), query.Get("password"), true
	}
	if !ok || password == "" {
		return errRequiredPassword
	}
	if user == "" {
		user = "default"
	}
	if same(user, h.options.User)&same(password, h.options.Password) != 1 {
		return errAuthentication
	}
	return nil
}

// same is 1 for equal texts, and takes as long for any of one length.
func same(a, b string) int {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:])
}

// randomID returns n random bytes in hexadecimal.
func randomID(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // crypto/rand does not fail.
	return hex.EncodeToString(b)
}

// asException gives any error the shape of an exception of the engine.
func asException(err error) *chdb.Error {
	if e := (*chdb.Error)(nil); errors.As(err, &e) {
		return e
	}
	return chdb.NewError(1002, "UNKNOWN_EXCEPTION", err.Error())
}

const codeAccessDenied = 497

// badRequest is an exception about the request itself.
func badRequest(message string) *chdb.Error {
	return chdb.NewError(36, "BAD_ARGUMENTS", message)
}

func notImplemented(message string) *chdb.Error {
	return chdb.NewError(48, "NOT_IMPLEMENTED", message)
}

// statuses gives the HTTP status for an exception's name, as ClickHouse does;
// others are 500.
var statuses = map[string]int{
	"REQUIRED_PASSWORD":     http.StatusUnauthorized,
	"AUTHENTICATION_FAILED": http.StatusForbidden,
	"ACCESS_DENIED":         http.StatusForbidden,
	"UNKNOWN_USER":          http.StatusForbidden,
	"WRONG_PASSWORD":        http.StatusForbidden,

	"BAD_ARGUMENTS": http.StatusBadRequest, "CANNOT_COMPILE_REGEXP": http.StatusBadRequest, "CANNOT_PARSE_TEXT": http.StatusBadRequest,
	"CANNOT_PARSE_ESCAPE_SEQUENCE": http.StatusBadRequest, "CANNOT_PARSE_QUOTED_STRING": http.StatusBadRequest,
	"CANNOT_PARSE_DATE": http.StatusBadRequest, "CANNOT_PARSE_DATETIME": http.StatusBadRequest, "CANNOT_PARSE_NUMBER": http.StatusBadRequest,
	"CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING": http.StatusBadRequest, "CANNOT_PARSE_IPV4": http.StatusBadRequest,
	"CANNOT_PARSE_IPV6": http.StatusBadRequest, "CANNOT_PARSE_UUID": http.StatusBadRequest,
	"CANNOT_PARSE_INPUT_ASSERTION_FAILED": http.StatusBadRequest, "CANNOT_OPEN_FILE": http.StatusServiceUnavailable,
	"DUPLICATE_COLUMN": http.StatusBadRequest, "ILLEGAL_COLUMN": http.StatusBadRequest, "THERE_IS_NO_COLUMN": http.StatusBadRequest,
	"UNKNOWN_ELEMENT_IN_AST": http.StatusBadRequest, "UNKNOWN_TYPE_OF_AST_NODE": http.StatusBadRequest,
	"TOO_DEEP_AST": http.StatusBadRequest, "TOO_BIG_AST": http.StatusBadRequest, "UNEXPECTED_AST_STRUCTURE": http.StatusBadRequest,
	"SYNTAX_ERROR": http.StatusBadRequest, "INCORRECT_DATA": http.StatusBadRequest, "TYPE_MISMATCH": http.StatusBadRequest,
	"VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE": http.StatusBadRequest,

	"UNKNOWN_TABLE": http.StatusNotFound, "UNKNOWN_FUNCTION": http.StatusNotFound, "UNKNOWN_IDENTIFIER": http.StatusNotFound,
	"UNKNOWN_TYPE": http.StatusNotFound, "UNKNOWN_STORAGE": http.StatusNotFound, "UNKNOWN_DATABASE": http.StatusNotFound,
	"UNKNOWN_SETTING": http.StatusNotFound, "UNKNOWN_DIRECTION_OF_SORTING": http.StatusNotFound,
	"UNKNOWN_AGGREGATE_FUNCTION": http.StatusNotFound, "UNKNOWN_FORMAT": http.StatusNotFound,
	"UNKNOWN_DATABASE_ENGINE": http.StatusNotFound, "UNKNOWN_TYPE_OF_QUERY": http.StatusNotFound, "UNKNOWN_ROLE": http.StatusNotFound,
	"NO_ELEMENTS_IN_CONFIG": http.StatusNotFound,

	"QUERY_IS_TOO_LARGE": http.StatusRequestEntityTooLarge, "NOT_IMPLEMENTED": http.StatusNotImplemented,
	"SOCKET_TIMEOUT": http.StatusServiceUnavailable, "HTTP_LENGTH_REQUIRED": http.StatusLengthRequired,
	"TIMEOUT_EXCEEDED": http.StatusRequestTimeout,
}

func statusOf(e *chdb.Error) int {
	if status, ok := statuses[e.Name]; ok {
		return status
	}
	return http.StatusInternalServerError
}
