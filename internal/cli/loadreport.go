package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"tidemark/producers/load/report"
)

// loadCommands are the commands of "tidemark load".
type loadCommands struct {
	Run    loadCmd       `cmd:"" default:"withargs" help:"Offer a running pipeline events at a rate, or search for the highest rate. 'tidemark load' alone does this."`
	Report loadReportCmd `cmd:"" help:"Make a report of what earlier runs wrote with --summary-export, and compare them."`
}

// Help implements kong.HelpProvider.
func (loadCommands) Help() string {
	return `Without a command Tidemark runs 'tidemark load run'; 'tidemark load run --help' lists its flags.`
}

type loadReportCmd struct {
	outputFlags
	Files []string `arg:"" name:"file" help:"Files that --summary-export wrote. The first is compared with each other one."`
	Out   string   `help:"Write the page to this file instead of the output." placeholder:"FILE" group:"Files"`
}

// Help implements kong.HelpProvider.
func (loadReportCmd) Help() string {
	return `Nothing is run. The page shows verdicts, checks and charts of each file and the comparisons. With --out the comparisons are
printed too. --output json prints the comparisons alone; the page then needs --out.

A difference counts as proven by a rank test (Mann and Whitney, 99.5 % confidence) on the parts of 5 s of both runs, so each
has to have measured for 30 s or more. Searches differ if their intervals do not overlap.

Exit codes: 0 done, 104 a file that cannot be read or a wrong command line, 3 anything else.`
}

// Example implements exampler.
func (loadReportCmd) Example() string {
	return "tidemark load report before.json after.json --out report.html"
}

// Run makes the page.
func (c *loadReportCmd) Run(s Streams) error {
	var files []report.File
	var errs []error
	for _, path := range c.Files {
		f, err := readReport(path)
		errs = append(errs, err)
		files = append(files, f)
	}
	if c.Out != "" {
		if err := writable(c.Out); err != nil {
			errs = append(errs, fmt.Errorf("--out: %w", err))
		}
	} else if !c.json() && isTerminal(s.Out) {
		errs = append(errs, errors.New("--out: the report is an HTML page: name its file, or redirect the output"))
	}
	if err := errors.Join(errs...); err != nil {
		return &exitError{code: exitInvalid, err: err}
	}
	var page, compared bytes.Buffer
	out := comparisonsJSON{Page: c.Out, Comparisons: []loadComparisonJSON{}}
	for _, f := range files[1:] {
		comparison, err := report.Compare(files[0], f)
		if err != nil {
			return &exitError{code: exitInvalid, err: err}
		}
		out.Comparisons = append(out.Comparisons, comparedOutput(comparison))
		if err := printComparison(&compared, comparison); err != nil {
			return err
		}
	}
	if c.Out == "" && c.json() {
		return printJSON(s.Out, out)
	}
	if err := report.WritePage(&page, files, nil); err != nil {
		return err
	}
	if c.Out == "" {
		_, err := s.Out.Write(page.Bytes())
		return err
	}
	if err := writeFile(c.Out, func(w io.Writer) error { _, err := w.Write(page.Bytes()); return err }); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	return c.show(s.Out, out, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%swrote %s\n", strings.TrimPrefix(compared.String(), "\n"), c.Out)
		return err
	})
}

// printComparison prints a comparison.
func printComparison(w io.Writer, c report.Comparison) error {
	fmt.Fprintf(w, "\n%s compared with %s (%s)\n", c.New, c.Old, c.Method)
	if len(c.Differs) > 0 {
		fmt.Fprintf(w, "the figures are not comparable, since settings differ: %s\n", strings.Join(c.Differs, "; "))
	}
	for _, note := range c.Notes {
		fmt.Fprintf(w, "note: %s\n", note)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "figure\tunit\told\tnew\tnew / old\tthe new one is")
	for _, f := range c.Figures {
		fmt.Fprintln(table, strings.Join(f.Cells(), "\t"))
	}
	return table.Flush()
}
