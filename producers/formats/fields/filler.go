package fields

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	"tidemark/producers/formats/jsonpath"
)

// Filler sets the fields of one event after the other from the values of JSON objects.
type Filler struct {
	Lenient Lenient
	Weights Weights
}

// Reset begins with another event.
func (f *Filler) Reset() {
	f.Lenient.Reset()
	f.Weights = Weights{}
}

// From sets a field from the value at a path of the data, given in a unit that is shift digits more than the field's, if
// there is one and the field is not set. The problem, of an event that has to be refused, is to be read after the path.
func (f *Filler) From(m protoreflect.Message, name string, data jsonpath.Object, path string, shift int) (problem string) {
	fd := m.Descriptor().Fields().ByTextName(name)
	if m.Has(fd) {
		return ""
	}
	raw, ok := data.Lookup(path)
	if !ok {
		return ""
	}
	read := jsonpath.Text
	if name == Tenant {
		read = jsonpath.Exact
	}
	text, problem := read(raw)
	switch {
	case problem != "" && !IsRefused(fd):
		f.Lenient.Note(name, "", problem)
		return ""
	case problem != "", text == "":
		return problem
	}
	problem = f.Lenient.Set(m, fd, text, shift)
	f.Weights.Note(m, fd)
	return problem
}
