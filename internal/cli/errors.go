package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Exit codes, the same for every command but load.
const (
	exitOK      = 0
	exitFailure = 1 // the command ran and its answer is no: a difference, skipped rows, an error
	exitUsage   = 2 // the command line or the configuration is wrong
)

// Exit codes of load, which are those of k6.
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

// errFound ends a command whose output already names what is wrong.
var errFound = errors.New("differences found")

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

// exitCode prints err once, unless the command has already printed what is wrong, and returns the exit code.
func exitCode(err error, w io.Writer) int {
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
	case errors.Is(err, errFound):
		return exitFailure
	case errors.As(err, &usage):
		fmt.Fprintf(w, "tidemark: %v\n", usage)
		return exitUsage
	default:
		fmt.Fprintf(w, "tidemark: %v\n", err)
		return exitFailure
	}
}
