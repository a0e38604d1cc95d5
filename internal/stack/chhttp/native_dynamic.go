package chhttp

import (
	"fmt"
	"slices"
	"strings"
)

// The types whose shape is said by their data: Variant, Dynamic and JSON.
const (
	kindVariant nativeKind = iota + 100
	kindDynamic            // a Variant whose types stand before the data
	kindObject             // JSON: paths with types, then paths that stand before the data, then all others
)

const (
	// sharedVariant names the variant of a Dynamic that holds what has no variant of its own, as strings.
	sharedVariant = "SharedVariant"
	variantNull   = 255
	// Versions of what stands before the data. The first of each also says how many types or paths there may be.
	dynamicV1, dynamicV2 = 1, 2
	objectV1, objectV2   = 0, 2
)

// parseDynamic reads the types of this file.
func parseDynamic(base string, args []string) (t *nativeType, ok bool, err error) {
	switch base {
	case "Dynamic":
		return &nativeType{kind: kindDynamic}, true, nil
	case "Geometry":
		args = []string{"LineString", "MultiLineString", "MultiPolygon", "Point", "Polygon", "Ring"}
	case "JSON", "Object":
		t, err := parseObject(args)
		return t, true, err
	case "Variant":
	default:
		return nil, false, nil
	}
	t = &nativeType{kind: kindVariant}
	for _, arg := range args {
		inner, err := parseType(arg)
		if err != nil {
			return nil, true, err
		}
		t.inner = append(t.inner, inner)
	}
	return t, true, nil
}

// parseObject reads the paths that have types, which the engine writes in the order of their data.
func parseObject(args []string) (*nativeType, error) {
	object := &nativeType{kind: kindObject}
	for _, arg := range args {
		lexer := &lexer{text: arg}
		first := lexer.next()
		for strings.HasPrefix(arg[lexer.pos:], ".") {
			lexer.pos++
			lexer.next()
		}
		rest := strings.TrimSpace(arg[lexer.pos:])
		if first.is("SKIP") || strings.HasPrefix(rest, "=") {
			continue
		}
		t, err := parseType(rest)
		if err != nil {
			return nil, err
		}
		object.inner = append(object.inner, t)
	}
	return object, nil
}

// dynamicPrefix passes over what stands before the data of a type of this file, and learns its shape.
func (w *nativeWalker) dynamicPrefix(t *nativeType) {
	switch t.kind {
	case kindDynamic:
		w.version("Dynamic", dynamicV1, dynamicV2)
		names := append(w.strings(), sharedVariant)
		slices.Sort(names)
		for _, name := range names {
			inner := &nativeType{kind: kindString}
			if name != sharedVariant {
				var err error
				if inner, err = parseType(name); err != nil {
					w.fail(err)
					return
				}
			}
			t.inner = append(t.inner, inner)
		}
	case kindObject:
		w.version("JSON", objectV1, objectV2)
		for range w.strings() {
			t.inner = append(t.inner, &nativeType{kind: kindDynamic})
		}
	}
	if t.kind != kindObject {
		if mode := w.uint64(); mode != 0 {
			w.fail(fmt.Errorf("mode %d of a Variant", mode))
		}
	}
	for _, inner := range t.inner {
		if w.err == nil {
			w.prefix(inner)
		}
	}
}

// version passes over the version of a type's data; with the first one comes a limit.
func (w *nativeWalker) version(name string, first, second uint64) {
	switch version := w.uint64(); {
	case w.err != nil:
	case version == first:
		w.uvarint()
	case version != second:
		w.fail(fmt.Errorf("version %d of %s", version, name))
	}
}

// strings reads a list of them.
func (w *nativeWalker) strings() []string {
	var list []string
	for n := w.uvarint(); n > 0 && w.err == nil; n-- {
		list = append(list, w.string())
	}
	return list
}

// dynamicData passes over rows values of a type of this file.
func (w *nativeWalker) dynamicData(t *nativeType, rows uint64) {
	if t.kind == kindObject {
		for _, inner := range t.inner {
			w.data(inner, rows)
		}
		w.data(array(tuple(&nativeType{kind: kindString}, &nativeType{kind: kindString})), rows)
		return
	}
	start := w.pos
	if w.skip(rows, 1); w.err != nil {
		return
	}
	counts := make([]uint64, len(t.inner))
	for _, which := range w.in[start:w.pos] {
		switch {
		case which == variantNull:
		case int(which) >= len(counts):
			w.fail(fmt.Errorf("variant %d of %d", which, len(counts)))
			return
		default:
			counts[which]++
		}
	}
	for i, inner := range t.inner {
		w.data(inner, counts[i])
	}
}
