package chhttp

import (
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"

	"tidemark/internal/stack/chdb"
)

// A client that names a protocol revision wants the Native format of that
// revision, which differs from the engine's revision 0 in two places: each block
// begins with an info section, and each column's type is followed by a byte that
// says whether its serialization is custom. The data of the columns is the same,
// so it is passed on as it is; only its length has to be found.
const revisionCustomSerialization = 54454

// blockInfo is the info section of an ordinary block: not an overflow block, no
// bucket number, end of fields.
var blockInfo = []byte{1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0}

// reframeNative writes whole revision 0 Native blocks as blocks of a revision.
func reframeNative(w io.Writer, blocks []byte, revision int) error {
	if revision <= 0 {
		_, err := w.Write(blocks)
		return err
	}
	for len(blocks) > 0 {
		n, err := reframeBlock(w, blocks, revision)
		if err != nil {
			return err
		}
		blocks = blocks[n:]
	}
	return nil
}

// reframeBlock writes the first block and returns its length in the input.
func reframeBlock(w io.Writer, in []byte, revision int) (int, error) {
	walk := &nativeWalker{in: in}
	columns, rows := walk.uvarint(), walk.uvarint()
	if walk.err == nil && (columns > uint64(len(in)) || rows > 1<<40) {
		walk.err = fmt.Errorf("block of %d columns and %d rows", columns, rows)
	}
	if walk.err != nil {
		return 0, fmt.Errorf("read native block: %w", walk.err)
	}
	if _, err := w.Write(blockInfo); err != nil {
		return 0, err
	}
	written := 0 // bytes of the input that are already out
	for range columns {
		name, kindName := walk.string(), walk.string()
		head := walk.pos
		kind, err := parseType(kindName)
		if err != nil {
			return 0, cannotReframe(name, kindName)
		}
		if rows > 0 {
			walk.prefix(kind)
			walk.data(kind, rows)
		}
		if walk.err != nil {
			return 0, fmt.Errorf("read native column %s of type %s: %w", name, kindName, walk.err)
		}
		if revision < revisionCustomSerialization {
			continue
		}
		if _, err := w.Write(in[written:head]); err != nil {
			return 0, err
		}
		if _, err := w.Write([]byte{0}); err != nil {
			return 0, err
		}
		written = head
		if _, err := w.Write(in[written:walk.pos]); err != nil {
			return 0, err
		}
		written = walk.pos
	}
	_, err := w.Write(in[written:walk.pos])
	return walk.pos, err
}

// nativeWalker finds the ends of columns in revision 0 Native data.
type nativeWalker struct {
	in  []byte
	pos int
	err error
}

func (w *nativeWalker) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// skip passes over count items of size bytes.
func (w *nativeWalker) skip(count, size uint64) {
	left := uint64(len(w.in) - w.pos)
	if w.err != nil {
		return
	}
	if size > 0 && count > left/size {
		w.fail(io.ErrUnexpectedEOF)
		return
	}
	w.pos += int(count * size)
}

func (w *nativeWalker) uvarint() uint64 {
	v, n := binary.Uvarint(w.in[w.pos:])
	if n <= 0 {
		w.fail(io.ErrUnexpectedEOF)
		return 0
	}
	w.pos += n
	return v
}

func (w *nativeWalker) uint64() uint64 {
	start := w.pos
	if w.skip(1, 8); w.err != nil {
		return 0
	}
	return binary.LittleEndian.Uint64(w.in[start:])
}

// cannotReframe says which column has no length that could be found, and what to do.
func cannotReframe(name, kind string) error {
	column := chdb.QuoteIdentifier(name)
	out := "cast it (" + column + "::String)"
	if strings.Contains(kind, "AggregateFunction(") {
		out = "select its value (finalizeAggregation(" + column + "), or the -Merge form of its function with GROUP BY)"
	}
	return notImplemented("Column " + column + " of type " + kind + " is not served in the Native format of client_protocol_version: " +
		out + ", or ask for another format, such as RowBinaryWithNamesAndTypes or JSON.")
}

