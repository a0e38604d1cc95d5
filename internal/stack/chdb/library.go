package chdb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// LibraryEnv names the environment variable that holds the path of libchdb.so.
const LibraryEnv = "TIDEMARK_LIBCHDB"

// libraryRelative is where `make deps` puts the library, below the root of the
// module or beside the folder of the built program.
const libraryRelative = ".cache/chdb/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so"

// ErrNoLibrary is returned (wrapped) when libchdb.so is not found.
var ErrNoLibrary = errors.New("the ClickHouse engine (libchdb.so) is missing: run `make deps`, or set " + LibraryEnv + " to its path")

// FindLibrary returns the path of libchdb.so. An explicit path wins, then the
// environment (LibraryEnv), then the place where `make deps` puts it, looked for
// from the working directory upwards and from the folder of the executable
// upwards. The error wraps ErrNoLibrary.
func FindLibrary(explicit string) (string, error) {
	for _, path := range []string{explicit, os.Getenv(LibraryEnv)} {
		if path == "" {
			continue
		}
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("%w: %w", ErrNoLibrary, err)
		}
		return path, nil
	}
	var starts []string
	if dir, err := os.Getwd(); err == nil {
		starts = append(starts, dir)
	}
	if exe, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(exe))
	}
	for _, dir := range starts {
		for {
			path := filepath.Join(dir, libraryRelative)
			if _, err := os.Stat(path); err == nil {
				return path, nil
			} else if !errors.Is(err, fs.ErrNotExist) {
				return "", fmt.Errorf("%w: %w", ErrNoLibrary, err)
			}
			parent := filepath.Dir(dir)
			if parent == dir {
				break
			}
			dir = parent
		}
	}
	return "", ErrNoLibrary
}

// startFunc starts a statement, startParamsFunc one with query parameters: arrays of count pointers and lengths.
type (
	startFunc       func(conn handle, sql *byte, sqlLen uintptr, format *byte, formatLen uintptr) handle
	startParamsFunc func(conn handle, sql *byte, sqlLen uintptr, format *byte, formatLen uintptr, names, nameLens, values, valueLens unsafe.Pointer, count uintptr) handle
)

// LibraryVersion loads the library at a path and returns its version. It starts no engine.
func LibraryVersion(path string) (string, error) {
	lib, err := load(path)
	if err != nil {
		return "", err
	}
	return lib.version(), nil
}

// handle is an opaque pointer of the library: a connection, a result or an
// insert stream. It points into memory that Go does not manage.
type handle uintptr

// library holds the C functions of libchdb that this package calls. Strings
// are passed with explicit lengths; the library copies what it keeps, so Go
// memory is only borrowed for the length of a call.
type library struct {
	version           func() string
	setSignalHandlers func(enabled int32)

	connect   func(argc int32, argv unsafe.Pointer) unsafe.Pointer
	closeConn func(conn unsafe.Pointer)

	query         startFunc
	queryParams   startParamsFunc
	stream        startFunc
	streamParams  startParamsFunc
	fetch         func(conn, stream handle) handle
	cancelQuery   func(conn, stream handle)
	destroyResult func(result handle)
	classify      func(conn handle, sql *byte, sqlLen uintptr, database *byte, databaseLen uintptr, out unsafe.Pointer) int32

	resultBuffer       func(result handle) unsafe.Pointer
	resultLength       func(result handle) uintptr
	resultError        func(result handle) string
	resultRowsRead     func(result handle) uint64
	resultBytesRead    func(result handle) uint64
	resultStorageRows  func(result handle) uint64
	resultStorageBytes func(result handle) uint64
	resultRowsWritten  func(result handle) uint64
	resultBytesWritten func(result handle) uint64

	insert        startFunc
	insertParams  startParamsFunc
	insertAppend  func(stream handle, data *byte, dataLen uintptr) int32
	insertDone    func(stream handle) handle
	insertCancel  func(stream handle)
	insertError   func(stream handle) string
	insertDestroy func(stream handle)
}

// The dynamic loader keeps one copy of a library in a process whatever its
// callers do, and this one is never unloaded: its threads outlive connections.
var (
	loadMu sync.Mutex
	loaded = map[string]*library{}
)

// active is the data folder that the engine of this process runs on, and how
// many Engines share it. The library keeps one, so it is the process's state.
var active struct {
	mu      sync.Mutex
	path    string
	engines int
}

// claim takes a data folder for an Engine.
func claim(path string) error {
	active.mu.Lock()
	defer active.mu.Unlock()
	if active.engines > 0 && active.path != path {
		return fmt.Errorf("the engine of this process runs on %s already, and has one data folder at a time", active.path)
	}
	active.path = path
	active.engines++
	return nil
}

// disclaim undoes a claim.
func disclaim() {
	active.mu.Lock()
	defer active.mu.Unlock()
	active.engines--
}

// load opens the library and binds its functions, once for each path.
func load(path string) (*library, error) {
	loadMu.Lock()
	defer loadMu.Unlock()
	if lib, ok := loaded[path]; ok {
		return lib, nil
	}
	so, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	lib := &library{}
	for name, fn := range map[string]any{
		"chdb_version":                     &lib.version,
		"chdb_set_signal_handlers_enabled": &lib.setSignalHandlers,
		"chdb_connect":                     &lib.connect,
		"chdb_close_conn":                  &lib.closeConn,
		"chdb_query_n":                     &lib.query,
		"chdb_query_with_params_n":         &lib.queryParams,
		"chdb_stream_query_n":              &lib.stream,
		"chdb_stream_query_with_params_n":  &lib.streamParams,
		"chdb_stream_fetch_result":         &lib.fetch,
		"chdb_stream_cancel_query":         &lib.cancelQuery,
		"chdb_destroy_query_result":        &lib.destroyResult,
		"chdb_classify_query_n":            &lib.classify,
		"chdb_result_buffer":               &lib.resultBuffer,
		"chdb_result_length":               &lib.resultLength,
		"chdb_result_error":                &lib.resultError,
		"chdb_result_rows_read":            &lib.resultRowsRead,
		"chdb_result_bytes_read":           &lib.resultBytesRead,
		"chdb_result_storage_rows_read":    &lib.resultStorageRows,
		"chdb_result_storage_bytes_read":   &lib.resultStorageBytes,
		"chdb_result_rows_written":         &lib.resultRowsWritten,
		"chdb_result_bytes_written":        &lib.resultBytesWritten,
		"chdb_stream_insert_n":             &lib.insert,
		"chdb_stream_insert_with_params_n": &lib.insertParams,
		"chdb_stream_append":               &lib.insertAppend,
		"chdb_stream_done":                 &lib.insertDone,
		"chdb_stream_cancel_insert":        &lib.insertCancel,
		"chdb_stream_insert_error":         &lib.insertError,
		"chdb_destroy_insert_stream":       &lib.insertDestroy,
	} {
		symbol, err := purego.Dlsym(so, name)
		if err != nil {
			return nil, fmt.Errorf("load %s: this libchdb is too old: %w", path, err)
		}
		purego.RegisterFunc(fn, symbol)
	}
	lib.setSignalHandlers(0) // Go's runtime owns the signals of the process.
	loaded[path] = lib
	return lib, nil
}
