package focus

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"tidemark/schemas/prices"
)

// charge is a valid Row and what several columns say of it.
type charge struct {
	Row
	month time.Time
	// In 1e-12: quantity of the pricing unit, quantity of single tokens or calls, price of a pricing unit (nil: none).
	pricing, consumed, price *big.Int
}

func newCharge(r Row, o Options) *charge {
	c := &charge{Row: r, month: o.Month, consumed: new(big.Int).Mul(r.Quantity, one), price: big.NewInt(int64(r.UnitPicos))}
	c.pricing = c.consumed
	if c.tokens() {
		// Per million tokens: the price has 6 digits fewer after the point, the quantity 6 more, and both stay whole numbers of 1e-12.
		c.pricing = new(big.Int).Mul(r.Quantity, perMillion)
		c.price.Mul(c.price, perMillion)
	}
	if !r.isProduct() {
		c.price = nil // Only a correction gets here.
	}
	return c
}

// tokens reports whether the charge is for tokens, not calls.
func (c *charge) tokens() bool { return c.Unit != prices.Request }

// meters are what is metered, for people.
var meters = map[prices.Unit]string{
	prices.Input:        "Input Tokens",
	prices.CacheRead:    "Cached Input Tokens",
	prices.CacheWrite:   "Cache Write Tokens",
	prices.CacheWrite1h: "1-Hour Cache Write Tokens",
	prices.Output:       "Output Tokens",
	prices.Reasoning:    "Reasoning Tokens",
	prices.InputAudio:   "Audio Input Tokens",
	prices.InputImage:   "Image Input Tokens",
	prices.OutputAudio:  "Audio Output Tokens",
	prices.OutputImage:  "Image Output Tokens",
	prices.Request:      "Requests",
}

// idPart makes a name a part of an id that is joined by slashes.
var idPart = strings.NewReplacer("%", "%25", "/", "%2F")

// skuID returns what is sold: provider, model and unit. It depends on nothing that changes with time or tenant.
func (c *charge) skuID() string {
	return idPart.Replace(c.Provider) + "/" + idPart.Replace(c.Model) + "/" + string(c.Unit)
}

// skuPriceID returns which of the prices of a SKU it is: that of a tier and, where the price is of them alone, of a region and of calls over
// a length. Neither the amount nor the time nor the tenant is a part of it, so one id has the prices of all times.
func (c *charge) skuPriceID() string {
	id := c.skuID() + "/" + c.Tier
	if c.Region != "" {
		id += "/region-" + idPart.Replace(c.Region)
	}
	if c.ContextOver > 0 {
		id += "/over-" + strconv.FormatUint(c.ContextOver, 10)
	}
	return id
}

// skuPriceDetails returns the parts of the id as a JSON object.
func (c *charge) skuPriceDetails() string {
	details := map[string]any{"x_Model": c.Model, "x_ServiceTier": c.Tier, "x_TokenClass": string(c.Unit)}
	if c.Region != "" {
		details["x_Region"] = c.Region
	}
	if c.ContextOver > 0 {
		details["x_ContextOver"] = c.ContextOver
	}
	return object(details)
}

// tags returns who used it as a JSON object. The prefix says that Tidemark tells it, and no tag of the provider's does.
func (c *charge) tags() string {
	tags := map[string]any{"tidemark/tenant": c.Tenant}
	if c.Product != "" {
		tags["tidemark/product"] = c.Product
	}
	return object(tags)
}

// object returns a JSON object of texts and numbers, sorted by key.
func object(values map[string]any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(values) // Texts and whole numbers have a form in JSON, and a buffer takes everything.
	return strings.TrimSuffix(b.String(), "\n")
}

// description says what the charge is for.
func (c *charge) description() string {
	text := fmt.Sprintf("%s of %s at %s, %s tier", meters[c.Unit], c.Model, c.Provider, c.Tier)
	if c.Region != "" {
		text += ", region " + c.Region
	}
	if c.ContextOver > 0 {
		text += fmt.Sprintf(", input over %d tokens", c.ContextOver)
	}
	if c.Correction {
		text += ", correction"
	}
	return text
}

// publisher returns who made the model, and who sells it where that is not known: the column has no null.
func (c *charge) publisher() string {
	if c.Publisher == "" {
		return c.Provider
	}
	return c.Publisher
}

func (c *charge) consumedUnit() string {
	if c.tokens() {
		return "Tokens"
	}
	return "Requests"
}

func (c *charge) pricingUnit() string {
	if c.tokens() {
		return "1000000 Tokens" // A unit of FOCUS has a whole number in front: "1M Tokens" is none.
	}
	return "Requests"
}
