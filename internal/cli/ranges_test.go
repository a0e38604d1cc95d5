package cli

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"tidemark/consumers/ingest"
)

// anyNumber are the flags that take every number of their type.
var anyNumber = map[string]bool{"seed": true}

// absurd are values of a kind of flag that none can have.
func absurd(t reflect.Type) []string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return []string{"-1ns", "2562047h47m", "-2562047h47m"}
	case t.Kind() == reflect.Float64:
		return []string{"-1", "-1e-300", "1e300", "NaN", "Inf", "-Inf"}
	default:
		return []string{"-1", "9223372036854775807", "-9223372036854775808"}
	}
}

// TestEveryNumberHasARange finds the flags of every command that are numbers or times, and gives each of them values that
// would break or stop what comes after. It is refused before anything is opened, by its name, together with all else that
// is wrong.
func TestEveryNumberHasARange(t *testing.T) {
	var commands root
	parser, err := kong.New(&commands, kong.Name("tidemark"), kong.DefaultEnvars("TIDEMARK"), kong.Vars{"version": "x"},
		kong.BindTo(context.Background(), (*context.Context)(nil)), kong.Bind(Streams{}))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, command := range parser.Model.Leaves(false) {
		line := strings.Fields(command.Path())
		for i := range command.Positional {
			line = append(line, strings.Repeat("a", i+1))
		}
		for _, group := range command.AllFlags(false) {
			for _, flag := range group {
				if kind := flag.Target.Kind(); anyNumber[flag.Name] || kind == reflect.String || kind == reflect.Bool || kind == reflect.Slice || flag.Name == "help" {
					continue
				}
				found++
				if flag.HasDefault {
					value, err := bound(flag.Target, flag.Default)
					if err == nil {
						err = within("--"+flag.Name, value, flag.Tag.Get(rangeTag))
					}
					if err != nil {
						t.Errorf("%s: the default: %v", command.Path(), err)
					}
				}
				for _, value := range absurd(flag.Target.Type()) {
					code, _, errOut := testCommand(t, append(line, "--"+flag.Name+"="+value, "--log-level=loud")...)
					want := exitUsage
					if line[0] == "load" {
						want = exitInvalid
					}
					if code != want || !strings.Contains(errOut, "--"+flag.Name+": ") {
						t.Errorf("%s --%s=%s: code %d, %s", command.Path(), flag.Name, value, code, errOut)
					}
				}
			}
		}
	}
	if found < 35 {
		t.Errorf("only %d flags were found", found)
	}
}

// testCommand is command, without --log-level where there is none.
func testCommand(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	code, out, errOut = command(t, args...)
	if strings.Contains(errOut, "unknown flag --log-level") {
		return command(t, args[:len(args)-1]...)
	}
	if !strings.Contains(errOut, "--log-level: ") {
		t.Errorf("%s: not all that is wrong is said: %s", strings.Join(args, " "), errOut)
	}
	return code, out, errOut
}

// TestRangesAreTheWorkers: what the command line lets through a worker can run with.
func TestRangesAreTheWorkers(t *testing.T) {
	good := ingestFlags{Window: 1, BlockRows: 1, BlockAge: time.Millisecond, Stall: time.Second}
	most := ingestFlags{Window: ingest.MaxWindow, BlockRows: 1_000_000, BlockAge: time.Hour, Stall: 24 * time.Hour}
	for _, f := range []ingestFlags{good, most} {
		if err := f.validate(); err != nil {
			t.Errorf("%+v: %v", f, err)
		}
		if err := f.limits().Validate(); err != nil {
			t.Errorf("%+v: %v", f, err)
		}
	}
	most.Window++
	if err := most.validate(); err == nil || !strings.Contains(err.Error(), "--window: 4194305 is not between 1 and 4194304") {
		t.Errorf("a window that no worker can have: %v", err)
	}
}

func TestWithin(t *testing.T) {
	f := func(value any, span, want string) {
		t.Helper()
		got := ""
		if err := within("--x", reflect.ValueOf(value), span); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%v in %s: %q, want %q", value, span, got, want)
		}
	}
	f(3, "1..3", "")
	f(int64(4), "1..3", "--x: 4 is not between 1 and 3")
	f(0, "0,2..3", "")
	f(1, "0,2..3", "--x: 1 is neither 0 nor between 2 and 3")
	f(time.Minute, "1s..1h", "")
	f(time.Duration(0), "1s..1h", "--x: 0s is not between 1s and 1h")
	f(0.5, "0..1", "")
	f(1.5, "0..1", "--x: 1.5 is not between 0 and 1")
	if err := within("--x", reflect.ValueOf(1), "1-3"); err == nil {
		t.Error("a range that is none was taken")
	}
}
