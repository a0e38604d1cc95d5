// Package focus tests the files of costs against FOCUS 1.2, by the specification's rules and by the validator of the FinOps Foundation. It shares no
// code with what writes the files.
package focus

import (
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark/internal/test/env"
)

// cells is a row of a file by the names of its columns. Empty is null.
type cells map[string]string

// form is what the cells of a column look like.
type form func(string) bool

func matching(pattern string) form { return regexp.MustCompile(pattern).MatchString }

var (
	text     = form(func(s string) bool { return strings.TrimSpace(s) != "" })
	decimal  = matching(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`) // No sign of a positive number, no exponent, no commas.
	positive = matching(`^(0|[1-9][0-9]*)(\.[0-9]+)?$`)
	instant  = matching(`^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T00:00:00Z$`)
	currency = matching(`^[A-Z]{3}$`)
	unit     = matching(`^([1-9][0-9]* )?[A-Z][a-z]+s$`)
	// A number of our own columns is a whole one.
	whole = matching(`^(0|[1-9][0-9]*)$`)
)

// object is a JSON object whose keys begin with a prefix and whose values are no objects or lists.
func object(prefix string) form {
	return func(s string) bool {
		var values map[string]any
		if json.Unmarshal([]byte(s), &values) != nil || len(values) == 0 {
			return false
		}
		for key, value := range values {
			switch value.(type) {
			case map[string]any, []any:
				return false
			}
			if !strings.HasPrefix(key, prefix) {
				return false
			}
		}
		return true
	}
}

func is(values ...string) form {
	return func(s string) bool { return slices.Contains(values, s) }
}

// nullability says when a column is null.
type nullability int

const (
	never          nullability = iota
	alwaysNull                 // For what Tidemark does not know.
	mayBe                      // Where something is not told.
	inCorrections              // It may be null in a correction, and nowhere else.
	butCorrections             // It is null but in a correction.
)

// rules are those of the specification for columns, as far as a row shows whether they hold. The forms of columns with allowed values have only those
// that can be meant here.
var rules = []struct {
	column string
	null   nullability
	form   form
}{
	{"BilledCost", never, decimal},
	{"BillingAccountId", never, text},
	{"BillingAccountName", never, text},
	{"BillingAccountType", never, is("Tenant")},
	{"BillingCurrency", never, currency},
	{"BillingPeriodEnd", never, instant},
	{"BillingPeriodStart", never, instant},
	{"ChargeCategory", never, is("Usage")},
	{"ChargeClass", butCorrections, is("Correction")},
	{"ChargeDescription", never, text},
	{"ChargeFrequency", never, is("Usage-Based")},
	{"ChargePeriodEnd", never, instant},
	{"ChargePeriodStart", never, instant},
	{"CommitmentDiscountStatus", alwaysNull, nil},
	{"ConsumedQuantity", never, decimal},
	{"ConsumedUnit", never, unit},
	{"ContractedCost", never, decimal},
	{"ContractedUnitPrice", inCorrections, positive},
	{"EffectiveCost", never, decimal},
	{"InvoiceId", alwaysNull, nil},
	{"InvoiceIssuerName", never, text},
	{"ListCost", never, decimal},
	{"ListUnitPrice", inCorrections, positive},
	{"PricingCategory", never, is("Standard")},
	{"PricingCurrency", never, currency},
	{"PricingCurrencyContractedUnitPrice", inCorrections, positive},
	{"PricingCurrencyEffectiveCost", never, decimal},
	{"PricingCurrencyListUnitPrice", inCorrections, positive},
	{"PricingQuantity", never, decimal},
	{"PricingUnit", never, unit},
	{"ProviderName", never, text},
	{"PublisherName", never, text},
	{"RegionId", mayBe, text},
	{"RegionName", mayBe, text},
	{"ServiceCategory", never, is("AI and Machine Learning")},
	{"ServiceName", never, text},
	{"ServiceSubcategory", never, is("Generative AI")},
	{"SkuId", never, text},
	{"SkuMeter", never, text},
	{"SkuPriceDetails", never, object("x_")},
	{"SkuPriceId", never, text},
	{"SubAccountId", mayBe, text},
	{"SubAccountName", mayBe, text},
	{"SubAccountType", mayBe, is("Product")},
	{"Tags", never, object("tidemark/")},
	{"x_ContextOver", never, whole},
	{"x_CostSource", never, is("computed")},
	{"x_Model", never, text},
	{"x_PriceBook", never, whole},
	{"x_Product", mayBe, text},
	{"x_ServiceTier", never, is("standard", "batch", "flex", "priority")},
	{"x_Tenant", never, text},
	{"x_TokenClass", never, text},
}

// pairs are columns of which one is null exactly when the other is.
var pairs = [][2]string{
	{"RegionId", "RegionName"}, {"SubAccountId", "SubAccountName"}, {"SubAccountId", "SubAccountType"}, {"SkuId", "SkuPriceId"}, {"SkuId", "SkuMeter"},
	{"PricingQuantity", "PricingUnit"}, {"ConsumedQuantity", "ConsumedUnit"}, {"BillingAccountId", "BillingAccountType"},
}

// parents are columns of which each value belongs to one value of the other.
var parents = [][2]string{{"SkuPriceId", "SkuId"}, {"SkuPriceId", "SkuPriceDetails"}, {"SkuId", "SkuMeter"}, {"ServiceName", "ServiceCategory"}, {"BillingAccountId", "BillingAccountName"}}

// violations returns a line for each rule that a file does not keep, the column first.
func violations(rows []cells) []string {
	var found []string
	say := func(i int, column, format string, args ...any) {
		found = append(found, fmt.Sprintf("%s of row %d: ", column, i+1)+fmt.Sprintf(format, args...))
	}
	parent := map[[3]string]string{}
	for i, row := range rows {
		if len(row) != len(rules) {
			say(i, "number of columns", "%d, want %d", len(row), len(rules))
		}
		for _, r := range rules {
			cell, present := row[r.column]
			correction := row["ChargeClass"] != ""
			switch {
			case !present:
				say(i, r.column, "there is no such column")
			case cell == "" && (r.null == never || r.null == inCorrections && !correction):
				say(i, r.column, "it is null")
			case cell == "":
			case r.null == alwaysNull:
				say(i, r.column, "it is %q, not null", cell)
			case !r.form(cell):
				say(i, r.column, "%q is not in form", cell)
			}
		}
		for _, p := range pairs {
			if (row[p[0]] == "") != (row[p[1]] == "") {
				say(i, p[0], "%q, and %s %q", row[p[0]], p[1], row[p[1]])
			}
		}
		for _, p := range parents {
			key := [3]string{p[0], p[1], row[p[0]]}
			if of, ok := parent[key]; ok && of != row[p[1]] {
				say(i, p[0], "%q is of %s %q and %q", row[p[0]], p[1], of, row[p[1]])
			}
			parent[key] = row[p[1]]
		}
		amounts(row, func(column, format string, args ...any) { say(i, column, format, args...) })
		periods(row, func(column, format string, args ...any) { say(i, column, format, args...) })
	}
	return found
}

// amounts holds the rules between costs, prices and quantities.
func amounts(row cells, say func(column, format string, args ...any)) {
	number := func(column string) *big.Rat {
		n, ok := new(big.Rat).SetString(row[column])
		if !ok {
			return new(big.Rat)
		}
		return n
	}
	for _, cost := range []string{"BilledCost", "EffectiveCost", "ContractedCost", "PricingCurrencyEffectiveCost"} {
		if number(cost).Cmp(number("ListCost")) != 0 {
			say(cost, "%s, and ListCost %s", row[cost], row["ListCost"])
		}
	}
	for price, cost := range map[string]string{
		"ListUnitPrice": "ListCost", "ContractedUnitPrice": "ContractedCost", "PricingCurrencyContractedUnitPrice": "ContractedCost", "PricingCurrencyListUnitPrice": "ListCost",
	} {
		if row[price] != "" && new(big.Rat).Mul(number(price), number("PricingQuantity")).Cmp(number(cost)) != 0 {
			say(price, "%s times PricingQuantity %s is not %s %s", row[price], row["PricingQuantity"], cost, row[cost])
		}
	}
	if row["ChargeClass"] == "" && (number("PricingQuantity").Sign() <= 0 || number("ListCost").Sign() < 0) {
		say("PricingQuantity", "%s at a cost of %s is no usage", row["PricingQuantity"], row["ListCost"])
	}
	if row["BillingCurrency"] != row["PricingCurrency"] {
		say("PricingCurrency", "%s, and BillingCurrency %s", row["PricingCurrency"], row["BillingCurrency"])
	}
	per := map[string]int64{"Tokens": 1, "1000000 Tokens": 1_000_000, "Requests": 1}[row["PricingUnit"]]
	if !strings.HasSuffix(row["PricingUnit"], row["ConsumedUnit"]) || new(big.Rat).Mul(number("PricingQuantity"), new(big.Rat).SetInt64(per)).Cmp(number("ConsumedQuantity")) != 0 {
		say("ConsumedQuantity", "%s %s are not %s of %s", row["ConsumedQuantity"], row["ConsumedUnit"], row["PricingQuantity"], row["PricingUnit"])
	}
}

// periods holds the rules between times.
func periods(row cells, say func(column, format string, args ...any)) {
	at := func(column string) time.Time {
		t, _ := time.Parse(time.RFC3339, row[column]) // Its form has been looked at.
		return t
	}
	billed, until, day := at("BillingPeriodStart"), at("BillingPeriodEnd"), at("ChargePeriodStart")
	if billed.Day() != 1 || !billed.AddDate(0, 1, 0).Equal(until) {
		say("BillingPeriodEnd", "from %s to %s is no month", row["BillingPeriodStart"], row["BillingPeriodEnd"])
	}
	if !day.AddDate(0, 0, 1).Equal(at("ChargePeriodEnd")) {
		say("ChargePeriodEnd", "from %s to %s is no day", row["ChargePeriodStart"], row["ChargePeriodEnd"])
	}
	// What is billed again is of an earlier period, and nothing else is.
	if earlier := day.Before(billed); earlier != (row["ChargeClass"] != "") || !day.Before(until) {
		say("ChargeClass", "%q on %s, billed from %s to %s", row["ChargeClass"], row["ChargePeriodStart"], row["BillingPeriodStart"], row["BillingPeriodEnd"])
	}
}

func asCells(rows []map[string]string) []cells {
	out := make([]cells, len(rows))
	for i := range rows {
		out[i] = rows[i]
	}
	return out
}

// TestRules holds the specification's rules over many charges, and over the golden file.
func TestRules(t *testing.T) {
	golden, err := os.ReadFile(filepath.Join(env.ModuleRoot(t), "schemas", "focus", "testdata", "charges.csv"))
	if err != nil {
		t.Fatal(err)
	}
	for name, rows := range map[string][]map[string]string{"many": exported(t, 3000), "golden": read(t, string(golden))} {
		if len(rows) < 15 {
			t.Errorf("%s: only %d charges", name, len(rows))
		}
		for _, line := range violations(asCells(rows)) {
			t.Errorf("%s: %s", name, line)
		}
	}
}

// planted are mistakes in a charge that is no correction: the column of the rule that finds each, and the rule of the validator 2.2.1 that does. Where that
// is empty, it finds none. It takes a value that is not allowed if one row has one that is, and its rules for all charges but corrections hold for none,
// because it takes a ChargeClass that is null for neither "Correction" nor anything else: so nothing is said of unit prices and their products.
var planted = []struct{ column, cell, found, rule string }{
	{"BilledCost", "1.5e3", "BilledCost", ""},
	{"BillingCurrency", "Dollars", "BillingCurrency", "BillingCurrency-C-003-M"},
	{"BillingPeriodEnd", "2026-11-01 00:00", "BillingPeriodEnd", "BillingPeriodEnd-C-002-M"},
	{"ChargeCategory", "Use", "ChargeCategory", ""},
	{"ChargeClass", "Correction", "ChargeClass", ""},
	{"ChargeFrequency", "Daily", "ChargeFrequency", ""},
	{"ChargePeriodEnd", "2026-12-01T00:00:00Z", "ChargePeriodEnd", ""},
	{"ConsumedUnit", "", "ConsumedUnit", "ConsumedUnit-C-006-C"},
	{"InvoiceId", "1", "InvoiceId", ""},
	{"ListUnitPrice", "", "ListUnitPrice", ""},
	{"ListCost", "123456.5", "ListUnitPrice", ""},
	{"ContractedUnitPrice", "-1", "ContractedUnitPrice", "ContractedUnitPrice-C-009-C"},
	{"PricingCategory", "Cheap", "PricingCategory", ""},
	{"PricingUnit", "1M Tokens", "PricingUnit", "PricingUnit-C-003-O"},
	{"ProviderName", "", "ProviderName", "ProviderName-C-003-M"},
	{"RegionName", "", "RegionId", "RegionName-C-005-C"},
	{"ServiceCategory", "AI", "ServiceCategory", ""},
	{"ServiceSubcategory", "Chat", "ServiceSubcategory", ""},
	{"SkuId", "other", "SkuPriceId", "SkuPriceId-C-008-M"},
	{"SkuPriceDetails", `{"Model":"m"}`, "SkuPriceDetails", ""},
	{"SubAccountName", "", "SubAccountId", "SubAccountName-C-005-C"},
	{"Tags", "chat", "Tags", "Tags-C-001-M"},
}

// TestRulesFind plants mistakes. The rule of the column finds each.
func TestRulesFind(t *testing.T) {
	rows := asCells(exported(t, 3000))
	for _, p := range planted {
		undo := plant(rows, 0, p.column, p.cell)
		found := violations(rows)
		undo()
		if !slices.ContainsFunc(found, func(line string) bool { return strings.HasPrefix(line, p.found+" of row ") }) {
			t.Errorf("%s = %q: found %q", p.column, p.cell, found)
		}
	}
}

// plant sets a cell of a charge that has a region, a product and a cost, and that is not the only one of its SKU. skip is how many of those are left
// as they are. undo sets it back.
func plant(rows []cells, skip int, column, cell string) (undo func()) {
	seen := map[string]bool{}
	for _, row := range rows {
		if again := seen[row["SkuPriceId"]]; again && row["ChargeClass"] == "" && row["RegionId"] != "" && row["SubAccountId"] != "" && row["ListCost"] != "0" {
			if skip--; skip >= 0 {
				continue
			}
			before := row[column]
			row[column] = cell
			return func() { row[column] = before }
		}
		seen[row["SkuPriceId"]] = true
	}
	panic("no charge to plant a mistake in")
}
