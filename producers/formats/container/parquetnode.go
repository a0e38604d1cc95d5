package container

import (
	"encoding/hex"
	"errors"
	"strings"

	"github.com/parquet-go/parquet-go"
	pq "github.com/parquet-go/parquet-go/format"
)

// parquetNode is a column, or a group of columns, of a Parquet file.
type parquetNode struct {
	name        string
	children    []parquetNode
	optional    bool
	repeated    bool
	list, isMap bool // A group that stands for an array or an object.
	def, rep    int  // The levels of its values.
	first, last int  // Its columns: the first, and the one after its last.
	text        func(dst []byte, v parquet.Value) []byte
}

var errTooDeep = errors.New("its columns are nested too deeply")

// maxParquetDepth bounds the nesting of columns.
const maxParquetDepth = 64

// newParquetNode returns the node of a schema, whose parents have the levels given; leaves counts the columns before
// it.
func newParquetNode(n parquet.Node, def, rep int, leaves *int) (parquetNode, error) {
	node := parquetNode{optional: n.Optional(), repeated: n.Repeated(), def: def, rep: rep, first: *leaves}
	if node.optional || node.repeated {
		node.def++
	}
	if node.repeated {
		node.rep++
	}
	if node.def+node.rep > maxParquetDepth {
		return node, errTooDeep
	}
	if n.Leaf() {
		*leaves++
		node.last = *leaves
		node.text = parquetText(n.Type())
		return node, nil
	}
	for _, f := range n.Fields() {
		child, err := newParquetNode(f, node.def, node.rep, leaves)
		if err != nil {
			return node, err
		}
		child.name = f.Name()
		node.children = append(node.children, child)
	}
	node.last = *leaves
	if logical := n.Type().LogicalType(); logical != nil && len(node.children) == 1 && node.children[0].repeated {
		inner := &node.children[0]
		switch logical.Value.(type) {
		case *pq.ListType:
			node.list = true
		case *pq.MapType:
			node.isMap = len(inner.children) == 2 && inner.children[0].text != nil
		}
	}
	return node, nil
}

// has reports whether there is a column at the path.
func (n *parquetNode) has(path string) bool {
	for i := range n.children {
		child := &n.children[i]
		rest, under := strings.CutPrefix(path, child.name+".")
		if path == child.name || under && (child.has(rest) || child.isMap) {
			return true
		}
	}
	return false
}

// append appends the value in JSON. The values of its columns are those of one instance of its parent.
func (n *parquetNode) append(dst []byte, values [][]parquet.Value) ([]byte, error) {
	if n.first == n.last {
		return append(dst, "{}"...), nil // A group of nothing.
	}
	for _, column := range values[n.first:n.last] {
		if len(column) == 0 {
			return nil, errors.New("a row lacks a value")
		}
	}
	if n.repeated {
		return n.appendAll(dst, values, '[', ']', n.appendOne)
	}
	if n.optional && values[n.first][0].DefinitionLevel() < n.def {
		return append(dst, "null"...), nil
	}
	return n.appendOne(dst, values)
}

// appendAll appends the instances of a repeated node.
func (n *parquetNode) appendAll(dst []byte, values [][]parquet.Value, begin, end byte, one func([]byte, [][]parquet.Value) ([]byte, error)) ([]byte, error) {
	dst = append(dst, begin)
	if values[n.first][0].DefinitionLevel() < n.def {
		return append(dst, end), nil
	}
	instance := make([][]parquet.Value, len(values))
	rest := make([][]parquet.Value, len(values))
	copy(rest, values)
	for count := 0; len(rest[n.first]) > 0; count++ {
		for i := n.first; i < n.last; i++ {
			if len(rest[i]) == 0 {
				return nil, errors.New("the columns of a list are not of one length")
			}
			to := 1
			for to < len(rest[i]) && rest[i][to].RepetitionLevel() > n.rep {
				to++
			}
			instance[i], rest[i] = rest[i][:to], rest[i][to:]
		}
		if count > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = one(dst, instance); err != nil {
			return nil, err
		}
	}
	return append(dst, end), nil
}

// appendOne appends one instance, which is there.
func (n *parquetNode) appendOne(dst []byte, values [][]parquet.Value) ([]byte, error) {
	switch {
	case n.text != nil:
		return n.text(dst, values[n.first][0]), nil
	case n.list:
		inner := &n.children[0]
		// Of three levels, the usual ones; of two, what is repeated is the element.
		if len(inner.children) == 1 && inner.name != "array" && !strings.HasSuffix(inner.name, "_tuple") {
			return inner.appendAll(dst, values, '[', ']', inner.children[0].append)
		}
		return inner.append(dst, values)
	case n.isMap:
		inner := &n.children[0]
		key, value := &inner.children[0], &inner.children[1]
		return inner.appendAll(dst, values, '{', '}', func(dst []byte, values [][]parquet.Value) ([]byte, error) {
			name := key.text(nil, values[key.first][0])
			if name[0] != '"' {
				name = appendText(nil, string(name))
			}
			return value.append(append(append(dst, name...), ':'), values)
		})
	}
	dst = append(dst, '{')
	for i := range n.children {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		dst = append(appendText(dst, n.children[i].name), ':')
		if dst, err = n.children[i].append(dst, values); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// appendText appends a text in JSON. What is not UTF-8 keeps its bytes.
func appendText(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"', c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			dst = append(dst, `\u00`...)
			dst = hex.AppendEncode(dst, []byte{c})
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