// checkNative returns the error that reframing a result would end with because of its types, while a status can tell it.
func checkNative(result []byte, req *request, format string) error {
	if req.revision <= 0 || len(result) == 0 || !strings.EqualFold(format, nativeFormat) {
		return nil
	}
	_, err := reframeBlock(io.Discard, result, req.revision)
	return err
}

func (w *nativeWalker) skipString() { w.skip(w.uvarint(), 1) }

func (w *nativeWalker) string() string {
	n := w.uvarint()
	start := w.pos
	if w.skip(n, 1); w.err != nil {
		return ""
	}
	return string(w.in[start:w.pos])
}

// prefix passes over the state that serializations write before the data.
func (w *nativeWalker) prefix(t *nativeType) {
	if t.kind >= kindVariant {
		w.dynamicPrefix(t)
		return
	}
	if t.kind == kindLowCardinality {
		w.skip(1, 8)
		return
	}
	for _, inner := range t.inner {
		w.prefix(inner)
	}
}

// data passes over rows values of a type.
func (w *nativeWalker) data(t *nativeType, rows uint64) {
	switch t.kind {
	case kindVariant, kindDynamic, kindObject:
		w.dynamicData(t, rows)
	case kindFixed:
		w.skip(rows, t.size)
	case kindString:
		for i := uint64(0); i < rows && w.err == nil; i++ {
			w.skipString()
		}
	case kindNullable:
		w.skip(rows, 1)
		w.data(t.inner[0], rows)
	case kindTuple:
		for _, inner := range t.inner {
			w.data(inner, rows)
		}
	case kindArray:
		w.array(t, rows)
	case kindLowCardinality:
		if rows > 0 {
			w.lowCardinality(t)
		}
	}
}

func (w *nativeWalker) array(t *nativeType, rows uint64) {
	if rows == 0 {
		return
	}
	start := w.pos
	if w.skip(rows, 8); w.err != nil {
		return
	}
	last := binary.LittleEndian.Uint64(w.in[start+int(rows-1)*8:])
	w.data(t.inner[0], last)
}

func (w *nativeWalker) lowCardinality(t *nativeType) {
	flags := w.uint64()
	const globalDictionary, additionalKeys = 1 << 8, 1 << 9
	if flags&globalDictionary != 0 {
		w.fail(fmt.Errorf("global dictionary of a LowCardinality column"))
		return
	}
	if flags&additionalKeys != 0 {
		w.data(t.inner[0], w.uint64())
	}
	w.skip(w.uint64(), 1<<(flags&3))
}

type nativeKind int

const (
	kindFixed nativeKind = iota
	kindString
	kindNullable
	kindTuple
	kindArray
	kindLowCardinality
)

// nativeType is the shape of a column's data.
type nativeType struct {
	kind  nativeKind
	size  uint64 // kindFixed: bytes a value
	inner []*nativeType
}

func fixed(size uint64) *nativeType { return &nativeType{kind: kindFixed, size: size} }
func array(of *nativeType) *nativeType {
	return &nativeType{kind: kindArray, inner: []*nativeType{of}}
}
func tuple(of ...*nativeType) *nativeType { return &nativeType{kind: kindTuple, inner: of} }

var fixedSizes = map[string]uint64{
	"UInt8": 1, "UInt16": 2, "UInt32": 4, "UInt64": 8, "UInt128": 16, "UInt256": 32,
	"Int8": 1, "Int16": 2, "Int32": 4, "Int64": 8, "Int128": 16, "Int256": 32,
	"Float32": 4, "Float64": 8, "BFloat16": 2, "Bool": 1, "UUID": 16, "IPv4": 4, "IPv6": 16,
	"Date": 2, "Date32": 4, "DateTime": 4, "DateTime32": 4, "DateTime64": 8, "Time": 4, "Time64": 8,
	"Enum8": 1, "Enum16": 2, "Decimal32": 4, "Decimal64": 8, "Decimal128": 16, "Decimal256": 32, "Nothing": 1,
}

