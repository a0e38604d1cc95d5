package chdb

import (
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// killInterval is the pause between two attempts to end a statement that nobody waits for:
// the first may come before the engine has registered the statement.
const killInterval = 50 * time.Millisecond

// Options says how to run the engine.
type Options struct {
	Library        string // path of libchdb.so, as FindLibrary gives it
	Dir            string // data folder; created when missing
	MaxSessions    int    // sessions at work at one moment, others wait; default 16
	MaxMemoryBytes uint64 // the engine's own limit, all statements together; default half of the machine's memory
	Threads        int    // background merge threads; default the engine's own choice
	KafkaTables    bool   // let statements make tables of the engine Kafka, which connect to any broker; for benchmarks alone
}

// withDefaults returns the options with a default for MaxSessions. config has the others.
func (o Options) withDefaults() Options {
	o.MaxSessions = cmp.Or(max(o.MaxSessions, 0), 16)
	return o
}

// Setting is a ClickHouse setting and its value, written as in a URL.
type Setting struct{ Name, Value string }

// Engine is a running ClickHouse. It is safe for concurrent use.
type Engine struct {
	lib   *library
	path  string
	slots chan struct{}
	known map[string]struct{} // names of settings

	tableEngines map[string]struct{} // names of all of them
	kafkaTables  bool                // as Options has it
	open         sync.WaitGroup      // counts the sessions, those without a slot too
	requests     atomic.Uint64       // numbers the sessions, to find their statements

	mu     sync.Mutex // guards anchor
	anchor *connection
}

// Open loads the library and starts the engine on a folder. It keeps one
// connection open until Close, since the engine stops with the last one.
func Open(options Options) (*Engine, error) {
	lib, err := load(options.Library)
	if err != nil {
		return nil, err
	}
	options = options.withDefaults()
	dir, err := filepath.Abs(options.Dir)
	if err != nil {
		return nil, fmt.Errorf("open engine: %w", err)
	}
	if err := claim(dir); err != nil {
		return nil, fmt.Errorf("open engine on %s: %w", dir, err)
	}
	e, err := open(lib, dir, options)
	if err != nil {
		disclaim()
		return nil, fmt.Errorf("open engine on %s: %w", dir, err)
	}
	return e, nil
}

func open(lib *library, dir string, options Options) (*Engine, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	// A configuration file of our own also keeps the engine from reading a
	// config.xml that lies in the working directory or in the user's home.
	config := dir + ".xml"
	if err := writeFile(config, options.config(usersFile(dir))); err != nil {
		return nil, err
	}
	e := &Engine{lib: lib, path: dir, slots: make(chan struct{}, options.MaxSessions), kafkaTables: options.KafkaTables}
	if err := writeAccess(dir, options.KafkaTables); err != nil {
		return nil, err
	}
	anchor, err := e.connect("--config-file=" + config)
	if err != nil {
		return nil, err
	}
	for from, names := range map[string]*map[string]struct{}{"system.settings": &e.known, "system.table_engines": &e.tableEngines} {
		if *names, err = readNames(anchor, from); err != nil {
			anchor.close()
			return nil, err
		}
	}
	e.anchor = anchor
	return e, nil
}

// readNames reads the column name of one of the engine's own tables.
func readNames(conn *connection, table string) (map[string]struct{}, error) {
	result, err := conn.query("SELECT name FROM "+table, "TSVRaw", nil)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", table, err)
	}
	defer result.Close()
	names := map[string]struct{}{}
	for name := range strings.Lines(string(result.Bytes())) {
		names[strings.TrimSuffix(name, "\n")] = struct{}{}
	}
	return names, nil
}

// config returns the engine's server configuration. System log tables are off,
// as they stay unless a configuration asks for them.
func (o *Options) config(users string) string {
	var b strings.Builder
	b.WriteString("<clickhouse>\n  <users_config>")
	_ = xml.EscapeText(&b, []byte(users)) // A strings.Builder takes everything.
	b.WriteString("</users_config>\n")
	// Table engines are granted one by one, and no URL is allowed.
	b.WriteString("  <access_control_improvements><table_engines_require_grant>true</table_engines_require_grant></access_control_improvements>\n")
	b.WriteString("  <remote_url_allow_hosts></remote_url_allow_hosts>\n")
	if o.MaxMemoryBytes > 0 {
		fmt.Fprintf(&b, "  <max_server_memory_usage>%d</max_server_memory_usage>\n", o.MaxMemoryBytes)
	} else {
		b.WriteString("  <max_server_memory_usage_to_ram_ratio>0.5</max_server_memory_usage_to_ram_ratio>\n")
	}
	if o.Threads > 0 {
		fmt.Fprintf(&b, "  <background_pool_size>%d</background_pool_size>\n", o.Threads)
		// The engine wants at least this many entries before it merges big parts.
		fmt.Fprintf(&b, "  <merge_tree><number_of_free_entries_in_pool_to_execute_mutation>%d</number_of_free_entries_in_pool_to_execute_mutation>", o.Threads)
		fmt.Fprintf(&b, "<number_of_free_entries_in_pool_to_lower_max_size_of_merge>%d</number_of_free_entries_in_pool_to_lower_max_size_of_merge>", o.Threads)
		fmt.Fprintf(&b, "<number_of_free_entries_in_pool_to_execute_optimize_entire_partition>%d</number_of_free_entries_in_pool_to_execute_optimize_entire_partition></merge_tree>\n", o.Threads)
	}
	if o.KafkaTables {
		// Embedded, the engine has two threads for such work. This is what a server has for them.
		b.WriteString("  <background_schedule_pool_size>16</background_schedule_pool_size>\n")
		b.WriteString("  <background_message_broker_schedule_pool_size>16</background_message_broker_schedule_pool_size>\n")
	}
	// Caches of the engine are sized for servers; these hold a laptop's data.
	b.WriteString("  <mark_cache_size>134217728</mark_cache_size>\n")
	b.WriteString("  <logger><level>fatal</level><console>0</console></logger>\n")
	b.WriteString("</clickhouse>\n")
	return b.String()
}

