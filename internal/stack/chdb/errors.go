package chdb

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Error codes of ClickHouse that callers of this package treat specially.
const (
	CodeSyntaxError     = 62
	CodeUnknownSetting  = 115
	CodeQueryCancelled  = 394
	codeUnknownError    = 1002
	codeBadArguments    = 36
	codeConstraint      = 452
	streamNotSupported  = "Streaming query is not supported"
	unknownErrorName    = "UNKNOWN_EXCEPTION"
	exceptionTextPrefix = "Code: "
)

// Error is an exception of the engine.
type Error struct {
	Code int    // ClickHouse's error code, such as 60
	Name string // its name, such as UNKNOWN_TABLE
	Text string // the whole text: `Code: 60. DB::Exception: ... (UNKNOWN_TABLE)`
}

// Error returns the engine's text.
func (e *Error) Error() string { return e.Text }

// NewError builds the exception that the engine would give for a code, a name
// and a message.
func NewError(code int, name, message string) *Error {
	return &Error{Code: code, Name: name, Text: fmt.Sprintf("Code: %d. DB::Exception: %s (%s)", code, message, name)}
}

var (
	codePattern = regexp.MustCompile(`^Code: (\d+)\. `)
	namePattern = regexp.MustCompile(`\(([A-Z][A-Z0-9_]+)\)`)
)

// parseError reads code and name from the text of an exception. The engine
// repeats the frame when an exception passes through several layers; the
// innermost code and the last name are those of the cause.
func parseError(text string) *Error {
	text = strings.TrimSpace(text)
	match := codePattern.FindStringSubmatch(text)
	if match == nil {
		return NewError(codeUnknownError, unknownErrorName, text)
	}
	code, err := strconv.Atoi(match[1])
	if err != nil {
		return NewError(codeUnknownError, unknownErrorName, text)
	}
	result := &Error{Code: code, Text: text, Name: unknownErrorName}
	if names := namePattern.FindAllStringSubmatch(text, -1); names != nil {
		result.Name = names[len(names)-1][1]
	}
	return result
}
