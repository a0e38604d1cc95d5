package focus

import (
	"math/big"
	"time"
)

// Type is what the cells of a column are.
type Type int

// The types.
const (
	String  Type = iota
	JSON         // An object of texts and numbers, in a string.
	Decimal      // DECIMAL(38, 12).
	Instant      // UTC.
	Integer      // From 0 on, of 64 bits.
)

// Column is a column of the files.
type Column struct {
	Name string
	Type Type
	Null bool // Whether it may be null.

	// text, amount, at and integer return a cell. Only that of Type is set; an empty text and a nil amount (in 1e-12) are null.
	text    func(*charge) string
	amount  func(*charge) *big.Int
	at      func(*charge) time.Time
	integer func(*charge) uint64
}

// Columns returns the columns in their order: those of FOCUS by name, then our own by name.
func Columns() []Column { return append([]Column(nil), columns...) }

// always is a column that says the same of every charge.
func always(name, value string) Column {
	return Column{Name: name, text: func(*charge) string { return value }}
}

func text(name string, of func(*charge) string) Column { return Column{Name: name, text: of} }

func nullText(name string, of func(*charge) string) Column {
	return Column{Name: name, Null: true, text: of}
}

func amount(name string, of func(*charge) *big.Int) Column {
	return Column{Name: name, Type: Decimal, amount: of}
}

func instant(name string, of func(*charge) time.Time) Column {
	return Column{Name: name, Type: Instant, at: of}
}

// nothing, cost and those after it are cells that several columns have.
func nothing(*charge) string       { return "" }
func cost(c *charge) *big.Int      { return c.Cost }
func unitPrice(c *charge) *big.Int { return c.price }
func tenant(c *charge) string      { return c.Tenant }
func product(c *charge) string     { return c.Product }
func provider(c *charge) string    { return c.Provider }
func region(c *charge) string      { return c.Region }
func currency(c *charge) string    { return c.Currency }

// onlyWith returns a text where another one is not empty.
func onlyWith(of func(*charge) string, value string) func(*charge) string {
	return func(c *charge) string {
		if of(c) == "" {
			return ""
		}
		return value
	}
}

// columns are all that FOCUS 1.2 requires of who sells by the token and publishes prices, and those of the currency of prices, which is that of
// the bill. Those of commitment discounts, reservations of capacity, resources and availability zones are for who has such things: but for one that
// other rules name, they are left out.
var columns = []Column{
	amount("BilledCost", cost),
	text("BillingAccountId", tenant),
	text("BillingAccountName", tenant),
	always("BillingAccountType", "Tenant"),
	text("BillingCurrency", currency),
	instant("BillingPeriodEnd", func(c *charge) time.Time { return c.month.AddDate(0, 1, 0) }),
	instant("BillingPeriodStart", func(c *charge) time.Time { return c.month }),
	always("ChargeCategory", "Usage"),
	nullText("ChargeClass", func(c *charge) string { return map[bool]string{true: "Correction"}[c.Correction] }),
	text("ChargeDescription", (*charge).description),
	always("ChargeFrequency", "Usage-Based"),
	instant("ChargePeriodEnd", func(c *charge) time.Time { return c.Day.AddDate(0, 0, 1) }),
	instant("ChargePeriodStart", func(c *charge) time.Time { return c.Day }),
	nullText("CommitmentDiscountStatus", nothing), // The rules of ConsumedQuantity name it.
	amount("ConsumedQuantity", func(c *charge) *big.Int { return c.consumed }),
	text("ConsumedUnit", (*charge).consumedUnit),
	amount("ContractedCost", cost),
	{Name: "ContractedUnitPrice", Type: Decimal, Null: true, amount: unitPrice},
	amount("EffectiveCost", cost),
	nullText("InvoiceId", nothing), // A computed cost is on no invoice.
	text("InvoiceIssuerName", provider),
	amount("ListCost", cost),
	{Name: "ListUnitPrice", Type: Decimal, Null: true, amount: unitPrice},
	always("PricingCategory", "Standard"),
	text("PricingCurrency", currency),
	{Name: "PricingCurrencyContractedUnitPrice", Type: Decimal, Null: true, amount: unitPrice},
	amount("PricingCurrencyEffectiveCost", cost),
	{Name: "PricingCurrencyListUnitPrice", Type: Decimal, Null: true, amount: unitPrice},
	amount("PricingQuantity", func(c *charge) *big.Int { return c.pricing }),
	text("PricingUnit", (*charge).pricingUnit),
	text("ProviderName", provider),
	text("PublisherName", (*charge).publisher),
	nullText("RegionId", region),
	nullText("RegionName", region),
	always("ServiceCategory", "AI and Machine Learning"),
	text("ServiceName", provider),
	always("ServiceSubcategory", "Generative AI"),
	text("SkuId", (*charge).skuID),
	text("SkuMeter", func(c *charge) string { return meters[c.Unit] }),
	{Name: "SkuPriceDetails", Type: JSON, text: (*charge).skuPriceDetails},
	text("SkuPriceId", (*charge).skuPriceID),
	nullText("SubAccountId", product),
	nullText("SubAccountName", product),
	nullText("SubAccountType", onlyWith(product, "Product")),
	{Name: "Tags", Type: JSON, text: (*charge).tags},
	{Name: "x_ContextOver", Type: Integer, integer: func(c *charge) uint64 { return c.ContextOver }},
	always("x_CostSource", "computed"),
	text("x_Model", func(c *charge) string { return c.Model }),
	{Name: "x_PriceBook", Type: Integer, integer: func(c *charge) uint64 { return c.Book }},
	nullText("x_Product", product),
	text("x_ServiceTier", func(c *charge) string { return c.Tier }),
	text("x_Tenant", tenant),
	text("x_TokenClass", func(c *charge) string { return string(c.Unit) }),
}
