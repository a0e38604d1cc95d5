package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"go.uber.org/goleak"

	stacktest "tidemark/internal/test/stack"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(stacktest.Wrap(m)) }

const header = "model,weights,weights_source,license,license_source,organization,organization_source,country,country_source,release_date,release_date_source\n"

func known(value string) Fact { return Fact{Value: value, Source: "us"} }

func TestParse(t *testing.T) {
	whole := Model{ID: "m", Weights: known(Open), License: known("MIT"), Organization: known("A, \"B\" & C"), Country: known("NA"), ReleaseDate: known("2024-02-29")}
	bare := Model{ID: "n"}
	for name, text := range map[string]string{
		"as written":    header + "m,open,us,MIT,us,\"A, \"\"B\"\" & C\",us,NA,us,2024-02-29,us\nn,unknown,,,,,,,,,\n",
		"empty weights": header + "m,open,us,MIT,us,\"A, \"\"B\"\" & C\",us,NA,us,2024-02-29,us\nn,,,,,,,,,,\n",
		"of a spreadsheet": "\ufeff" + strings.ReplaceAll("\"model\","+header[6:]+
			"m,open,us,MIT,us,\"A, \"\"B\"\" & C\",us,NA,us,2024-02-29,us\n\nn,unknown,,,,,,,,,", "\n", "\r\n"),
		//nolint:misspell // The columns were spelled so.
		"of before": strings.NewReplacer("license", "licence", "organization", "organisation").Replace(header) +
			"m,open,us,MIT,us,\"A, \"\"B\"\" & C\",us,NA,us,2024-02-29,us\nn,unknown,,,,,,,,,\n",
		"another order": "release_date,release_date_source,weights_source,weights,license,license_source,organization,organization_source,country,country_source,model\n" +
			"2024-02-29,us,us,open,MIT,us,\"A, \"\"B\"\" & C\",us,NA,us,m\n,,,,,,,,,,n\n",
	} {
		got, err := Parse("f", strings.NewReader(text))
		if err != nil || !slices.Equal(got, []Model{whole, bare}) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if got, err := Parse("f", strings.NewReader(header)); err != nil || len(got) != 0 {
		t.Errorf("a file without models: %v, %v", got, err)
	}
}

func TestParseProblems(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		models, err := Parse("my.csv", strings.NewReader(text))
		if err == nil || models != nil {
			t.Fatalf("%q is taken: %v", text, models)
		}
		if got := strings.Split(err.Error(), "\n"); !slices.EqualFunc(got, want, strings.HasPrefix) {
			t.Errorf("%q:\n%s\nwant\n%s", text, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	f("", "my.csv:1: the file is empty: the first line must be model,weights,")
	f("\x00\x01\x02garbage", "my.csv:1: this is not the line that names the columns: the first line must be model,weights,")
	f("model"+strings.Repeat(",", 1<<20), "my.csv:1: this is not the line that names the columns")
	f(strings.Replace(header, "license,", "terms,", 1), `my.csv:1: "terms" is not a column, license is missing: the first line must be`)
	f(strings.Replace(header, "\n", ",model\n", 1), "my.csv:1: model is there twice: the first line must be")
	f(header+"m,ajar,us,,,,,Narnia,us,1899-12-31,us\n"+
		"n,open,,,us,,,de,us,2025-02-30,us\n"+
		"n,,,\n"+
		"\"a\"b,,,,,,,,,,\n"+
		"n,,,,,,,,,2025-08,us\n"+
		",,,,,,,,,2300-01-01,us\n"+
		" m,,,a\tb,us,\xff,us,,,,\n"+
		strings.Repeat("x", 257)+",,,,,,,,,,\n",
		`my.csv:2: weights: "ajar" is not open, closed or unknown: write one of the three`,
		`my.csv:2: country: "Narnia" is not an ISO 3166-1 alpha-2 code: write two capital letters`,
		`my.csv:2: release_date: 1899-12-31 is not within the years 1900 to 2299: correct the year`,
		`my.csv:3: weights_source: there is a fact but no source: write who says so`,
		`my.csv:3: license_source: there is a source but no fact: write the fact`,
		`my.csv:3: country: "de" is not an ISO`, `my.csv:3: release_date: "2025-02-30" is not a date: `,
		`my.csv:4: has 4 cells of 11: `, `my.csv:5: extraneous or missing " in quoted-field: quote cells`,
		`my.csv:6: model: "n" is in line 3 already: remove one`, `my.csv:6: release_date: "2025-08" is not a date: `,
		`my.csv:7: model: is empty: `, `my.csv:7: release_date: 2300-01-01 is not within`,
		`my.csv:8: model: " m" begins or ends with a space`, `my.csv:8: license: "a\tb" has a control character`, `my.csv:8: organization: "\xff" is not UTF-8`,
		`my.csv:9: model: "xxxxx`)
	for _, weak := range []string{"A ", " A", "A", "ZZ", "USA", "D E"} {
		if problem, _ := checkCountry(weak); problem == "" {
			t.Errorf("%q is taken for a country", weak)
		}
	}
}

func TestParseCountsWhatItDoesNotTell(t *testing.T) {
	_, err := Parse("f", strings.NewReader(header+strings.Repeat("m,ajar,us,,,,,,,,\n", 1000)))
	var problem *ParseError
	if err == nil || !errors.As(err, &problem) || problem.Line != 2 || !strings.HasSuffix(err.Error(), "\nf: and 1949 problems more") {
		t.Errorf("%v", err)
	}
}

func TestParseReadsNoMoreThanItHolds(t *testing.T) {
	if _, err := Parse("f", endless{}); err == nil || !strings.Contains(err.Error(), "larger than 16 MiB") {
		t.Errorf("a file without an end: %v", err)
	}
	if _, err := Parse("f", iotest.ErrReader(io.ErrClosedPipe)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a broken reader: %v", err)
	}
}

// endless is a file that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestDefault(t *testing.T) {
	models, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	if len(models) < 300 || len(defaultFile) > 128<<10 {
		t.Errorf("%d models in %d bytes", len(models), len(defaultFile))
	}
	var again bytes.Buffer
	if err := Write(&again, models); err != nil || !bytes.Equal(again.Bytes(), defaultFile) {
		t.Errorf("the shipped file is not as Write writes it: %v", err)
	}
}

// TestIDsAreThoseOfEvents holds the limit of the model's name equal to that of events.
func TestIDsAreThoseOfEvents(t *testing.T) {
	for n, ok := range map[int]bool{maxText: true, maxText + 1: false} {
		id := strings.Repeat("m", n)
		event := &usagev1.TokenCall{Source: "s", Id: "1", TimeUs: new(int64(1)), Tenant: "t", Product: "p", Model: id, Status: usagev1.Status_STATUS_OK}
		_, err := Parse("f", strings.NewReader(header+id+",,,,,,,,,,\n"))
		if eventErr := schemas.Validate(event); (err == nil) != ok || (eventErr == nil) != ok {
			t.Errorf("%d bytes: file %v, event %v", n, err, eventErr)
		}
	}
}

func TestCompare(t *testing.T) {
	a, b, c, d := Model{ID: "a"}, Model{ID: "b", Country: known("DE")}, Model{ID: "c"}, Model{ID: "d"}
	b2 := b
	b2.Country, b2.Weights = Fact{}, known(Closed)
	got := Compare([]Model{d, a, b}, []Model{c, b2, a}, false)
	if len(got.Added) != 1 || got.Added[0] != c || len(got.Changed) != 1 || got.Changed[0] != (Pair{Old: b, New: b2}) || got.Removed != nil || got.Same != 1 || got.Other != 1 {
		t.Errorf("%+v", got)
	}
	if facts := strings.Join(got.Changed[0].Facts(), "; "); facts != "weights unknown -> closed (us); country DE (us) -> unknown" {
		t.Errorf("the change reads %q", facts)
	}
	if got := Compare([]Model{d, a, b}, []Model{c, b2, a}, true); len(got.Removed) != 1 || got.Removed[0] != d || got.Other != 0 {
		t.Errorf("with replace: %+v", got)
	}
}

// TestTable compares the columns of the file with those of the table.
func TestTable(t *testing.T) {
	s := stacktest.Start(t)
	db := stacktest.Database(t, s)
	for range 2 {
		for _, m := range schemas.Statements(db) {
			if m.Name == "table "+schemas.ModelsTable {
				stacktest.Query(t, s, db, m.SQL)
			}
		}
	}
	columns := stacktest.Query(t, s, db, "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = '"+schemas.ModelsTable+"' ORDER BY position")
	if want := strings.Join(Columns(), "\n") + "\nimported_at"; columns != want {
		t.Errorf("columns\n%s\nwant\n%s", columns, want)
	}
	r := `a'b\n` + "`" // A hostile name is data.
	models := []Model{
		{ID: r, Weights: known(Closed), License: known(r), Organization: known("O'Neil \\ Sons; DROP TABLE models"), Country: known("NA"), ReleaseDate: Fact{Value: "1900-01-01", Source: r}},
		{ID: "late", ReleaseDate: known("2299-12-31")},
	}
	for i := range 2 * batch {
		models = append(models, Model{ID: fmt.Sprintf("m%04d", i)})
	}
	for range 2 { // Again changes nothing.
		for _, sql := range InsertSQL(models) {
			stacktest.Query(t, s, db, sql)
		}
	}
	read := func() []Model {
		t.Helper()
		var got []Model
		for line := range strings.SplitSeq(stacktest.Query(t, s, db, SelectSQL()+" FORMAT JSONCompactEachRow"), "\n") {
			m, err := Read(scanJSON(line))
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, m)
		}
		return got
	}
	if got := read(); !slices.Equal(got, sorted(models)) {
		t.Errorf("%d models read back, %d put in; the first %v", len(got), len(models), got[0])
	}
	for _, sql := range DeleteSQL(models[1:]) {
		stacktest.Query(t, s, db, sql)
	}
	if got := read(); !slices.Equal(got, models[:1]) {
		t.Errorf("after the deletion: %v", got)
	}
}
