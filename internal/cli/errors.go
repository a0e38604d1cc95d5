package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"tidemark/consumers/clickhouse"
)

// Exit codes. docs/command-line.md says which command ends with which.
const (
	exitOK     = 0
	exitFound  = 1   // the command has looked, and its answer is no: a difference, skipped rows, nothing of that name
	exitUsage  = 2   // the command line or the configuration is wrong
	exitFailed = 3   // the command could not do it: a server is away, a file cannot be read
	exitSignal = 130 // a signal ended the command before it was done
)

// Exit codes that only load has, which are those of k6.
const (
	exitThreshold   = 99  // the verdict is not "pass"
	exitInvalid     = 104 // the command line is wrong
	exitInterrupted = 105
)

// exitError ends a command with a code of its own. err is nil if the output already says why.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

var (
	// errFound ends a command whose output already names what is wrong.
	errFound = errors.New("differences found")
	// errInterrupted ends a command that a signal has ended and whose output says how far it got.
	errInterrupted = errors.New("interrupted")
)

// wrongUse makes err one of the command line.
func wrongUse(err error) error { return &exitError{code: exitUsage, err: err} }

// answerNo makes err the answer of a command that has looked.
func answerNo(err error) error { return &exitError{code: exitFound, err: err} }

// advice says what to do about a server that does not answer, on a line of its own; empty for other errors.
func advice(err error) string {
	var away *clickhouse.UnreachableError
	var brokers *brokersError
	switch {
	case errors.As(err, &brokers):
		return "Is --brokers (TIDEMARK_BROKERS) the address of a Kafka broker? 'tidemark stack' starts a broker and a ClickHouse on this machine.\n"
	case errors.As(err, &away):
		return "Is --clickhouse (TIDEMARK_CLICKHOUSE) the address of ClickHouse's HTTP interface, with port 8123 or 8443? 'tidemark stack' starts a ClickHouse and a broker on this machine.\n"
	}
	return ""
}

// usageError is a configuration that cannot work. It lists every mistake at once.
type usageError struct{ err error }

func (e *usageError) Error() string {
	var many interface{ Unwrap() []error }
	if !errors.As(e.err, &many) {
		return "configuration: " + e.err.Error()
	}
	lines := []string{"configuration:"}
	for _, err := range many.Unwrap() {
		lines = append(lines, "  "+strings.ReplaceAll(err.Error(), "\n", "\n  "))
	}
	return strings.Join(lines, "\n")
}

func (e *usageError) Unwrap() error { return e.err }

// invalid joins the mistakes in a configuration; nil if there are none.
func invalid(errs ...error) error {
	var found []error
	for _, err := range errs {
		if err != nil {
			found = append(found, err)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return &usageError{err: errors.Join(found...)}
}

// exitCode prints err once, unless the command has already printed what is wrong, and returns the exit code. The end of ctx is a
// signal.
func exitCode(ctx context.Context, err error, w io.Writer) int {
	var (
		usage *usageError
		own   *exitError
	)
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &own):
		if own.err != nil {
			fmt.Fprintf(w, "tidemark: %v\n", own.err)
		}
		return own.code
	case errors.Is(err, errInterrupted):
		return exitSignal
	case errors.Is(err, errFound):
		return exitFound
	case errors.As(err, &usage):
		fmt.Fprintf(w, "tidemark: %v\n", usage)
		return exitUsage
	case ctx.Err() != nil:
		fmt.Fprintf(w, "tidemark: %s\n", strings.ReplaceAll(err.Error(), context.Canceled.Error(), errInterrupted.Error()))
		return exitSignal
	default:
		fmt.Fprintf(w, "tidemark: %v\n%s", err, advice(err))
		return exitFailed
	}
}
