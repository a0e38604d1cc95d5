package fields

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	"tidemark/producers/formats/jsonpath"
)

// Filler sets the fields of one event after the other from the values of JSON objects. Call Reset before each event.
type Filler struct {
	Lenient Lenient
	Weights Weights
}

// Reset begins with another event.
func (f *Filler) Reset() {
	f.Lenient.Reset()
	f.Weights = Weights{}
}

// From sets a field from the value at a path of the data, if there is a value and the field is not set yet. The unit of
// the value is shift digits more than that of the field. A problem means that the event must be refused; it is to be
// read after the path.
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
