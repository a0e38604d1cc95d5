package replay

import "strings"

// unknownModel is the model of a call whose trace does not say.
const unknownModel = "unknown"

// column is one value of a row.
type column struct {
	name     string
	others   []string // Names that mean the same.
	required bool     // The file has to have it; the value may be empty all the same, where fill allows it.
	why      string   // Who says so, if not the format.
	exact    bool     // Identities are made of it.
}

// FormatInfo describes a format for people.
type FormatInfo struct {
	Name         string
	Description  string
	NeedsStart   bool // Its times are relative.
	NeedsMapping bool // It says nothing of what its columns are.
	Published    bool // Its files are finished: nobody writes to them.
}

// Formats returns the formats there are.
func Formats() []FormatInfo {
	infos := make([]FormatInfo, len(formats))
	for i := range formats {
		infos[i] = formats[i].FormatInfo
	}
	return infos
}

// format is one kind of file.
type format struct {
	FormatInfo
	// rows gives the events of a file where the format is more than columns; the rest is empty then.
	rows func(*lines, Options) (rows, error)

	users bool // Its rows may have users.

	source, tenant, product, provider string
	columns                           []column
	identifying                       int // How many of the columns the id is made of, if not all.
	// fields says which column the value of an event's field comes from; time_us is that of the first in use.
	fields map[string]int
	read   func(*lines, []column) (rowReader, error)
	// fill sets what is in the row; the fields not common to all rows are empty before. It returns the column that is
	// at fault and what is wrong with it; an empty text if nothing is.
	fill func(c *call, v []string) (int, string)
}

// Columns of azure-llm.
const (
	azureTime = iota
	azureInput
	azureOutput
)

// Columns of mooncake.
const (
	mooncakeTime = iota
	mooncakeInput
	mooncakeOutput
	mooncakeSession
	mooncakeDelay
)

// Columns of agentic.
const (
	agenticTrace = iota
	agenticSession
	agenticSeq
	agenticTime
	agenticType
	agenticModel
	agenticInput
	agenticOutput
	agenticCached
	agenticFirstToken
	agenticLatency
)

// open returns the events of a file's rows.
func (f *format) open(l *lines, o Options) (rows, error) {
	if f.rows != nil {
		return f.rows(l, o)
	}
	reader, err := f.read(l, f.columns)
	if err != nil {
		return nil, err
	}
	return &traceRows{format: f, lines: l, reader: reader, call: newCall(f, o)}, nil
}

// Columns of burstgpt.
const (
	burstTime = iota
	burstModel
	burstInput
	burstOutput
	burstLog
	burstSession
	burstLatency
)

