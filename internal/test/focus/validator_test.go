package focus

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tidemark/internal/test/env"
	"tidemark/schemas/focus"
)

// manifest lists what the validator runs with.
const manifest = "internal/test/focus/testdata/python/requirements.txt"

// criteria are what the validator has to be told of who makes the files: which of the rules are for it.
var criteria = []string{
	"ACCOUNT_NAMING_SUPPORTED", "MULTIPLE_BILLING_ACCOUNT_TYPES_SUPPORTED", "MULTIPLE_PRICING_CATEGORIES_SUPPORTED", "MULTIPLE_SUB_ACCOUNT_TYPES_SUPPORTED",
	"NEGOTIATED_PRICING_SUPPORTED", "PUBLIC_PRICE_LIST_SUPPORTED", "REGION_SUPPORTED", "SUB_ACCOUNT_SUPPORTED", "TAGGING_SUPPORTED", "UNIT_PRICING_SUPPORTED",
	"USAGE_MEASUREMENT_SUPPORTED",
}

// exceptions are the rules that the validator finds broken in files that keep them, by format; "" is for both. Each is looked for: one that is
// found broken no more has to go.
var exceptions = map[string]map[string]string{
	"": {
		// The specification asks for an id where a charge is on an invoice, and for null where it is on none. The validator has no way to tell: it asks for
		// both of every charge.
		"InvoiceId-C-005-C": "it wants an invoice for every charge",
	},
	"csv": {
		// CSV has no types. The validator takes a column without a fraction in its first 10,000 lines for integers, and those for no decimals.
		"ConsumedQuantity-C-001-M": "it takes whole numbers for no decimals",
		"ConsumedQuantity-C-000-C": "it holds if the rule before does",
	},
}

// validated is what the validator says of a file: the rules that hold, and those that do not.
type validated struct{ held, broken []string }

// validate runs the validator over a file.
func validate(t *testing.T, file string) validated {
	t.Helper()
	venv := filepath.Join(env.Fetched(t, "focus-python", manifest), "venv")
	program := filepath.Join(env.ModuleRoot(t), filepath.FromSlash(filepath.Dir(manifest)), "run.py")
	folder := t.TempDir()
	out := filepath.Join(folder, "out.xml")
	cmd := exec.CommandContext(t.Context(), filepath.Join(venv, "bin", "python"), program, folder, "--data-file", file, "--validate-version", focus.Version, //nolint:gosec // its own environment
		"--block-download", "--applicability-criteria", strings.Join(criteria, ","), "--output-type", "unittest", "--output-destination", out)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	content, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return results(t, content)
}

// results reads the validator's file, which has the form of JUnit. A rule that it skips, because it is for others or because no program can check
// it, is in neither list.
func results(t *testing.T, content []byte) validated {
	t.Helper()
	var report struct {
		Suites []struct {
			Cases []struct {
				Name    string    `xml:"name,attr"`
				Failure *struct{} `xml:"failure"`
				Error   *struct{} `xml:"error"`
				Skipped *struct{} `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(content, &report); err != nil {
		t.Fatal(err)
	}
	var v validated
	for _, suite := range report.Suites {
		for _, c := range suite.Cases {
			rule, _, _ := strings.Cut(c.Name, " :: ")
			switch {
			case c.Failure != nil || c.Error != nil:
				v.broken = append(v.broken, rule)
			case c.Skipped == nil:
				v.held = append(v.held, rule)
			}
		}
	}
	slices.Sort(v.broken)
	return v
}

// TestValidator runs the validator of the FinOps Foundation over a file of each format. All rules that it checks hold.
func TestValidator(t *testing.T) {
	for format, write := range map[string]func(*bytes.Buffer) error{
		"csv":     func(b *bytes.Buffer) error { return focus.WriteCSV(b, charges(2, 500), month) },
		"parquet": func(b *bytes.Buffer) error { return focus.WriteParquet(b, charges(2, 500), month) },
	} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			got := validate(t, save(t, "charges."+format, b.Bytes()))
			want := slices.Sorted(maps.Keys(exceptions[""]))
			want = slices.Sorted(slices.Values(slices.AppendSeq(want, maps.Keys(exceptions[format]))))
			if !slices.Equal(got.broken, want) {
				t.Errorf("broken are %q, want %q", got.broken, want)
			}
			if len(got.held) < 270 {
				t.Errorf("only %d rules hold", len(got.held))
			}
		})
	}
}

// TestValidatorFinds plants mistakes, all in one file. The validator finds each by its rule, so it looks at the file and not elsewhere.
func TestValidatorFinds(t *testing.T) {
	t.Parallel()
	rows := asCells(exported(t, 3000))
	var want []string
	for i, p := range planted {
		if p.rule != "" {
			plant(rows, i, p.column, p.cell)
			want = append(want, p.rule)
		}
	}
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	line := make([]string, len(rules))
	for i, r := range rules {
		line[i] = r.column
	}
	err := out.Write(line)
	for _, row := range rows {
		for i, r := range rules {
			line[i] = row[r.column]
		}
		err = out.Write(line)
	}
	if out.Flush(); err != nil || out.Error() != nil {
		t.Fatal(err, out.Error())
	}
	got := validate(t, save(t, "charges.csv", b.Bytes()))
	for _, rule := range want {
		if !slices.Contains(got.broken, rule) {
			t.Errorf("%s was not found broken: %q", rule, got.broken)
		}
	}
}

func save(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
