package prices

import (
	"math/big"
	"strings"
	"testing"
	"time"
)

func day(text string) time.Time {
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return at
}

func rate(on, base, quote, value string) ExchangeRate {
	return ExchangeRate{day(on), base, quote, value, "test"}
}

// marketDays has rates of a Thursday, a Friday and a Monday.
func marketDays(t *testing.T) *Rates {
	t.Helper()
	r, err := NewRates([]ExchangeRate{
		rate("2026-11-26", "EUR", "USD", "1.16"), rate("2026-11-26", "EUR", "CNY", "8.2"),
		rate("2026-11-27", "EUR", "USD", "1.1592"), rate("2026-11-27", "EUR", "JPY", "180.7"),
		rate("2026-11-30", "EUR", "USD", "1.16"), rate("2026-11-30", "EUR", "CNY", "8.12"), rate("2026-11-30", "USD", "CNY", "7"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestConvert(t *testing.T) {
	r := marketDays(t)
	for _, c := range []struct {
		name, from, to, on, picos, want string // An empty want: there is no rate.
		used, through                   string
	}{
		{"the day's rate", "EUR", "USD", "2026-11-27", "1000000000000", "1159200000000", "2026-11-27", ""},
		{"the other direction, exactly", "USD", "EUR", "2026-11-27", "1159200000000", "1000000000000", "2026-11-27", ""},
		{"the other direction, rounded once", "USD", "EUR", "2026-11-27", "1", "1", "2026-11-27", ""},
		{"a Sunday has Friday's rate", "EUR", "USD", "2026-11-29", "100", "116", "2026-11-27", ""},
		{"a pair's last day, not that of the others", "EUR", "CNY", "2026-11-29", "10", "82", "2026-11-26", ""},
		{"through the euro, both of one day", "CNY", "USD", "2026-11-29", "8200", "1160", "2026-11-26", "EUR"},
		{"a rate of its own comes first", "CNY", "USD", "2026-11-30", "7", "1", "2026-11-30", ""},
		{"a rate of its own of an older day does not", "USD", "CNY", "2026-12-01", "1", "7", "2026-11-30", ""},
		{"the seventh day after", "EUR", "JPY", "2026-12-04", "10", "1807", "2026-11-27", ""},
		{"the eighth day after", "EUR", "JPY", "2026-12-05", "10", "", "", ""},
		{"a day before the first", "EUR", "USD", "2026-11-25", "10", "", "", ""},
		{"a currency without a rate", "USD", "GBP", "2026-11-30", "10", "", "", ""},
		{"two days do not make one rate", "JPY", "CNY", "2026-11-30", "10", "", "", ""},
		{"the same currency", "GBP", "GBP", "2026-11-25", "10", "10", "2026-11-25", ""},
		{"no currency", "", "", "2026-11-25", "10", "", "", ""},
		{"nothing", "CNY", "USD", "2026-11-30", "0", "0", "2026-11-30", ""},
		{"below zero", "EUR", "USD", "2026-11-30", "-25", "-29", "2026-11-30", ""},
		{"more than 64 bits", "EUR", "USD", "2026-11-30", "1000000000000000000000000", "1160000000000000000000000", "2026-11-30", ""},
	} {
		picos, _ := new(big.Int).SetString(c.picos, 10)
		got, ok := r.Convert(picos, c.from, c.to, day(c.on).Add(23*time.Hour+59*time.Minute))
		if ok != (c.want != "") || ok && got.String() != c.want {
			t.Errorf("%s: %s, %t; want %q", c.name, got, ok, c.want)
		}
		if e, ok := r.Find(c.from, c.to, day(c.on)); ok && (e.Day.Format(time.DateOnly) != c.used || e.Through != c.through) {
			t.Errorf("%s: the rate of %s through %q; want %s, %q", c.name, e.Day, e.Through, c.used, c.through)
		}
		if picos.String() != c.picos {
			t.Errorf("%s: the amount became %s", c.name, picos)
		}
	}
}

// TestRounding: half goes to the even neighbor, on both sides of zero.
func TestRounding(t *testing.T) {
	half := Exchange{Rate: big.NewRat(1, 2)}
	for picos, want := range map[int64]int64{1: 0, 3: 2, 5: 2, 7: 4, -1: 0, -3: -2, -5: -2, 2: 1, -2: -1, 0: 0} {
		if got := half.Apply(big.NewInt(picos)); got.Int64() != want {
			t.Errorf("half of %d is %s, want %d", picos, got, want)
		}
	}
	third := Exchange{Rate: big.NewRat(1, 3)}
	for picos, want := range map[int64]int64{1: 0, 2: 1, 4: 1, 5: 2, -1: 0, -2: -1, -4: -1, -5: -2} {
		if got := third.Apply(big.NewInt(picos)); got.Int64() != want {
			t.Errorf("a third of %d is %s, want %d", picos, got, want)
		}
	}
}

func TestNewRatesRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		rates []ExchangeRate
		want  string
	}{
		"two rates":  {[]ExchangeRate{rate("2026-11-26", "EUR", "USD", "1"), rate("2026-11-26", "EUR", "USD", "2")}, "it is 1 and 2"},
		"itself":     {[]ExchangeRate{rate("2026-11-26", "EUR", "EUR", "1")}, "the rate of EUR in itself"},
		"letters":    {[]ExchangeRate{rate("2026-11-26", "eur", "USD", "1")}, "are not three letters"},
		"zero":       {[]ExchangeRate{rate("2026-11-26", "EUR", "USD", "0")}, "is not above 0"},
		"too fine":   {[]ExchangeRate{rate("2026-11-26", "EUR", "USD", "1.0000000000000000001")}, "at most 18 decimals"},
		"too large":  {[]ExchangeRate{rate("2026-11-26", "EUR", "USD", "100000000000000000000")}, "more than 20 digits"},
		"an hour":    {[]ExchangeRate{{at("2026-11-26T01:00:00Z"), "EUR", "USD", "1", "x"}}, "is not a day"},
		"a form":     {[]ExchangeRate{rate("2026-11-26", "EUR", "USD", "1.10")}, "is written as 1.1"},
		"long ago":   {[]ExchangeRate{rate("1900-11-26", "EUR", "USD", "1")}, "is not a day between 1970"},
		"no decimal": {[]ExchangeRate{rate("2026-11-26", "EUR", "USD", "NaN")}, "is not a decimal number"},
	} {
		if _, err := NewRates(c.rates); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		}
	}
}

// saidRates writes rates as one line each.
func saidRates(all []ExchangeRate) string {
	var lines []string
	for _, r := range all {
		lines = append(lines, r.Day.Format(time.DateOnly)+" "+r.Base+" "+r.Quote+" "+r.Value+" "+r.Source)
	}
	return strings.Join(lines, "\n")
}

func TestDecimalRate(t *testing.T) {
	for text, want := range map[string]string{ // An empty one: an error.
		"1": "1", "1.10": "1.1", "0.50": "0.5", "00012.5": "12.5", "1e-18": "0.000000000000000001", "12e-1": "1.2", "1e19": "10000000000000000000", "123.456e2": "12345.6", "100": "100",
		"10.0": "10", "99999999999999999999.999999999999999999": "99999999999999999999.999999999999999999", "1e-19": "", "10e-19": "0.000000000000000001", "1e20": "", "0": "", "0.000": "", "": "", "-1": "", "1e41": "", "x": "",
	} {
		if got, err := DecimalRate(text); got != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestReadRates(t *testing.T) {
	for document, want := range map[string]string{
		"date,from,to,rate\n2026-11-27,USD,EUR,0.86270\n2026-11-26,EUR,CNY,8.2\n": "2026-11-27 USD EUR 0.8627 file\n2026-11-26 EUR CNY 8.2 file",
		"\ufeffRate,To,From,Date,note\n1.5e0,USD,GBP,2026-11-27,x\n":              "2026-11-27 GBP USD 1.5 file",
		"Date,USD,JPY,CYP,\n2026-11-27,1.1592,180.70,N/A,\n1999-01-04,1.1789,133.73,0.58231,\n": "2026-11-27 EUR USD 1.1592 ecb\n2026-11-27 EUR JPY 180.7 ecb\n" +
			"1999-01-04 EUR USD 1.1789 ecb\n1999-01-04 EUR JPY 133.73 ecb\n1999-01-04 EUR CYP 0.58231 ecb",
		"Date, USD, JPY, \n27 November 2026, 1.1592, 180.70, \n": "2026-11-27 EUR USD 1.1592 ecb\n2026-11-27 EUR JPY 180.7 ecb",
	} {
		got, err := ReadRates(strings.NewReader(document))
		if err != nil {
			t.Errorf("%s: %v", document, err)
		}
		compareText(t, document, saidRates(got), want)
	}
	for document, want := range map[string]string{
		"":                                       "line 1: read the names",
		"date,from,to\n2026-11-27,USD,EUR\n":     "line 1: the columns are neither",
		"Date,USD,dollar\n2026-11-27,1,2\n":      "line 1: the columns are neither",
		"Date\n2026-11-27\n":                     "line 1: the columns are neither",
		"date,from,to,rate\n":                    "it has no rates",
		"Date,USD\n2026-11-27,N/A\n":             "it has no rates",
		"date,from,to,rate\n2026-11-27,USD,EUR,": "line 2: \"\" is not a decimal number",
		"date,from,to,rate\n2026-11-27,USD,EUR,0.9\n2026-11-31,USD,EUR,0.9\n":  "line 3: date: \"2026-11-31\" is no day",
		"date,from,to,rate\n2026-11-27,usd,EUR,0.9\n":                          "line 2: the currencies \"usd\" and \"EUR\"",
		"date,from,to,rate\n2026-11-27,USD,EUR,-0.9\n":                         "line 2: \"-0.9\" is not a decimal number",
		"date,from,to,rate\n2026-11-27,USD,EUR,0.9\n2026-11-27,USD,EUR,0.91\n": "USD in EUR on 2026-11-27: it is 0.9 and 0.91",
		"date,from,to,rate\n2026-11-27,USD,EUR\n":                              "line 2",
		"Date,USD,\n2026-11-27,1.1,5\n":                                        "line 2: \"5\" is in a column without a currency",
		"Date,USD\n2026-11-27,1.1x\n":                                          "line 2: USD: \"1.1x\" is not a decimal number",
	} {
		if _, err := ReadRates(strings.NewReader(document)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %q", document, err, want)
		}
	}
}

func TestRatesOf(t *testing.T) {
	all := []ExchangeRate{rate("2026-11-20", "EUR", "CNY", "8"), rate("2026-11-26", "EUR", "USD", "1.16"), rate("2026-11-26", "EUR", "GBP", "0.9"), rate("2026-11-27", "EUR", "USD", "1.17")}
	compareText(t, "the rates of a day", saidRates(RatesOf(all, at("2026-11-26T23:00:00Z"))), "2026-11-20 EUR CNY 8 test\n2026-11-26 EUR GBP 0.9 test\n2026-11-26 EUR USD 1.16 test")
	compareText(t, "two days later", saidRates(RatesOf(all, day("2026-11-28"))), "2026-11-26 EUR GBP 0.9 test\n2026-11-27 EUR USD 1.17 test")
}

// FuzzReadRates: what is read is right, and goes back and forth without a loss.
func FuzzReadRates(f *testing.F) {
	f.Add("date,from,to,rate\n2026-11-27,USD,EUR,0.8627\n", int64(1_000_001))
	f.Add("Date,USD,JPY,\n2026-11-27,1.1592,N/A,\n", int64(-5))
	f.Add("Date, USD\n27 November 2026, 1e-18\n", int64(1))
	f.Fuzz(func(t *testing.T, document string, picos int64) {
		all, err := ReadRates(strings.NewReader(document))
		if err != nil {
			return
		}
		rates, err := NewRates(all)
		if err != nil {
			t.Fatal(err)
		}
		r := all[0]
		there, _ := rates.Find(r.Base, r.Quote, r.Day)
		want, _ := new(big.Rat).SetString(r.Value)
		if there.Rate == nil || there.Rate.Cmp(want) != 0 || there.Through != "" {
			t.Fatalf("%+v is read as %+v", r, there)
		}
		// The rounded amount is at most half from the exact one.
		exact := new(big.Rat).Mul(there.Rate, new(big.Rat).SetInt64(picos))
		off := exact.Sub(exact, new(big.Rat).SetInt(there.Apply(big.NewInt(picos))))
		if off.Abs(off).Cmp(big.NewRat(1, 2)) > 0 {
			t.Errorf("%d at %s is off by %s", picos, r.Value, off)
		}
	})
}
