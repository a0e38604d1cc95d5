package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"tidemark/producers/load"
	"tidemark/producers/load/report"
)

// loadOutputs are the files that a load test writes.
type loadOutputs struct {
	SummaryExport string `help:"Write the summary as JSON to this file." placeholder:"FILE" group:"Files"`
	Out           string `help:"Write a report with charts to this file: one HTML page that needs nothing else." placeholder:"FILE" group:"Files"`
	CSV           string `name:"csv" help:"Write a row per second to this file." placeholder:"FILE" group:"Files"`
	HGRM          string `name:"hgrm" help:"Write the percentiles of each stage into this folder, in the form of HdrHistogram." placeholder:"DIR" group:"Files"`
	Compare       string `help:"Compare with the file that --summary-export of an earlier run wrote." placeholder:"FILE" group:"Files"`
}

// output is a file to write. flag is for errors.
type output struct {
	flag, path string
	write      func(io.Writer) error
}

// outputs are the files to write of a run or a search.
func (o loadOutputs) outputs(f report.File, comparisons []report.Comparison) []output {
	var all []output
	add := func(flag, path string, write func(io.Writer) error) {
		if path != "" {
			all = append(all, output{flag, path, write})
		}
	}
	add("--summary-export", o.SummaryExport, func(w io.Writer) error {
		if f.Search != nil {
			return writeJSON(w, f.Search)
		}
		return writeJSON(w, f.Run)
	})
	add("--csv", o.CSV, func(w io.Writer) error { return report.WriteCSV(w, f.Runs()) })
	if o.HGRM != "" {
		for _, run := range f.Runs() {
			for _, at := range report.Stages {
				if run.Latency[at.Stage.String()].Count > 0 {
					add("--hgrm", spectrumName(o.HGRM, f, run, at.Stage), func(w io.Writer) error { return report.WriteSpectrum(w, run, at.Stage) })
				}
			}
		}
	}
	add("--out", o.Out, func(w io.Writer) error { return report.WritePage(w, []report.File{f}, comparisons) })
	return all
}

// spectrumName returns the name of a stage's file. Those of a search begin with the label of the trial.
func spectrumName(dir string, f report.File, run *load.Summary, stage load.Stage) string {
	name := stage.String() + ".hgrm"
	if f.Search != nil {
		name = run.Run + "-" + name
	}
	return filepath.Join(dir, name)
}

// writeAll writes every file that can be written, prints the names of those, and returns what is wrong with the others.
func (o loadOutputs) writeAll(w io.Writer, f report.File, comparisons []report.Comparison) error {
	var errs []error
	folder := false
	for _, out := range o.outputs(f, comparisons) {
		if err := writeFile(out.path, out.write); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", out.flag, err))
			continue
		}
		if out.flag == "--hgrm" {
			folder = true
			continue
		}
		fmt.Fprintf(w, "wrote %s\n", out.path)
	}
	if folder {
		fmt.Fprintf(w, "wrote %s\n", filepath.Join(o.HGRM, "*.hgrm"))
	}
	return errors.Join(errs...)
}

// writeSummary writes what has a form of its own to --summary-export, and prints the name.
func (o loadOutputs) writeSummary(w io.Writer, v any) error {
	if o.SummaryExport == "" {
		return nil
	}
	if err := writeFile(o.SummaryExport, func(w io.Writer) error { return writeJSON(w, v) }); err != nil {
		return fmt.Errorf("--summary-export: %w", err)
	}
	_, err := fmt.Fprintf(w, "wrote %s\n", o.SummaryExport)
	return err
}

// check returns why a file could not be written, before anything is measured. It makes the folder of --hgrm.
func (o loadOutputs) check() error {
	var errs []error
	seen := map[string]string{}
	for _, out := range []output{{flag: "--summary-export", path: o.SummaryExport}, {flag: "--out", path: o.Out}, {flag: "--csv", path: o.CSV}} {
		if out.path == "" {
			continue
		}
		if other := seen[filepath.Clean(out.path)]; other != "" {
			errs = append(errs, fmt.Errorf("%s: %s is the file of %s too", out.flag, out.path, other))
			continue
		}
		seen[filepath.Clean(out.path)] = out.flag
		if err := writable(out.path); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", out.flag, err))
		}
	}
	if o.HGRM != "" {
		err := os.MkdirAll(o.HGRM, 0o755)
		if err == nil {
			err = probe(o.HGRM)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("--hgrm: %w", err))
		}
	}
	return errors.Join(errs...)
}

// earlier reads the file of --compare. It holds nothing if there is none.
func (o loadOutputs) earlier(search bool) (report.File, error) {
	if o.Compare == "" {
		return report.File{}, nil
	}
	f, err := readReport(o.Compare)
	switch {
	case err != nil:
	case search && f.Search == nil:
		err = fmt.Errorf("%s is of one run: a search can be compared with a search only", o.Compare)
	case !search && f.Run == nil:
		err = fmt.Errorf("%s is of a search: one run can be compared with one run only", o.Compare)
	}
	if err != nil {
		return f, fmt.Errorf("--compare: %w", err)
	}
	return f, nil
}

func readReport(path string) (report.File, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return report.File{}, err
	}
	return report.Read(path, text)
}

func writeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", " ")
	return encoder.Encode(v)
}

// writable returns why a file cannot be written, nil if it can. It changes nothing.
func writable(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return probe(filepath.Dir(path))
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%s is a folder: name a file", path)
	}
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil || !info.Mode().IsRegular() {
		return err
	}
	return probe(filepath.Dir(path))
}

// probe returns why no file can be made in a folder.
func probe(dir string) error {
	file, err := os.CreateTemp(dir, ".tidemark-*")
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}

// writeFile writes a file as a whole or not at all: what was there before stays if it fails.
func writeFile(path string, write func(io.Writer) error) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() { // A pipe or a device.
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(write(file), file.Close())
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".tidemark-*")
	if err != nil {
		return err
	}
	out := bufio.NewWriter(file)
	if err = write(out); err == nil {
		err = out.Flush()
	}
	if err == nil {
		err = file.Chmod(0o644)
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(file.Name())))
	}
	return nil
}
