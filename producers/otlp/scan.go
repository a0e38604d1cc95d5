package otlp

import (
	"strings"

	"tidemark/producers/calls"
)

// scanner reads a request for spans in Protobuf without making messages of it. What it takes over from the body is a copy, since
// reports live longer than bodies.
type scanner struct {
	batch calls.Batch
	depth int // How deep values may nest.

	attributes attributes
	span       span
	events     bool // The span has some.
	product    string
	scope      scope
	free       []calls.Report
	kept       map[string]string // Texts that many spans have.
}

// maxKept bounds the texts that a scanner keeps.
const (
	maxKept     = 4096
	maxKeptText = 128
)

// keep returns a copy of a text, the same one for equal texts if there are few.
func (s *scanner) keep(text string) string {
	if text == "" {
		return ""
	}
	if known, ok := s.kept[text]; ok {
		return known
	}
	text = strings.Clone(text)
	if len(text) <= maxKeptText && len(s.kept) < maxKept {
		s.kept[text] = text
	}
	return text
}

// reset makes the scanner ready for the next request.
func (s *scanner) reset() {
	if len(s.kept) == maxKept {
		clear(s.kept)
	}
	*s = scanner{kept: s.kept, span: span{tokens: s.span.tokens[:0]}}
}

// each calls read for each field of a message of a shape.
func each(message string, of *shape, read func(f *fields) error) error {
	f := fields{rest: message}
	for {
		more, err := f.next()
		if err != nil || !more {
			return err
		}
		if err := of.check(&f); err != nil {
			return err
		}
		if err := read(&f); err != nil {
			return err
		}
	}
}

// scan adds the items of a request to the batch.
func (s *scanner) scan(body string, depth int) error {
	s.depth = depth
	return each(body, shapeOfRequest, func(f *fields) error {
		if f.number != 1 {
			return nil
		}
		return s.resourceSpans(f.bytes)
	})
}

// oldScopeSpans is the field that had the scopes before the first stable version.
const oldScopeSpans = 1000

