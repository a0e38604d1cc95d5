// Package formats makes events of data that other programs have written: traces, CloudEvents, CSV and JSON of any kind.
//
//	container: bytes -> text       rows: text -> rows       Format.Open: rows -> events
//
//	azure-llm, mooncake, agentic, burstgpt -> trace: columns -> fill ─────┐
//	cloudevents -> attributes -> fields, genai ───────────────────────────┼─> Rows: one event per row
//	csv, jsonl -> mapping ────────────────────────────────────────────────┤
//	claude-code, codex, ... -> agents, stored, otlp, gateways -> reports ─┘
//
// It knows no pace, no log and no flag. A caller opens a Format with Settings and asks Rows for one event after the
// other; the event is valid until the next call, and so are the texts in it. Rows are for one goroutine.
//
// # Identity
//
// The same rows give the same events, whatever the file is called, however it is packed or its lines end, and under any
// run label. The source of an event is that of its format and never changes. Its id is
//
//	<row>-<hash>
//
// where row counts the data rows of the file from 1, rows that cannot be read and headers in the middle among them (so
// that mending one moves no other), and hash is the first 8 bytes, in hexadecimal, of a SHA-256 over the format's
// columns in the order in which the package lists them, each after its length, without the spaces around it; a column
// that the file does not have is empty, and columns that the format does not use do not matter. (Mooncake: of the first
// three, with the session and the delay only for a turn without a time of its own.) Equal rows at different places of a
// file are different events; at the same place of two files they are one, since it does not matter what a file is
// called: join the shards of a trace that may have such rows. In a format with relative times the time of the trace's
// zero is hashed too, in microseconds: another start makes another history. What was once a column of a format remains
// one, in its place.
//
// With a mapping the columns are those that it names, in the order of their names, and each name is hashed before its
// value; or the id is what is in the columns that the mapping says it is: of several joined with slashes, a slash or a
// backslash within one after a backslash. What an identity is made of has to be UTF-8. CloudEvents bring source and id
// along.
//
// Calls that agents, collectors, gateways and stored answers report have the identity of package calls: the id of the
// provider's answer under the source gen_ai.response, or the reporter's own name of the call under gen_ai.reporter. Where a
// log has the id of the request beside that of the answer, that is the id, as in the telemetry of Claude Code. Lines that say
// one answer again are one event, see package replay.
package formats

import (
	"strings"

	"tidemark/producers/formats/rows"
)

// FormatInfo describes a format.
type FormatInfo struct {
	Name         string
	Description  string
	NeedsStart   bool // Its times count from the start of a trace, which Settings.Start sets.
	NeedsMapping bool // Its columns can be anything, and Settings.Mapping names them.
	NeedsTenant  bool // Nothing in it names a tenant, and Settings.Tenant does.
	Published    bool // Its files are published traces: nobody appends to them.
	// Folder are the patterns of the names of its files, for which a folder stands; empty if it is read from files only. The names
	// of such files may tell what people work on.
	Folder []string
	Grows  bool // A call may be stated several times, in one file or in several, and counts once: see replay.
}

// All returns the formats.
func All() []FormatInfo {
	infos := make([]FormatInfo, len(all))
	for i := range all {
		infos[i] = all[i].FormatInfo
	}
	return infos
}

// Format is one kind of file.
type Format struct {
	FormatInfo
	// rows makes the events of a format that is more than columns; the fields below are empty then.
	rows func(*rows.Lines, Settings) (Rows, error)

	users  bool // Its rows may have users.
	ownIDs bool // Its rows have identities of their own.

	source, tenant, product, provider string
	columns                           []rows.Column
	identifying                       int // How many of the columns the id is made of; 0 for all.
	// fields are the columns that the fields of an event come from.
	fields map[string]int
	read   func(*rows.Lines, []rows.Column) (rows.Reader, error)
	// fill sets the fields of the event from the values of a row; fields that are not the same in all rows are empty
	// before. It returns the column at fault and its problem; an empty problem if there is none.
	fill func(c *call, v []string) (int, string)
}

// Open returns the events of the rows of l, by settings that Validate accepts. An error is about the file as a whole: a
// header that cannot be read, or a column that is missing.
func (f *Format) Open(l *rows.Lines, s Settings) (Rows, error) {
	l.LastLine = s.lastLine(f)
	if f.rows != nil {
		return f.rows(l, s)
	}
	reader, err := f.read(l, f.columns)
	if err != nil {
		return nil, err
	}
	return &traceRows{format: f, lines: l, reader: reader, call: newCall(f, s)}, nil
}

// all are the formats. The order of their columns decides the identity of events: it must never change.
var all = [...]Format{
	azureLLM,
	mooncake,
	agentic,
	burstGPT,
	{
		FormatInfo: FormatInfo{
			Name:        "cloudevents",
			Description: "JSON lines of CloudEvents 1.0, a whole event each; identity, source and time are the event's own",
		},
		rows: readCloudEvents, users: true, ownIDs: true,
	},
	{
		FormatInfo: FormatInfo{
			Name:         "csv",
			Description:  "any CSV with a header line",
			NeedsMapping: true,
		},
		rows: readMappedCSV,
	},
	{
		FormatInfo: FormatInfo{
			Name:         "jsonl",
			Description:  "any JSON lines, one object each",
			NeedsMapping: true,
		},
		rows: readMappedJSON,
	},
	claudeCode,
	codex,
	geminiCLI,
	qwenCode,
	otlpJSON,
	liteLLM,
	openAI,
	anthropic,
}

// Named returns the format with the name; nil if there is none.
func Named(name string) *Format {
	for i := range all {
		if all[i].Name == name {
			return &all[i]
		}
	}
	return nil
}

// Names lists the names of all formats, for messages.
func Names() string {
	names := make([]string, len(all))
	for i := range all {
		names[i] = all[i].Name
	}
	return strings.Join(names, ", ")
}