// formats are those there are. The order of their columns decides the identity of events and is for ever.
var formats = [...]format{
	{
		FormatInfo: FormatInfo{
			Name:        "azure-llm",
			Published:   true,
			Description: "CSV of the Azure LLM inference traces: TIMESTAMP,ContextTokens,GeneratedTokens; UTC where the time has no zone",
		},
		source: "azure-llm-2023", tenant: "azure-llm-2023", product: "chat", provider: "azure",
		columns: []column{
			azureTime: {name: "TIMESTAMP", required: true}, azureInput: {name: "ContextTokens", required: true}, azureOutput: {name: "GeneratedTokens", required: true},
		},
		fields: map[string]int{"time_us": azureTime, "input_uncached": azureInput, "output_visible": azureOutput},
		read:   readCSV, fill: fillAzure,
	},
	{
		FormatInfo: FormatInfo{
			Name:        "mooncake",
			Published:   true,
			Description: "JSON lines of the Mooncake traces: timestamp (milliseconds from the start), input_length, output_length; or, in later turns of a session_id, delay (milliseconds): they are at the earliest moment, the time of the turn before and the delay; needs --start",
			NeedsStart:  true,
		},
		source: "mooncake-fast25", tenant: "mooncake", product: "kimi", provider: "moonshot_ai",
		columns: []column{
			mooncakeTime:  {name: "timestamp", others: []string{"created_time"}},
			mooncakeInput: {name: "input_length", others: []string{"input_tokens"}, required: true}, mooncakeOutput: {name: "output_length", others: []string{"output_tokens"}, required: true},
			mooncakeSession: {name: "session_id"}, mooncakeDelay: {name: "delay", others: []string{"delay_ms"}},
		},
		users: true, identifying: mooncakeSession,
		fields: map[string]int{"time_us": mooncakeTime, "input_uncached": mooncakeInput, "output_visible": mooncakeOutput},
		read:   readJSON, fill: fillMooncake,
	},
	{
		FormatInfo: FormatInfo{
			Name:        "agentic",
			Published:   true,
			Description: "CSV of agentic coding traces by column name: trace_id, t_s (seconds from the start of the trace), model, input_tokens, output_tokens and more; each trace begins at --start",
			NeedsStart:  true,
		},
		users:  true,
		source: "agentic-coding-traces", tenant: "agentic-coding-traces", product: "claude-code", provider: "anthropic",
		columns: []column{
			agenticTrace: {name: "trace_id", required: true}, agenticSession: {name: "session"}, agenticSeq: {name: "seq"},
			agenticTime: {name: "t_s", required: true}, agenticType: {name: "type"}, agenticModel: {name: "model", required: true},
			agenticInput: {name: "input_tokens", required: true}, agenticOutput: {name: "output_tokens", required: true}, agenticCached: {name: "cached_prefix_tokens"},
			agenticFirstToken: {name: "ttft_s"}, agenticLatency: {name: "api_time_s"},
		},
		fields: map[string]int{
			"time_us": agenticTime, "model": agenticModel, "input_uncached": agenticInput, "input_cache_read": agenticCached,
			"output_visible": agenticOutput, "first_token_us": agenticFirstToken, "latency_us": agenticLatency,
		},
		read: readCSV, fill: fillAgentic,
	},
	{
		FormatInfo: FormatInfo{
			Name:        "burstgpt",
			Published:   true,
			Description: "CSV of the BurstGPT traces by column name: Timestamp (seconds from the start), Model, Request tokens, Response tokens, and where there are any Log Type, Session ID, Elapsed time; needs --start",
			NeedsStart:  true,
		},
		users:  true,
		source: "burstgpt", tenant: "burstgpt", product: "chat", provider: "azure.ai.openai",
		columns: []column{
			burstTime: {name: "Timestamp", required: true}, burstModel: {name: "Model", required: true},
			burstInput: {name: "Request tokens", required: true}, burstOutput: {name: "Response tokens", required: true},
			burstLog: {name: "Log Type"}, burstSession: {name: "Session ID"}, burstLatency: {name: "Elapsed time"},
		},
		fields: map[string]int{
			"time_us": burstTime, "model": burstModel, "input_uncached": burstInput, "output_visible": burstOutput,
			"product": burstLog, "latency_us": burstLatency,
		},
		read: readCSV, fill: fillBurst,
	},
	{
		FormatInfo: FormatInfo{
			Name:        "cloudevents",
			Description: "JSON lines of CloudEvents 1.0, a whole event each; identity, source and time are the event's own",
		},
		rows: readCloudEvents, users: true,
	},
	{
		FormatInfo: FormatInfo{
			Name:         "csv",
			Description:  "any CSV with a header line; needs --mapping",
			NeedsMapping: true,
		},
		rows: readMappedCSV,
	},
	{
		FormatInfo: FormatInfo{
			Name:         "jsonl",
			Description:  "any JSON lines, one object each; needs --mapping",
			NeedsMapping: true,
		},
		rows: readMappedJSON,
	},
}

func formatNamed(name string) *format {
	for i := range formats {
		if formats[i].Name == name {
			return &formats[i]
		}
	}
	return nil
}

func formatNames() string {
	names := make([]string, len(formats))
	for i := range formats {
		names[i] = formats[i].Name
	}
	return strings.Join(names, ", ")
}
