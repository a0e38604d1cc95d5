package cli

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark/schemas/focus"
	"tidemark/schemas/prices"
)

// costsOf is a source of costs that remembers what it was asked.
type costsOf struct {
	charges []focus.Row
	without []focus.Unpriced
	err     error // After the charges.
	asked   []string
}

func (f *costsOf) source() costSource {
	return costSource{
		rows: func(_ context.Context, month time.Time, tenant string) iter.Seq2[focus.Row, error] {
			return func(yield func(focus.Row, error) bool) {
				f.asked = append(f.asked, "rows of "+month.Format(time.RFC3339)+" of "+tenant)
				for _, r := range f.charges {
					if !yield(r, nil) {
						return
					}
				}
				if f.err != nil {
					yield(focus.Row{}, f.err)
				}
			}
		},
		unpriced: func(_ context.Context, month time.Time, tenant string) ([]focus.Unpriced, error) {
			f.asked = append(f.asked, "unpriced of "+month.Format(time.RFC3339)+" of "+tenant)
			return f.without, nil
		},
	}
}

func costRow(quantity, picos int64, change func(*focus.Row)) focus.Row {
	r := focus.Row{
		Day: time.Date(2025, time.October, 3, 0, 0, 0, 0, time.UTC), Tenant: "acme", Provider: "openai", Model: "gpt-5.4", Tier: prices.Standard, Unit: prices.Output,
		Quantity: big.NewInt(quantity), UnitPicos: prices.Picos(picos), Cost: big.NewInt(quantity * picos), Currency: "USD", Book: 1,
	}
	if change != nil {
		change(&r)
	}
	return r
}

// exportCosts runs the command on a source, with files in a folder of its own.
func exportCosts(t *testing.T, c costExportCmd, f *costsOf) (dir, out, errOut string, err error) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range []*string{&c.Out, &c.Unpriced} {
		if *name != "" {
			*name = filepath.Join(dir, *name)
		}
	}
	month, err := c.check()
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	err = c.export(t.Context(), Streams{Out: &stdout, Err: &stderr}, month, f.source())
	return dir, strings.ReplaceAll(stdout.String(), dir+"/", ""), stderr.String(), err
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestCostExport(t *testing.T) {
	f := &costsOf{
		charges: []focus.Row{
			costRow(1_000_000, 10_000_000, nil),
			costRow(500, 1_000_000_000, func(r *focus.Row) { r.Unit, r.Currency = prices.Request, "CNY" }),
			costRow(-9, 1, func(r *focus.Row) {
				r.Correction, r.Day = true, time.Date(2025, time.September, 3, 0, 0, 0, 0, time.UTC)
			}),
		},
		without: []focus.Unpriced{
			{Day: time.Date(2025, time.October, 3, 0, 0, 0, 0, time.UTC), Tenant: "acme", Model: "m", Reason: prices.NoModel, Tokens: big.NewInt(32_000), Calls: big.NewInt(3)},
			{Day: time.Date(2025, time.October, 3, 0, 0, 0, 0, time.UTC), Tenant: "acme", Model: "m", Reason: prices.NoUsage, Calls: big.NewInt(1200)},
		},
	}
	dir, out, errOut, err := exportCosts(t, costExportCmd{Focus: "1.2", Month: "2025-10", Tenant: "acme", Out: "costs.csv", Unpriced: "unpriced.csv"}, f)
	if err != nil || errOut != "" {
		t.Fatal(err, errOut)
	}
	want := "wrote costs.csv (FOCUS 1.2, CSV): 3 charges of 2025-10, 1 of them corrections of earlier months; 0.5 CNY, 9.999999999991 USD\n" +
		"32,000 of 1,032,000 tokens (3.1 %), and 1,200 calls that do not tell theirs, have no price: they are not in it, but in unpriced.csv\n"
	if out != want {
		t.Errorf("it says\n%swant\n%s", out, want)
	}
	if want := []string{"unpriced of 2025-10-01T00:00:00Z of acme", "rows of 2025-10-01T00:00:00Z of acme"}; !slices.Equal(f.asked, want) {
		t.Errorf("asked were %q", f.asked)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"costs.csv", "unpriced.csv"}) {
		t.Errorf("the files are %q", got)
	}
	for name, lines := range map[string]int{"costs.csv": 4, "unpriced.csv": 3} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || strings.Count(string(text), "\n") != lines {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}

	for _, c := range []costExportCmd{{Out: "costs.parquet"}, {Out: "costs", Format: "parquet"}} {
		c.Focus, c.Month = "1.2", "2025-10"
		dir, out, _, err := exportCosts(t, c, f)
		if err != nil || !strings.Contains(out, "FOCUS 1.2, Parquet") || !strings.Contains(out, "they are not in it, and --unpriced FILE lists them") {
			t.Errorf("%s: %v: %s", c.Out, err, out)
		}
		if text, err := os.ReadFile(filepath.Join(dir, c.Out)); err != nil || !strings.HasPrefix(string(text), "PAR1") {
			t.Errorf("%s is no Parquet: %v", c.Out, err)
		}
	}
	if _, out, _, err := exportCosts(t, costExportCmd{Focus: "1.2", Month: "2999-12", Out: "costs.csv"}, &costsOf{}); err != nil ||
		out != "wrote costs.csv (FOCUS 1.2, CSV): 0 charges of 2999-12, 0 of them corrections of earlier months; no cost\n2999-12 is not over: export it again when it is\n" {
		t.Errorf("a month to come: %v: %s", err, out)
	}
}

