package formats

import (
	"encoding/json"

	"github.com/cespare/xxhash/v2"

	"tidemark/producers/formats/faults"
	"tidemark/producers/formats/jsonpath"
	"tidemark/producers/formats/numbers"
	"tidemark/producers/formats/rows"
)

// mooncake is the Mooncake traces.
var mooncake = Format{
	FormatInfo: FormatInfo{
		Name:        "mooncake",
		Published:   true,
		Description: "JSON lines of the Mooncake traces: timestamp (milliseconds from the start), input_length, output_length. A later turn of a session_id may have delay (milliseconds) instead of timestamp: its time is that of the turn before plus the delay",
		NeedsStart:  true,
	},
	source: "mooncake-fast25", tenant: "mooncake", product: "kimi", provider: "moonshot_ai",
	columns: []rows.Column{
		mooncakeTime:  {Name: "timestamp", Others: []string{"created_time"}},
		mooncakeInput: {Name: "input_length", Others: []string{"input_tokens"}, Required: true}, mooncakeOutput: {Name: "output_length", Others: []string{"output_tokens"}, Required: true},
		mooncakeSession: {Name: "session_id"}, mooncakeDelay: {Name: "delay", Others: []string{"delay_ms"}},
	},
	users: true, identifying: mooncakeSession,
	fields: map[string]int{"time_us": mooncakeTime, "input_uncached": mooncakeInput, "output_visible": mooncakeOutput},
	read:   rows.JSON, fill: fillMooncake,
}

// Columns of mooncake.
const (
	mooncakeTime = iota
	mooncakeInput
	mooncakeOutput
	mooncakeSession
	mooncakeDelay
)

func fillMooncake(c *call, v []string) (int, string) {
	if column, text := c.turn(v); text != "" {
		return column, text
	}
	var text string
	if c.event.InputUncached, text = numbers.ParseCount(v[mooncakeInput], &c.input); text != "" {
		return mooncakeInput, text
	}
	c.event.OutputVisible, text = numbers.ParseCount(v[mooncakeOutput], &c.output)
	return mooncakeOutput, text
}

// turn sets the time and the user of a call. The turns of a session after its first have a delay after the end of the
// turn before. That end is not in the trace, so the call gets the earliest possible time: the delay after the turn
// before began.
func (c *call) turn(v []string) (int, string) {
	const milliseconds = 3 // Digits to microseconds.
	var text string
	session, problem := jsonpath.Exact(json.RawMessage(v[mooncakeSession]))
	if problem != "" {
		return mooncakeSession, problem
	}
	if c.event.User, text = c.users.OfTrace(&c.event, session); text != "" {
		return mooncakeSession, text
	}
	c.follows = v[mooncakeTime] == "" && v[mooncakeDelay] != ""
	hash := xxhash.Sum64String(session)
	if !c.follows {
		if c.time, text = c.moment(v[mooncakeTime], milliseconds); text != "" {
			return mooncakeTime, text
		}
	} else {
		delay, _, problem := numbers.Decimal(v[mooncakeDelay], milliseconds)
		before, known := c.turns[hash]
		switch {
		case problem != "":
			return mooncakeDelay, faults.Quote(v[mooncakeDelay]) + " " + problem
		case session == "":
			return mooncakeDelay, "has no session_id beside it, and no timestamp"
		case !known:
			return mooncakeDelay, "is after a turn that is not there: the first of a session needs a timestamp"
		case delay > maxDelay:
			return mooncakeDelay, faults.Quote(v[mooncakeDelay]) + " is too large"
		}
		c.time = before + int64(delay)
	}
	if session != "" {
		if c.turns == nil {
			c.turns = map[uint64]int64{}
		}
		c.turns[hash] = c.time
	}
	return 0, ""
}

// maxDelay is the longest delay, in microseconds: a thousand of them still end within the years that events may have.
const maxDelay = 1e13