// Version returns the version of the loaded library.
func (e *Engine) Version() string { return e.lib.version() }

// Close stops the engine. Every session must have been closed before; the
// engine refuses new ones.
func (e *Engine) Close() error {
	for range cap(e.slots) { // Waits for the sessions and keeps others out.
		e.slots <- struct{}{}
	}
	e.open.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.anchor == nil {
		return nil
	}
	e.anchor.close()
	e.anchor = nil
	disclaim()
	return nil
}

// KnowsSetting reports whether the engine has a setting of that name.
func (e *Engine) KnowsSetting(name string) bool {
	_, ok := e.known[name]
	return ok
}

// kill ends the statement that runs on the session with this tag, if any. It
// does not wait for its end.
func (e *Engine) kill(tag string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.anchor == nil {
		return
	}
	sql := "KILL QUERY WHERE Settings['" + tagSetting + "'] = " + quote(tagValue(tag)) + " ASYNC"
	if result, err := e.anchor.query(sql, "Null", nil); err == nil {
		result.Close()
	}
}

// tagSetting carries the number of a session to system.processes, where a kill
// finds it. The engine reads it in its own HTTP server only, which is not used.
const tagSetting = "http_response_headers"

// TagExpression gives the Tag of a row of system.processes.
const TagExpression = "extract(Settings['" + tagSetting + "'], 'X-Session.{3}([0-9-]+)')"

func tagValue(tag string) string { return "{'X-Session':'" + tag + "'}" }

// quote writes a string as an SQL literal.
func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// QuoteIdentifier writes a name as an SQL identifier.
func QuoteIdentifier(s string) string {
	return "`" + strings.NewReplacer(`\`, `\\`, "`", "\\`").Replace(s) + "`"
}

// connect opens a connection with extra arguments.
func (e *Engine) connect(args ...string) (*connection, error) {
	argv := append([]string{"clickhouse", "--path=" + e.path, "--implicit_select=0", "--allow_introspection_functions=0"}, args...)
	pointers := make([]*byte, len(argv)+1)
	for i, arg := range argv {
		if strings.ContainsRune(arg, 0) {
			return nil, errors.New("an argument of the engine contains a zero byte")
		}
		pointers[i] = unsafe.SliceData(append([]byte(arg), 0))
	}
	pinner := pin(pointers)
	defer pinner.Unpin()
	pointer := e.lib.connect(int32(len(argv)), unsafe.Pointer(unsafe.SliceData(pointers)))
	if pointer == nil {
		return nil, errConnect
	}
	return &connection{lib: e.lib, pointer: pointer, handle: *(*handle)(pointer)}, nil
}

var errConnect = errors.New("the engine refused the connection")

// SessionOptions says how a session starts.
type SessionOptions struct {
	Database string // current database; default "default"
	ReadOnly bool   // refuse writes and keep it so; other settings can change
	Settings []Setting
}

// Session opens a session: a fresh connection whose settings, current database
// and temporary tables end with it. It waits while MaxSessions are open. Errors
// are *Error for what the engine refuses, or the context's.
func (e *Engine) Session(ctx context.Context, options SessionOptions) (*Session, error) {
	select {
	case e.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	session, err := e.session(options)
	if err != nil {
		<-e.slots
		return nil, err
	}
	return session, nil
}

func (e *Engine) session(options SessionOptions) (*Session, error) {
	tag := fmt.Sprintf("%d-%d", os.Getpid(), e.requests.Add(1))
	args := []string{"--" + tagSetting + "=" + tagValue(tag)}
	for _, s := range options.Settings {
		if slices.Contains(fixedSettings, s.Name) {
			// A connection would take it without a look at the constraint.
			return nil, settingFixed(s.Name)
		}
		if !e.KnowsSetting(s.Name) {
			// The engine's own words, with its hints for misspelled names.
			return nil, e.explainSettings([]Setting{s})
		}
		if p, ok := pinnedSetting(s.Name); ok {
			if p.accepts(s.Value) {
				continue
			}
			// As an argument of a connection it would get around the profile; a SET meets it, and its error says so.
			return nil, e.explainSettings([]Setting{s})
		}
		args = append(args, "--"+s.Name+"="+s.Value)
	}
	if options.ReadOnly {
		args = append(args, "--readonly=2")
	}
	conn, err := e.connect(args...)
	if errors.Is(err, errConnect) {
		return nil, e.explainSettings(options.Settings)
	}
	if err != nil {
		return nil, err
	}
	if options.Database != "" && options.Database != "default" {
		result, err := conn.query("USE "+QuoteIdentifier(options.Database), "Null", nil)
		if err != nil {
			conn.close()
			return nil, err
		}
		result.Close()
	}
	e.open.Add(1)
	return &Session{engine: e, conn: conn, tag: tag, placed: true}, nil
}

// explainSettings finds out which setting the engine refused at a connection,
// by the statement whose error the engine does return.
func (e *Engine) explainSettings(settings []Setting) error {
	conn, err := e.connect()
	if err != nil {
		return err
	}
	defer conn.close()
	for _, s := range settings {
		result, err := conn.query("SET "+assignments([]Setting{s}), "Null", nil)
		if err != nil {
			return err
		}
		result.Close()
	}
	return errConnect
}
