package chdb

import (
	"runtime"
	"unsafe"
)

// connection is one connection of the library. It runs one statement at a time
// and belongs to one goroutine.
type connection struct {
	lib     *library
	pointer unsafe.Pointer // what the library closes
	handle  handle         // what the library's calls take
}

func (c *connection) close() {
	if c.pointer != nil {
		c.lib.closeConn(c.pointer)
		c.pointer = nil
	}
}

// pin keeps Go memory in place for a call that receives pointers to pointers.
func pin(pointers []*byte) *runtime.Pinner {
	pinner := &runtime.Pinner{}
	for _, p := range pointers {
		if p != nil {
			pinner.Pin(p)
		}
	}
	pinner.Pin(unsafe.SliceData(pointers))
	return pinner
}

// bytes returns the address and length of a string for the library, which only
// reads it during the call.
func bytes(s string) (*byte, uintptr) { return unsafe.StringData(s), uintptr(len(s)) }

// parameters are query parameters in the shape the library takes them.
type parameters struct {
	names, values       []*byte
	nameLens, valueLens []uintptr
}

func newParameters(params []Parameter) *parameters {
	p := &parameters{}
	for _, param := range params {
		// Copies, because the data of an empty or constant string cannot be pinned.
		p.names = append(p.names, unsafe.SliceData(append([]byte(param.Name), 0)))
		p.nameLens = append(p.nameLens, uintptr(len(param.Name)))
		p.values = append(p.values, unsafe.SliceData(append([]byte(param.Value), 0)))
		p.valueLens = append(p.valueLens, uintptr(len(param.Value)))
	}
	return p
}

// withParams calls fn with pinned parameters.
func withParams(params []Parameter, fn func(names, nameLens, values, valueLens unsafe.Pointer, count uintptr) handle) handle {
	p := newParameters(params)
	names, values := pin(p.names), pin(p.values)
	defer names.Unpin()
	defer values.Unpin()
	result := fn(
		unsafe.Pointer(unsafe.SliceData(p.names)), unsafe.Pointer(unsafe.SliceData(p.nameLens)),
		unsafe.Pointer(unsafe.SliceData(p.values)), unsafe.Pointer(unsafe.SliceData(p.valueLens)),
		uintptr(len(params)))
	runtime.KeepAlive(p)
	return result
}

// query runs one statement to its end.
func (c *connection) query(sql, format string, params []Parameter) (*Result, error) {
	sqlData, sqlLen := bytes(sql)
	formatData, formatLen := bytes(format)
	var h handle
	if len(params) == 0 {
		h = c.lib.query(c.handle, sqlData, sqlLen, formatData, formatLen)
	} else {
		h = withParams(params, func(names, nameLens, values, valueLens unsafe.Pointer, count uintptr) handle {
			return c.lib.queryParams(c.handle, sqlData, sqlLen, formatData, formatLen, names, nameLens, values, valueLens, count)
		})
	}
	return c.lib.result(h)
}

// analysis mirrors chdb_query_analysis_v1.
type analysis struct{ size, statements, flags, class uint32 }

// analyze reads a text with the engine's parser. It has no statements when it does not parse.
func (c *connection) analyze(sql string) analysis {
	out := analysis{}
	out.size = uint32(unsafe.Sizeof(out))
	data, length := bytes(sql)
	if c.lib.classify(c.handle, data, length, nil, 0, unsafe.Pointer(&out)) != 0 {
		return analysis{class: classUnknown}
	}
	return out
}

// Result is a piece of output, or a whole one. Its bytes live in the engine's
// memory until Close.
type Result struct {
	lib *library
	h   handle
}

// result wraps what the library returned; an error is freed at once.
func (l *library) result(h handle) (*Result, error) {
	if h == 0 {
		return nil, parseError("the engine gave no result")
	}
	if text := l.resultError(h); text != "" {
		l.destroyResult(h)
		return nil, parseError(text)
	}
	return &Result{lib: l, h: h}, nil
}

// Bytes returns the output. It is the engine's own memory: read only, and not
// valid after Close.
func (r *Result) Bytes() []byte {
	n := r.lib.resultLength(r.h)
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(r.lib.resultBuffer(r.h)), n)
}

// Stats returns what the statement read and wrote so far.
func (r *Result) Stats() Stats {
	return Stats{
		ReadRows: r.lib.resultStorageRows(r.h), ReadBytes: r.lib.resultStorageBytes(r.h),
		WrittenRows: r.lib.resultRowsWritten(r.h), WrittenBytes: r.lib.resultBytesWritten(r.h),
		ResultRows: r.lib.resultRowsRead(r.h), ResultBytes: r.lib.resultBytesRead(r.h),
	}
}

// Close frees the output. Calling it again does nothing.
func (r *Result) Close() {
	if r.h != 0 {
		r.lib.destroyResult(r.h)
		r.h = 0
	}
}

// Stats counts the work of one statement.
type Stats struct{ ReadRows, ReadBytes, WrittenRows, WrittenBytes, ResultRows, ResultBytes uint64 }

// Add adds the counts of another piece of the same statement.
func (s *Stats) Add(o Stats) {
	s.ReadRows += o.ReadRows
	s.ReadBytes += o.ReadBytes
	s.WrittenRows += o.WrittenRows
	s.WrittenBytes += o.WrittenBytes
	s.ResultRows += o.ResultRows
	s.ResultBytes += o.ResultBytes
}
