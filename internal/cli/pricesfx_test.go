package cli

import "testing"

// TestExchangeRates walks through the life of rates of exchange on the real engine.
func TestExchangeRates(t *testing.T) {
	b := newPricesBench(t, "prices_fx")
	const bank = "Date,USD,CNY,JPY,\n2026-11-27,1.1592,8.2,N/A,\n2026-11-20,1.15,8.1,180.70,\n"
	b.has("", words("fx list"), "0 rates count on ")
	b.has(bank, words("fx import - --dry-run"), "5 rates read; 5 would be added, 0 changed")
	b.has("", words("fx list"), ", of 0")
	b.has(bank, words("fx import -"), "5 rates read; 5 added, 0 changed")
	b.has(bank, words("fx import -"), "5 rates read; 0 added, 0 changed, the others are known already")
	if n := b.query("SELECT count() FROM fx"); n != "5" {
		t.Errorf("%s rows", n)
	}
	b.has("", words("fx list --at 2026-11-29"), "ONE  IS      IN   OF          SOURCE\nEUR  8.2     CNY  2026-11-27  ecb\nEUR  1.1592  USD  2026-11-27  ecb\n2 rates count on 2026-11-29, of 5\n")
	b.has("", words("fx list jpy --at 2026-11-27"), "EUR  180.7  JPY  2026-11-20  ecb\n1 rate counts on 2026-11-27, of 5\n")
	b.has("", words("fx list --at 2026-12-05"), "0 rates count on 2026-12-05, of 5\n")

	mine := "date,from,to,rate\n2026-11-27,EUR,USD,1.16\n2026-11-27,GBP,USD,0.000000000000000001\n"
	b.fails("nothing was imported: the rates of these days are known and would change: if what is known is wrong, give --correct", mine, "fx", "import", "-")
	b.has("", words("fx list gbp --at 2026-11-27"), "0 rates count")
	b.has(mine, words("fx import - --correct"), "2026-11-27 EUR in USD: 1.16, was 1.1592\n2 rates read; 1 added, 1 changed")
	b.has("", words("fx list usd --at 2026-11-27"), "EUR  1.16                  USD  2026-11-27  file\nGBP  0.000000000000000001  USD  2026-11-27  file\n")
	if n := b.query("SELECT count() FROM fx"); n != "7" { // What was known then stays.
		t.Errorf("%s rows", n)
	}
	b.fails("nothing was imported: -: line 2: date: \"soon\" is no day", "date,from,to,rate\nsoon,EUR,USD,1\n", "fx", "import", "-")
	b.fails("--at: \"soon\" is not a time", "", "fx", "list", "--at", "soon")
}