// parseType reads a type's name. Types whose data has no length that can be found
// (AggregateFunction) are errors.
func parseType(name string) (*nativeType, error) {
	base, args := splitType(name)
	if size, ok := fixedSizes[base]; ok {
		return fixed(size), nil
	}
	if strings.HasPrefix(base, "Interval") {
		return fixed(8), nil
	}
	switch base {
	case "String":
		return &nativeType{kind: kindString}, nil
	case "Point":
		return tuple(fixed(8), fixed(8)), nil
	case "Ring", "LineString":
		return array(tuple(fixed(8), fixed(8))), nil
	case "Polygon", "MultiLineString":
		return array(array(tuple(fixed(8), fixed(8)))), nil
	case "MultiPolygon":
		return array(array(array(tuple(fixed(8), fixed(8))))), nil
	case "FixedString", "Decimal":
		return parseSized(name, base, args)
	}
	if t, ok, err := parseDynamic(base, args); ok {
		return t, err
	}
	if base == "AggregateFunction" { // Its arguments are a function and types of values, not of the state.
		return nil, fmt.Errorf("type %s is not served in the Native format", name)
	}
	return parseComposite(name, base, args)
}

// parseComposite reads the types that are made of others.
func parseComposite(name, base string, args []string) (*nativeType, error) {
	var inner []*nativeType
	for i, arg := range args {
		if base == "SimpleAggregateFunction" && i == 0 {
			continue
		}
		if base == "Tuple" || base == "Nested" {
			arg = elementType(arg)
		}
		t, err := parseType(arg)
		if err != nil {
			return nil, err
		}
		inner = append(inner, t)
	}
	switch {
	case base == "Tuple" && len(inner) == 0:
		return fixed(1), nil
	case base == "Tuple":
		return tuple(inner...), nil
	case base == "Nested" && len(inner) > 0:
		return array(tuple(inner...)), nil
	case base == "Map" && len(inner) == 2:
		return array(tuple(inner...)), nil
	case len(inner) != 1:
	case base == "Array":
		return array(inner[0]), nil
	case base == "Nullable":
		return &nativeType{kind: kindNullable, inner: inner}, nil
	case base == "SimpleAggregateFunction":
		return inner[0], nil
	case base == "LowCardinality":
		// The dictionary of a nullable type holds the plain values.
		if inner[0].kind == kindNullable {
			inner = inner[0].inner
		}
		return &nativeType{kind: kindLowCardinality, inner: inner}, nil
	}
	return nil, fmt.Errorf("type %s is not served in the Native format", name)
}

// parseSized reads the types whose size is in their arguments.
func parseSized(name, base string, args []string) (*nativeType, error) {
	if len(args) == 0 {
		return nil, fmt.Errorf("type %s has no size", name)
	}
	n, err := strconv.ParseUint(args[0], 10, 32)
	if err != nil {
		return nil, fmt.Errorf("type %s: %w", name, err)
	}
	switch {
	case base == "FixedString":
		return fixed(n), nil
	case n <= 9:
		return fixed(4), nil
	case n <= 18:
		return fixed(8), nil
	case n <= 38:
		return fixed(16), nil
	default:
		return fixed(32), nil
	}
}

// splitType splits "Name(a, b(c, d))" into its name and arguments.
func splitType(name string) (base string, args []string) {
	name = strings.TrimSpace(name)
	open := strings.IndexByte(name, '(')
	if open < 0 || !strings.HasSuffix(name, ")") {
		return name, nil
	}
	base = strings.TrimSpace(name[:open])
	lexer := &lexer{text: name[open+1 : len(name)-1]}
	depth, start := 0, 0
	for tok := lexer.next(); tok.kind != tokenEnd; tok = lexer.next() {
		switch {
		case tok.text == "(":
			depth++
		case tok.text == ")":
			depth--
		case tok.text == "," && depth == 0:
			args = append(args, strings.TrimSpace(lexer.text[start:tok.start]))
			start = lexer.pos
		}
	}
	if rest := strings.TrimSpace(lexer.text[start:]); rest != "" {
		args = append(args, rest)
	}
	return base, args
}

// elementType drops the name of a tuple's element, if it has one.
func elementType(element string) string {
	lexer := &lexer{text: element}
	if first := lexer.next(); first.kind != tokenWord && first.kind != tokenQuoted {
		return element
	}
	mark := lexer.pos
	if second := lexer.next(); second.kind == tokenWord {
		return strings.TrimSpace(element[mark:])
	}
	return element
}
