package replay

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// unknownModel is the model of a call whose trace does not say.
const unknownModel = "unknown"

// column is one value of a row.
type column struct {
	name     string
	required bool // The file has to have it; the value may be empty all the same, where fill allows it.
}

// format is one kind of trace.
type format struct {
	FormatInfo
	source, tenant, product, provider string
	columns                           []column
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

// formats are those there are. The order of their columns decides the identity of events and is for ever.
var formats = [...]format{
	{
		FormatInfo: FormatInfo{
			Name:        "azure-llm",
			Description: "CSV of the Azure LLM inference traces: TIMESTAMP,ContextTokens,GeneratedTokens; UTC where the time has no zone",
		},
		source: "azure-llm-2023", tenant: "azure-llm-2023", product: "chat", provider: "azure",
		columns: []column{
			azureTime: {"TIMESTAMP", true}, azureInput: {"ContextTokens", true}, azureOutput: {"GeneratedTokens", true},
		},
		fields: map[string]int{"time_us": azureTime, "input_uncached": azureInput, "output_visible": azureOutput},
		read:   readCSV, fill: fillAzure,
	},
	{
		FormatInfo: FormatInfo{
			Name:        "mooncake",
			Description: "JSON lines of the Mooncake traces: timestamp (relative, milliseconds), input_length, output_length; needs --start",
			NeedsStart:  true,
		},
		source: "mooncake-fast25", tenant: "mooncake", product: "kimi", provider: "moonshot_ai",
		columns: []column{
			mooncakeTime: {"timestamp", true}, mooncakeInput: {"input_length", true}, mooncakeOutput: {"output_length", true},
		},
		fields: map[string]int{"time_us": mooncakeTime, "input_uncached": mooncakeInput, "output_visible": mooncakeOutput},
		read:   readJSON, fill: fillMooncake,
	},
	{
		FormatInfo: FormatInfo{
			Name:        "agentic",
			Description: "CSV of agentic coding traces by column name: trace_id, t_s (seconds from the start of the trace), model, input_tokens, output_tokens and more; each trace begins at --start",
			NeedsStart:  true,
		},
		source: "agentic-coding-traces", tenant: "agentic-coding-traces", product: "claude-code", provider: "anthropic",
		columns: []column{
			agenticTrace: {"trace_id", true}, agenticSession: {"session", false}, agenticSeq: {"seq", false},
			agenticTime: {"t_s", true}, agenticType: {"type", false}, agenticModel: {"model", true},
			agenticInput: {"input_tokens", true}, agenticOutput: {"output_tokens", true}, agenticCached: {"cached_prefix_tokens", false},
			agenticFirstToken: {"ttft_s", false}, agenticLatency: {"api_time_s", false},
		},
		fields: map[string]int{
			"time_us": agenticTime, "model": agenticModel, "input_uncached": agenticInput, "input_cache_read": agenticCached,
			"output_visible": agenticOutput, "first_token_us": agenticFirstToken, "latency_us": agenticLatency,
		},
		read: readCSV, fill: fillAgentic,
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

// call is the event of the current row and the memory of its values.
type call struct {
	event usagev1.TokenCall
	start int64 // The trace's zero, microseconds since 1970; 0 where times are absolute.

	input, cached, output, firstToken, latency uint64

	key  []byte // What the id is hashed from.
	id   []byte
	user userHash
}

// newCall returns a call with all that is the same in every event.
func newCall(f *format, o Options) *call {
	c := &call{}
	c.event.Source, c.event.Tenant, c.event.Product, c.event.Provider = f.source, f.tenant, f.product, f.provider
	c.event.Run, c.event.Operation, c.event.Status = o.Run, "chat", usagev1.Status_STATUS_OK
	if o.Tenant != "" {
		c.event.Tenant = o.Tenant
	}
	if o.Product != "" {
		c.event.Product = o.Product
	}
	if f.NeedsStart {
		c.start = o.Start.UnixMicro()
	}
	return c
}

// set makes the event of a row, the given one of its file. It returns the column that is at fault and what is wrong with
// it; an empty text if nothing is.
func (c *call) set(f *format, values []string, row uint64) (int, string) {
	e := &c.event
	e.Model, e.Streaming, e.User = unknownModel, false, 0
	e.InputUncached, e.InputCacheRead, e.OutputVisible, e.FirstTokenUs, e.LatencyUs = nil, nil, nil, nil, nil
	if column, text := f.fill(c, values); text != "" {
		return column, f.columns[column].name + " " + text
	}
	c.identify(f, values, row)
	if bad := fieldErrors(schemas.Validate(e)); len(bad) > 0 {
		column := f.fields[bad[0].Field]
		return column, f.columns[column].name + " does not fit: " + bad[0].Error()
	}
	return 0, ""
}

// identify sets the id by the rule in the package's comment.
func (c *call) identify(f *format, values []string, row uint64) {
	c.key = c.key[:0]
	if f.NeedsStart {
		c.key = binary.BigEndian.AppendUint64(c.key, uint64(c.start))
	}
	for _, v := range values {
		c.key = append(binary.AppendUvarint(c.key, uint64(len(v))), v...)
	}
	sum := sha256.Sum256(c.key)
	c.id = append(strconv.AppendUint(c.id[:0], row, 10), '-')
	c.event.Id = string(hex.AppendEncode(c.id, sum[:8]))
}

// fieldErrors returns the errors of single fields that Validate has joined.
func fieldErrors(err error) []*schemas.FieldError {
	var out []*schemas.FieldError
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return nil
	}
	for _, one := range joined.Unwrap() {
		var bad *schemas.FieldError
		if errors.As(one, &bad) {
			out = append(out, bad)
		}
	}
	return out
}

func fillAzure(c *call, v []string) (int, string) {
	var text string
	if c.event.TimeUs, text = parseTime(v[azureTime]); text != "" {
		return azureTime, text
	}
	if c.event.InputUncached, text = parseCount(v[azureInput], &c.input); text != "" {
		return azureInput, text
	}
	c.event.OutputVisible, text = parseCount(v[azureOutput], &c.output)
	return azureOutput, text
}

func fillMooncake(c *call, v []string) (int, string) {
	var text string
	const milliseconds = 3 // Digits to microseconds.
	if c.event.TimeUs, text = c.after(v[mooncakeTime], milliseconds); text != "" {
		return mooncakeTime, text
	}
	if c.event.InputUncached, text = parseCount(v[mooncakeInput], &c.input); text != "" {
		return mooncakeInput, text
	}
	c.event.OutputVisible, text = parseCount(v[mooncakeOutput], &c.output)
	return mooncakeOutput, text
}

func fillAgentic(c *call, v []string) (int, string) {
	e := &c.event
	var text string
	if e.TimeUs, text = c.after(v[agenticTime], seconds); text != "" {
		return agenticTime, text
	}
	switch v[agenticType] {
	case "s":
		e.Streaming = true
	case "n", "":
	default:
		return agenticType, quote(v[agenticType]) + " is neither n nor s"
	}
	if v[agenticModel] != "" {
		e.Model = v[agenticModel]
	}
	e.User = c.user.of(v[agenticTrace])
	if e.InputUncached, text = parseCount(v[agenticInput], &c.input); text != "" {
		return agenticInput, text
	}
	if e.InputCacheRead, text = parseCount(v[agenticCached], &c.cached); text != "" {
		return agenticCached, text
	}
	if e.InputUncached != nil && e.InputCacheRead != nil {
		if c.cached > c.input {
			return agenticCached, fmt.Sprintf("%d is more than input_tokens, %d, of which it is a part", c.cached, c.input)
		}
		c.input -= c.cached
	}
	if e.OutputVisible, text = parseCount(v[agenticOutput], &c.output); text != "" {
		return agenticOutput, text
	}
	if e.FirstTokenUs, text = parseDuration(v[agenticFirstToken], &c.firstToken); text != "" {
		return agenticFirstToken, text
	}
	e.LatencyUs, text = parseDuration(v[agenticLatency], &c.latency)
	return agenticLatency, text
}

// userHash gives the user of a trace.
type userHash struct {
	trace string // The last one asked for.
	user  uint64
}

// of returns a hash of the trace, never 0, or 0 for none.
func (h *userHash) of(trace string) uint64 {
	if trace == "" {
		return 0
	}
	if trace != h.trace {
		sum := sha256.Sum256([]byte("agentic-coding-traces/" + trace))
		h.trace, h.user = strings.Clone(trace), max(binary.BigEndian.Uint64(sum[:8]), 1)
	}
	return h.user
}

// parseTime reads a date and time of day, in UTC if it has no zone, and cuts it to whole microseconds since 1970.
func parseTime(s string) (int64, string) {
	if s == "" {
		return 0, "is empty"
	}
	layout := "2006-01-02 15:04:05"
	if len(s) > len(layout) && s[len("2006-01-02")] == 'T' {
		layout = "2006-01-02T15:04:05"
	}
	if len(s) > len(layout) && strings.ContainsAny(s[len(layout):], "Z+-") {
		layout += "Z07:00"
	}
	t, err := time.Parse(layout, s)
	if err != nil {
		return 0, quote(s) + " is not a time like 2023-11-16 18:15:46.6805900"
	}
	return t.UnixMicro(), ""
}

// seconds are six digits more than microseconds.
const seconds = 6

// after returns the time that is s after the trace's zero; digits are those from its unit to microseconds.
func (c *call) after(s string, digits int) (int64, string) {
	if s == "" {
		return 0, "is empty"
	}
	us, _, problem := decimal(s, digits)
	if problem != "" {
		return 0, quote(s) + " " + problem
	}
	return c.start + int64(us), ""
}

// parseDuration reads seconds, cut to whole microseconds; nil means unknown.
func parseDuration(s string, us *uint64) (*uint64, string) {
	if s == "" {
		return nil, ""
	}
	var problem string
	if *us, _, problem = decimal(s, seconds); problem != "" {
		return nil, quote(s) + " " + problem
	}
	return us, ""
}

// parseCount reads a whole number; nil means unknown.
func parseCount(s string, n *uint64) (*uint64, string) {
	if s == "" {
		return nil, ""
	}
	var problem string
	var exact bool
	*n, exact, problem = decimal(s, 0)
	if problem == "" && !exact {
		problem = "is not a whole number"
	}
	if problem != "" {
		return nil, quote(s) + " " + problem
	}
	return n, ""
}

// shownBytes is how much of a bad value a problem shows.
const shownBytes = 40

// quote quotes s for people and cuts it to a length that fits a message.
func quote(s string) string {
	if len(s) <= shownBytes {
		return strconv.QuoteToASCII(s)
	}
	return strconv.QuoteToASCII(s[:shownBytes]) + "..."
}
