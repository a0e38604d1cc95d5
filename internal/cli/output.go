package cli

import (
	"encoding/json"
	"io"
	"time"
)

// outputFlags say how a command prints its result.
type outputFlags struct {
	Output string `help:"Print the result as text, or as JSON for programs: docs/command-line.md has the names. Everything else goes to standard error then." enum:"text,json" default:"text" placeholder:"text|json"`
}

// json reports whether the result is to be JSON.
func (f outputFlags) json() bool { return f.Output == "json" }

// told returns the streams for what is not the result: with JSON, people read it on standard error.
func (f outputFlags) told(s Streams) Streams {
	if f.json() {
		s.Out = s.Err
	}
	return s
}

// show writes a result: as JSON, or as people read it.
func (f outputFlags) show(w io.Writer, value any, people func(io.Writer) error) error {
	if f.json() {
		return printJSON(w, value)
	}
	return people(w)
}

// printJSON writes one JSON value for people and programs.
func printJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// timeJSON returns a time for JSON in UTC, nil for the zero time.
func timeJSON(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// listJSON returns a list for JSON that is [] when it is empty.
func listJSON[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