// TestCostExportFails breaks an export in the middle. There is no file then, and what was there before stays.
func TestCostExportFails(t *testing.T) {
	broken := errors.New("the server went away")
	for name, f := range map[string]*costsOf{
		"the server went away":                   {charges: []focus.Row{costRow(1, 1, nil)}, err: broken},
		"charge 2 (":                             {charges: []focus.Row{costRow(1, 1, nil), costRow(1, 1, func(r *focus.Row) { r.Tenant = "" })}},
		"unpriced usage 1 has no reason":         {without: []focus.Unpriced{{}}},
		"is not of the billing period 2025-10":   {charges: []focus.Row{costRow(1, 1, func(r *focus.Row) { r.Day = r.Day.AddDate(0, 1, 0) })}},
		"the cost of 2 picos is not 1 times 1 p": {charges: []focus.Row{costRow(1, 1, func(r *focus.Row) { r.Cost = big.NewInt(2) })}},
	} {
		for _, file := range []string{"costs.csv", "costs.parquet"} {
			dir, out, _, err := exportCosts(t, costExportCmd{Focus: "1.2", Month: "2025-10", Out: file, Unpriced: "unpriced.csv"}, f)
			if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), file) || out != "" {
				t.Errorf("%s: %v, %s", name, err, out)
			}
			if left := names(t, dir); len(left) > 0 {
				t.Errorf("%s: %q are left", name, left)
			}
		}
	}
}

func TestCostExportFlags(t *testing.T) {
	dir := t.TempDir()
	good := costExportCmd{Focus: "1.2", Month: "2026-10", Out: filepath.Join(dir, "a.csv")}
	f := func(change func(*costExportCmd), wants ...string) {
		t.Helper()
		c := good
		change(&c)
		_, err := c.check()
		if err == nil {
			t.Errorf("%+v was taken", c)
			return
		}
		for _, want := range wants {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %s", err, want)
			}
		}
	}
	f(func(c *costExportCmd) { c.Month = "" }, `--month: "" is not a month like 2026-10`)
	f(func(c *costExportCmd) { c.Month = "2026-13" }, `--month: "2026-13"`)
	f(func(c *costExportCmd) { c.Month = "2026-10-01" }, `--month: "2026-10-01"`)
	f(func(c *costExportCmd) { c.Month = "1969-12" }, `--month: "1969-12"`)
	f(func(c *costExportCmd) { c.Focus = "1.3" }, `--focus: "1.3" is not 1.2`)
	f(func(c *costExportCmd) { c.Format = "xls" }, `--format: "xls" is not csv or parquet`)
	f(func(c *costExportCmd) { c.Out = "" }, "--out: name a file")
	f(func(c *costExportCmd) { c.Out = dir }, "--out: "+dir+" is a folder: name a file")
	f(func(c *costExportCmd) { c.Out = filepath.Join(dir, "none", "a.csv") }, "--out: ", "no such file or directory")
	f(func(c *costExportCmd) { c.Unpriced = filepath.Join(dir, ".", "a.csv") }, "--unpriced: "+good.Out+" is the file of --out too")
	f(func(c *costExportCmd) { c.Unpriced = dir }, "--unpriced: "+dir+" is a folder: name a file")
	f(func(c *costExportCmd) { *c = costExportCmd{} }, "--month: ", "--focus: ", "--out: ")
	if month, err := good.check(); err != nil || !month.Equal(time.Date(2026, time.October, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("the month begins at %s: %v", month, err)
	}
	if left := names(t, dir); len(left) > 0 {
		t.Errorf("%q are left of looking", left)
	}
	// What is wrong with the connection is said with the rest, and nothing is opened.
	bad := costExportCmd{commonFlags: commonFlags{Namespace: "tidemark", LogLevel: "loud", LogFormat: "console"}, clickhouseFlags: clickhouseFlags{ClickHouse: "http://127.0.0.1:1"}}
	err := bad.Run(t.Context(), Streams{})
	if code := exitCode(t.Context(), err, &bytes.Buffer{}); code != exitUsage || !strings.Contains(err.Error(), "--log-level: ") || !strings.Contains(err.Error(), "--month: ") {
		t.Errorf("exit code %d: %v", code, err)
	}
}

// TestCostExportAsks runs the command as it is, on the real engine, for a month without calls.
func TestCostExportAsks(t *testing.T) {
	b := newModelsBench(t, "cost_export")
	b.migrate()
	file := filepath.Join(t.TempDir(), "costs.csv")
	var out, errOut bytes.Buffer
	code := run(t.Context(), []string{"cost", "export", "--month", "2026-10", "--out", file, "--clickhouse", b.url, "--namespace", b.database}, Streams{Out: &out, Err: &errOut})
	if want := "0 charges of 2026-10, 0 of them corrections of earlier months; no cost"; code != exitOK || !strings.Contains(out.String(), want) {
		t.Errorf("exit code %d\n%s%s", code, &out, &errOut)
	}
	if content, err := os.ReadFile(file); err != nil || strings.Count(string(content), "\n") != 1 {
		t.Errorf("%q, %v", content, err)
	}
}

func TestShare(t *testing.T) {
	f := func(part, all int64, want string) {
		t.Helper()
		if got := share(big.NewInt(part), big.NewInt(all)); got != want {
			t.Errorf("%d of %d: %s, want %s", part, all, got, want)
		}
	}
	f(0, 0, "0 %")
	f(0, 5, "0 %")
	f(5, 5, "100 %")
	f(1, 1_000_000, "less than 0.1 %")
	f(999_999, 1_000_000, "more than 99.9 %")
	f(31, 1000, "3.1 %")
	f(1, 3, "33.3 %")
}
