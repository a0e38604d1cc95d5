package clickhouse

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"

	chgo "github.com/ClickHouse/clickhouse-go/v2"

	"tidemark/internal/plural"
)

// Error is an exception of ClickHouse itself.
type Error struct {
	Code    int32  // ClickHouse's number, such as 60.
	Name    string // Its symbolic name, such as "UNKNOWN_TABLE"; may be empty.
	Message string // The text of the exception, with ClickHouse's version at the end.
}

func (e *Error) Error() string {
	if e.Name == "" {
		return fmt.Sprintf("ClickHouse error %d: %s", e.Code, e.Message)
	}
	return fmt.Sprintf("ClickHouse error %d (%s): %s", e.Code, e.Name, e.Message)
}

// UnreachableError is the error of a request for which there was no connection to a ClickHouse, or none that answered.
type UnreachableError struct {
	Because string // In words; empty if Err has them.
	Err     error
}

func (e *UnreachableError) Error() string {
	if e.Because == "" {
		return e.Err.Error()
	}
	return e.Because
}

func (e *UnreachableError) Unwrap() error { return e.Err }

// unreachable makes an error of the driver an *UnreachableError if it is one, in words for users: the driver's are for programmers.
func unreachable(err error) error {
	var network *net.OpError
	switch {
	case errors.As(err, &network) && network.Op == "dial":
		return &UnreachableError{Err: err}
	case errors.Is(err, chgo.ErrAcquireConnTimeout):
		return &UnreachableError{Because: "no connection to ClickHouse within the time for it: what listens there does not answer over HTTP, or all connections are in use", Err: err}
	case errors.Is(err, io.EOF):
		return &UnreachableError{Because: "the connection was closed before ClickHouse answered (EOF)", Err: err}
	case strings.Contains(err.Error(), "malformed HTTP"):
		return &UnreachableError{Because: "what listens there does not speak HTTP, so it is no ClickHouse", Err: err}
	}
	return err
}

// Codes of exceptions that the package treats by name.
const (
	CodeUnknownTable    = 60
	CodeSyntaxError     = 62
	CodeUnknownDatabase = 81
)

// refusals are the exceptions about a value, so that the same rows get them every time. Exceptions about the table (a
// missing column or table, another type) are not refusals: they would turn every row of a database that was not migrated
// into a dead letter. Neither are exceptions about a body that ended early (CANNOT_READ_ALL_DATA,
// ATTEMPT_TO_READ_AFTER_EOF): that is a broken connection.
var refusals = map[int32]string{
	6:   "CANNOT_PARSE_TEXT",
	25:  "CANNOT_PARSE_ESCAPE_SEQUENCE",
	26:  "CANNOT_PARSE_QUOTED_STRING",
	27:  "CANNOT_PARSE_INPUT_ASSERTION_FAILED",
	38:  "CANNOT_PARSE_DATE",
	41:  "CANNOT_PARSE_DATETIME",
	69:  "ARGUMENT_OUT_OF_BOUND",
	72:  "CANNOT_PARSE_NUMBER",
	117: "INCORRECT_DATA",
	128: "TOO_LARGE_ARRAY_SIZE",
	131: "TOO_LARGE_STRING_SIZE",
	153: "ILLEGAL_DIVISION",
	321: "VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE",
	349: "CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN",
	376: "CANNOT_PARSE_UUID",
	395: "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO",
	407: "DECIMAL_OVERFLOW",
	469: "VIOLATED_CONSTRAINT",
	691: "UNKNOWN_ELEMENT_OF_ENUM",
}

// IsRefused reports whether ClickHouse refuses the data itself: the same rows, sent again, would be refused again.
// After any other error the outcome is unknown or the cause may pass, and the same rows may be sent again.
func IsRefused(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	_, refused := refusals[e.Code]
	return refused
}

// IsCode reports whether err is the exception of ClickHouse with that code.
func IsCode(err error, code int32) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}

// wrap turns an error of the driver into ours, with the verb; nil stays nil. Neither the address nor the statement of a
// request is repeated: the driver puts both, with every parameter, into its errors.
func wrap(verb string, err error) error {
	if err == nil {
		return nil
	}
	var exception *chgo.Exception
	if errors.As(err, &exception) {
		return fmt.Errorf("%s: %w", verb, explain(&Error{Code: exception.Code, Name: exception.CodeName, Message: exception.Message}))
	}
	var inURL *url.Error
	if errors.As(err, &inURL) {
		err = inURL.Err
	}
	return fmt.Errorf("%s: %w", verb, unreachable(err))
}

// explain adds advice to the errors that a first start meets.
func explain(e *Error) error {
	switch e.Code {
	case CodeUnknownTable, CodeUnknownDatabase:
		return fmt.Errorf("%w (has `tidemark migrate` been run for this namespace?)", e)
	case CodeSyntaxError:
		e.Message = fold(e.Message)
	}
	return e
}

// fold shortens the list of what ClickHouse's parser expected at the place of a mistake, which may be pages long.
func fold(message string) string {
	const begin, end, most = "Expected one of: ", ". (SYNTAX_ERROR)", 160
	before, list, found := strings.Cut(message, begin)
	if !found {
		return message
	}
	list, after, _ := strings.Cut(list, end)
	if cut := strings.LastIndex(list[:min(len(list), most)], ", "); len(list) > most && cut > 0 {
		list = list[:cut] + " and others"
	}
	return before + begin + list + end + after
}

// columnError is the error of a block whose columns are not equally long.
type columnError struct {
	column     string
	rows, want int
}

func (e *columnError) Error() string {
	return fmt.Sprintf("column %s has %s of %d", e.column, plural.Of(e.rows, "row"), e.want)
}
