// Command testreport reads the output of `go test -json` and prints what a person wants to see of it: the package lines,
// all output of the tests that failed, and, last, the tests that took longest, every skipped test with its reason and the totals.
//
// It exits 1 when a test failed, when a package did not build, or when no test ran at all. It exits 1 as well when a
// test was skipped while TIDEMARK_REQUIRE_ALL is 1.
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// event is one line of `go test -json`; the fields are those of `go doc test2json`, plus the build output.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
	Elapsed float64 // Seconds, of a test that has ended.
}

// took is how long a test took.
type took struct {
	name    string
	seconds float64
}

type report struct {
	passed, failed int
	skips          []string
	slow           []took              // Of slowFrom or more, without those within another test.
	failedIn       map[string]bool     // The packages of which a failed test is counted.
	shuffle        map[string]string   // The line with the seed of the order, by package.
	pending        map[string][]string // Output of tests that have not ended, by package and test.
}

func main() {
	r := newReport()
	if err := r.read(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(1)
	}
	if !r.print(os.Stdout, os.Getenv("TIDEMARK_REQUIRE_ALL") == "1") {
		os.Exit(1)
	}
}

func newReport() *report {
	return &report{
		failedIn: make(map[string]bool), shuffle: make(map[string]string), pending: make(map[string][]string),
	}
}

func (r *report) read(in io.Reader, out io.Writer) error {
	lines := bufio.NewReaderSize(in, 1<<20)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			var e event
			if json.Unmarshal([]byte(line), &e) == nil && e.Action != "" {
				r.add(e, out)
			} else {
				fmt.Fprint(out, line) // Not test2json's: a message of the go command.
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) add(e event, out io.Writer) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		fmt.Fprint(out, e.Output)
	case "output":
		switch {
		case e.Test != "":
			r.pending[key] = append(r.pending[key], e.Output)
		case strings.HasPrefix(e.Output, "-test.shuffle "):
			r.shuffle[e.Package] = e.Output
		case e.Output != "PASS\n" && !strings.Contains(e.Output, "[no test files]"):
			fmt.Fprint(out, e.Output)
		}
	case "pass", "fail", "skip":
		if e.Test != "" {
			r.end(e, key, out)
		} else if e.Action == "fail" {
			r.endPackage(e, out)
		}
	}
}

// end counts a test that ended and prints or drops its output.
func (r *report) end(e event, key string, out io.Writer) {
	output := r.pending[key]
	delete(r.pending, key)
	if e.Elapsed >= slowFrom && !strings.Contains(e.Test, "/") {
		r.slow = append(r.slow, took{strings.Replace(key, " ", ".", 1), e.Elapsed})
	}
	switch e.Action {
	case "pass":
		r.passed++
	case "fail":
		r.failed++
		r.failedIn[e.Package] = true
		for _, line := range output {
			fmt.Fprint(out, line)
		}
	case "skip":
		r.skips = append(r.skips, key+": "+reason(output))
	}
}

// endPackage prints what the tests of a failed package wrote before it died (a panic, a timeout), if they did not end,
// and the order to run them in again. A package without a failed test (not built, exited early) counts as one failure.
func (r *report) endPackage(e event, out io.Writer) {
	if !r.failedIn[e.Package] {
		r.failed++
	}
	fmt.Fprint(out, r.shuffle[e.Package])
	for key, output := range r.pending {
		if strings.HasPrefix(key, e.Package+" ") {
			for _, line := range output {
				fmt.Fprint(out, line)
			}
			delete(r.pending, key)
		}
	}
}

// reason is what a skipped test said, on one line.
func reason(output []string) string {
	var said []string
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") {
			said = append(said, line)
		}
	}
	return strings.Join(said, " ")
}

// slowFrom is from how many seconds on a test is listed, slowMost how many are at most.
const (
	slowFrom = 10
	slowMost = 25
)

// printSlow lists the tests that took longest, the longest first: where to look when all tests take too long.
func (r *report) printSlow(out io.Writer) {
	if len(r.slow) == 0 {
		return
	}
	slices.SortStableFunc(r.slow, func(a, b took) int { return cmp.Compare(b.seconds, a.seconds) })
	fmt.Fprintln(out, "\nThe tests that took longest, in seconds, other tests beside them:")
	for _, t := range r.slow[:min(len(r.slow), slowMost)] {
		fmt.Fprintf(out, "%6.0f %s\n", t.seconds, t.name)
	}
}

// print writes the summary and reports whether the run is good.
func (r *report) print(out io.Writer, requireAll bool) bool {
	good := r.failed == 0
	r.printSlow(out)
	if len(r.skips) > 0 {
		fmt.Fprintf(out, "\n==== %d SKIPPED: what they check was NOT checked ====\n", len(r.skips))
		for _, skip := range r.skips {
			fmt.Fprintln(out, "SKIPPED", skip)
		}
		if requireAll {
			fmt.Fprintln(out, "TIDEMARK_REQUIRE_ALL=1 makes a skipped test a failure.")
			good = false
		}
	}
	if r.passed+r.failed == 0 {
		fmt.Fprintln(out, "No test ran.")
		good = false
	}
	fmt.Fprintf(out, "\n%d passed, %d failed, %d skipped\n", r.passed, r.failed, len(r.skips))
	return good
}