// resourceSpans adds the spans of a resource, which may stand behind them: it goes over the fields twice.
func (s *scanner) resourceSpans(message string) error {
	s.product = ""
	named, scopes, old := false, false, false
	err := each(message, shapeOfSpans, func(f *fields) error {
		switch f.number {
		case 1:
			return s.resource(f.bytes, &named)
		case 2:
			scopes = true
		case oldScopeSpans:
			old = true
			if f.wire != wireBytes {
				return errWire
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	switch {
	case old && scopes:
		err = each(message, shapeOfSpans, func(f *fields) error {
			if f.number != oldScopeSpans {
				return nil
			}
			return shapeOfScoped.lookOver(f.bytes, s.depth)
		})
		if err != nil {
			return err
		}
		fallthrough
	case scopes:
		return s.eachScope(message, 2)
	case old:
		return s.eachScope(message, oldScopeSpans)
	}
	return nil
}

// eachScope adds the spans of the scopes in a field.
func (s *scanner) eachScope(message string, field int32) error {
	return each(message, shapeOfSpans, func(f *fields) error {
		if f.number != field {
			return nil
		}
		return s.scopeSpans(f.bytes)
	})
}

// resource reads the name of the service: the first one counts, of which named tells whether it was found.
func (s *scanner) resource(message string, named *bool) error {
	return each(message, shapeOfResource, func(f *fields) error {
		switch f.number {
		case 1:
			name, v, err := s.pair(f.bytes)
			if err == nil && name == "service.name" && !*named {
				*named, s.product = true, s.keep(serviceName(v))
			}
			return err
		case 3:
			return shapeOfEntity.lookOver(f.bytes, s.depth)
		}
		return nil
	})
}

// scopeSpans adds the spans of a scope, which may stand behind them: it goes over the fields twice.
func (s *scanner) scopeSpans(message string) error {
	name, version := "", ""
	err := each(message, shapeOfScoped, func(f *fields) error {
		if f.number != 1 {
			return nil
		}
		return each(f.bytes, shapeOfScope, func(f *fields) error {
			switch f.number {
			case 1:
				name = f.bytes
			case 2:
				version = f.bytes
			case 3:
				return shapeOfPair.lookOver(f.bytes, s.depth)
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	s.scope = scope{name: s.keep(name), version: s.keep(version), known: calls.ScopeOf(name)}
	return each(message, shapeOfScoped, func(f *fields) error {
		if f.number != 2 {
			return nil
		}
		return s.addSpan(f.bytes)
	})
}

// addSpan adds one span.
func (s *scanner) addSpan(message string) error {
	if err := s.readSpan(message); err != nil {
		return err
	}
	operation, skip := s.attributes.countedAs(&s.scope)
	if skip != "" {
		s.batch.Skip(skip)
		return nil
	}
	if s.events {
		s.readEvents(message)
	}
	if len(s.free) == 0 {
		s.free = make([]calls.Report, 16)
	}
	r := &s.free[0]
	bad := readSpan(r, &s.attributes, s.product, operation, &s.scope, &s.span)
	if bad.field != "" {
		*r = calls.Report{}
		s.batch.Reject(bad.field, bad.reason)
		return nil
	}
	s.free = s.free[1:]
	for _, text := range []*string{&r.Operation, &r.Provider, &r.Requested, &r.Served, &r.Tier, &r.Region, &r.ErrorType} {
		*text = s.keep(*text)
	}
	for _, text := range []*string{&r.ResponseID, &r.ReporterID, &r.User, &r.Cost} {
		*text = strings.Clone(*text)
	}
	s.batch.Report(r)
	return nil
}

// readSpan reads a span and its attributes.
func (s *scanner) readSpan(message string) error {
	s.span = span{tokens: s.span.tokens[:0]}
	s.events = false
	clear(s.attributes.names[:])
	f := fields{rest: message}
	for {
		more, err := f.next()
		if err != nil || !more {
			return err
		}
		if err := shapeOfSpan.check(&f); err != nil {
			return err
		}
		switch f.number {
		case 1:
			s.span.trace = [16]byte{}
			copy(s.span.trace[:], f.bytes)
		case 2:
			s.span.id = [8]byte{}
			copy(s.span.id[:], f.bytes)
		case 4:
			s.span.parent = [8]byte{}
			copy(s.span.parent[:], f.bytes)
		case 7:
			s.span.start = int64(f.bits) / 1000
		case 8:
			s.span.end = int64(f.bits) / 1000
		case 9:
			name, v, pairErr := s.pair(f.bytes)
			if err = pairErr; err == nil {
				if as := aliasOf(name); as != nil {
					s.attributes.take(as, v)
				}
			}
		case 11:
			s.events = true
			err = shapeOfEvent.lookOver(f.bytes, s.depth)
		case 13:
			err = shapeOfLink.lookOver(f.bytes, s.depth)
		case 15:
			err = s.status(f.bytes)
		}
		if err != nil {
			return err
		}
	}
}

// statusError is the code of a span that failed.
const statusError = 2

func (s *scanner) status(message string) error {
	return each(message, shapeOfStatus, func(f *fields) error {
		if f.number == 3 {
			s.span.failed = int32(f.bits) == statusError
		}
		return nil
	})
}

// readEvents reads the events of a span, which was looked over.
func (s *scanner) readEvents(message string) {
	_ = each(message, shapeOfSpan, func(f *fields) error {
		if f.number != 11 {
			return nil
		}
		name, at := "", int64(0)
		err := each(f.bytes, shapeOfEvent, func(f *fields) error {
			switch f.number {
			case 1:
				at = int64(f.bits) / 1000
			case 2:
				name = f.bytes
			}
			return nil
		})
		if name == firstToken {
			s.span.tokens = append(s.span.tokens, at)
		}
		return err
	})
}

// shortPair reads an attribute as nearly all are: a name and a text or an integer, of fewer than 128 bytes each. ok is false for
// others.
func shortPair(message string) (name string, v value, ok bool) {
	const key, inner, text, integer = 1<<3 | wireBytes, 2<<3 | wireBytes, 1<<3 | wireBytes, 3<<3 | wireVarint
	n := len(message)
	if n < 4 || n > 0x7f || message[0] != key || int(message[1]) > n-4 {
		return "", v, false
	}
	end := 2 + int(message[1])
	name = message[2:end]
	if message[end] != inner || int(message[end+1]) != n-end-2 {
		return "", v, false
	}
	rest := message[end+2:]
	switch {
	case len(rest) >= 2 && rest[0] == text && int(rest[1]) == len(rest)-2:
		return name, value{kind: kindText, text: rest[2:]}, true
	case len(rest) >= 2 && rest[0] == integer:
		f := fields{rest: rest[1:]}
		bits, err := f.varint()
		return name, value{kind: kindInteger, bits: bits}, err == nil && f.rest == ""
	}
	return "", v, false
}

// pair reads an attribute.
func (s *scanner) pair(message string) (name string, v value, err error) {
	if s.depth < 2 {
		return "", v, errDepth
	}
	if name, v, ok := shortPair(message); ok {
		return name, v, nil
	}
	f := fields{rest: message}
	for {
		more, err := f.next()
		if err != nil || !more {
			return name, v, err
		}
		if err := shapeOfPair.check(&f); err != nil {
			return "", v, err
		}
		switch f.number {
		case 1:
			name = f.bytes
		case 2:
			if err := v.read(f.bytes, s.depth-1); err != nil {
				return "", v, err
			}
		}
	}
}

// read reads a value. Of several in one message the last counts.
func (v *value) read(message string, depth int) error {
	if depth--; depth < 0 {
		return errDepth
	}
	f := fields{rest: message}
	for {
		more, err := f.next()
		if err != nil || !more {
			return err
		}
		if err := shapeOfValue.check(&f); err != nil {
			return err
		}
		switch f.number {
		case 1:
			*v = value{kind: kindText, text: f.bytes}
		case 2:
			*v = value{kind: kindTruth, bits: min(f.bits, 1)}
		case 3:
			*v = value{kind: kindInteger, bits: f.bits}
		case 4:
			*v = value{kind: kindReal, bits: f.bits}
		case 5, 6:
			*v = value{kind: kindOther}
			if err := shapeOfValue.inner[f.number].lookOver(f.bytes, depth); err != nil {
				return err
			}
		case 7:
			*v = value{kind: kindOther}
		case 8:
			*v = value{} // An index into a table of texts that requests for spans do not have.
		}
	}
}
