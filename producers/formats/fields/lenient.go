package fields

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"tidemark/producers/formats/faults"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// Unread is a kind of value that could not be read in rows whose events count all the same: the field is unknown there.
type Unread struct {
	Field, Reason string
	Rows          int64
	Example       string // The value of the first such row, quoted and cut; empty if there is none to show.
}

// keptUnread is how many kinds Unreads keeps; others are counted under no field.
const keptUnread = 100

// Lenient sets fields so that a malformed attribute that may be absent does not cost the event: the attribute is
// unknown and noted. An event is refused for what identity, time, type, tenant, weight and token counts are made of,
// see IsRefused.
//
//	l.Reset()                              // before each row
//	problem := l.Set(m, fd, text, shift)   // in the place of Set
//	l.Note(User, text, problem)            // for a field that is not set by Set
//	bad := l.Settle(e)                     // in the place of FirstError
//
// Whoever counts what was noted does so once per row, for rows that give an event.
type Lenient struct {
	Noted     []Unread // Of the current row.
	Tokenless []string // What the current row has, a call that went well and says no tokens; nil for others.
}

// IsRefused reports whether an event is refused for a malformed value of the field.
func IsRefused(fd protoreflect.FieldDescriptor) bool {
	switch name := fd.TextName(); name {
	case Source, ID, Time, Tenant, Product, Run, Weight, UserWeight, Revision, Requests,
		"entity", "metric", "value", "unit", "base_model":
		return true
	case "kind":
		return fd.Kind() == protoreflect.EnumKind // It is a part of the type.
	case "model":
		return fd.Parent().Name() == "ModelEvent"
	default:
		return IsClass(name)
	}
}

// Set sets a field as the function Set does. It returns a problem, to be read after a name, only if the event must be
// refused. A field that cannot be read stays as it was, and is noted.
func (l *Lenient) Set(m protoreflect.Message, fd protoreflect.FieldDescriptor, text string, shift int) (problem string) {
	problem = Set(m, fd, UpperCase(fd, text), shift)
	if problem == "" || IsRefused(fd) {
		return problem
	}
	l.Note(fd.TextName(), text, problem)
	return ""
}

// codeLetters are the lengths of the codes that must be in upper case.
var codeLetters = map[string]int{"country": 2, Currency: 3}

// UpperCase puts the text of a code in upper case; other texts stay as they are.
func UpperCase(fd protoreflect.FieldDescriptor, text string) string {
	if n := codeLetters[fd.TextName()]; n > 0 && len(text) == n {
		return strings.ToUpper(text)
	}
	return text
}

// Note notes a field that is unknown because its text has a problem, which may begin with the quoted text. It does
// nothing if the problem is empty.
func (l *Lenient) Note(field, text, problem string) {
	if problem == "" {
		return
	}
	example := ""
	if text != "" {
		example = faults.Quote(text)
		problem = strings.TrimPrefix(problem, example+" ")
	}
	l.Keep(field, example, problem)
}

// Keep notes a field; shown is the value as messages show it.
func (l *Lenient) Keep(field, shown, reason string) {
	const most = 2 * schemas.ExcerptBytes
	if len(shown) > most {
		shown = strings.ToValidUTF8(shown[:most], "") + "..."
	}
	l.Noted = append(l.Noted, Unread{Field: field, Reason: reason, Example: shown})
}

// Settle validates e. It clears fields that may be absent and are invalid, and notes them. It returns the error for
// which e must be refused; nil if e counts.
func (l *Lenient) Settle(e schemas.Event) *schemas.FieldError {
	for {
		bad := FirstError(e)
		if bad == nil || !l.drop(e, bad) {
			return bad
		}
	}
}

// drop clears the field of an error, and reports false if the field may not be absent.
func (l *Lenient) drop(e schemas.Event, bad *schemas.FieldError) bool {
	m := e.ProtoReflect()
	fields := m.Descriptor().Fields()
	if bad.Field == Currency && bad.Value == "" { // It is missing.
		bad = &schemas.FieldError{Field: Cost, Problem: "has no currency"}
	}
	fd := fields.ByTextName(bad.Field)
	if fd == nil || IsRefused(fd) || !m.Has(fd) {
		return false
	}
	l.Keep(bad.Field, bad.Value, bad.Problem)
	m.Clear(fd)
	switch call, isCall := e.(*usagev1.TokenCall); {
	case bad.Field == Cost, bad.Field == Picos:
		m.Clear(fields.ByTextName(Cost))
		m.Clear(fields.ByTextName(Picos))
	case bad.Field == cacheWrite5m: // Perhaps because both are more than all: neither is known then.
		m.Clear(fields.ByTextName(cacheWrite1h))
	case bad.Field == "model" && isCall:
		call.Model = UnknownModel
	}
	return true
}

// Reset forgets what was noted.
func (l *Lenient) Reset() { l.Noted, l.Tokenless = l.Noted[:0], nil }

// Unreads counts noted values by field and reason.
type Unreads map[[2]string]*Unread

// Add counts what was noted of one row.
func (u *Unreads) Add(noted []Unread) {
	for _, one := range noted {
		key := [2]string{one.Field, one.Reason}
		if *u == nil {
			*u = Unreads{}
		}
		if (*u)[key] == nil && len(*u) >= keptUnread {
			key, one = [2]string{}, Unread{Reason: "cannot be read"}
		}
		if (*u)[key] == nil {
			(*u)[key] = &one
		}
		(*u)[key].Rows++
	}
}

// List returns the counts, the largest first.
func (u Unreads) List() []Unread {
	var all []Unread
	for _, one := range slices.SortedFunc(maps.Values(u), func(a, b *Unread) int {
		return cmp.Or(-cmp.Compare(a.Rows, b.Rows), cmp.Compare(a.Field, b.Field), cmp.Compare(a.Reason, b.Reason))
	}) {
		all = append(all, *one)
	}
	return all
}
