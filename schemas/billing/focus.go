package billing

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"tidemark/schemas"
)

// focusFields are the columns of FOCUS 1.0 to 1.2, and the names that 1.3 has for ProviderName. Columns whose names begin with x_ are the provider's
// own beside them.
var focusFields = words(`AvailabilityZone BilledCost BillingAccountId BillingAccountName BillingAccountType BillingCurrency BillingPeriodEnd BillingPeriodStart
	CapacityReservationId CapacityReservationStatus ChargeCategory ChargeClass ChargeDescription ChargeFrequency ChargePeriodEnd ChargePeriodStart
	CommitmentDiscountCategory CommitmentDiscountId CommitmentDiscountName CommitmentDiscountQuantity CommitmentDiscountStatus CommitmentDiscountType
	CommitmentDiscountUnit ConsumedQuantity ConsumedUnit ContractedCost ContractedUnitPrice EffectiveCost InvoiceId InvoiceIssuerName ListCost ListUnitPrice
	PricingCategory PricingCurrency PricingCurrencyContractedUnitPrice PricingCurrencyEffectiveCost PricingCurrencyListUnitPrice PricingQuantity PricingUnit
	ProviderName PublisherName RegionId RegionName ResourceId ResourceName ResourceType ServiceCategory ServiceName ServiceSubcategory SkuId SkuMeter
	SkuPriceDetails SkuPriceId SubAccountId SubAccountName SubAccountType Tags ServiceProviderName HostProviderName`)

// focusNeeds are the columns without which a file cannot be read.
var focusNeeds = []string{"BilledCost", "BillingCurrency", "ChargePeriodStart", "ChargePeriodEnd", "ChargeCategory", "ServiceName"}

// focusServices are parts of the names of services, and who sells their calls.
var focusServices = []struct{ part, provider string }{
	{"bedrock", "aws.bedrock"}, {"azure openai", "azure.ai.openai"}, {"vertex ai", "gcp.vertex_ai"}, {"gemini", "gcp.gemini"},
}

// readFOCUS reads a bill in the form of FOCUS: CSV with a header, or JSON objects, one a row. Of a bill, rows of artificial intelligence count, with
// their BilledCost. Quantities are not read: their units do not tell classes of tokens.
func readFOCUS(content []byte, c *collector) error {
	head := bytes.TrimLeft(content, " \t\r\n\ufeff")
	if len(head) > 0 && (head[0] == '{' || head[0] == '[') {
		return pages(content, "rows", func(n int, v value) error {
			row := place{v, fmt.Sprintf("row %d", n)}
			where := row.where()
			if err := row.known(withCustom(v)); err != nil {
				return err
			}
			for _, column := range focusNeeds {
				if v.fields[column].kind == 0 {
					return fmt.Errorf("%s: it has no column %s", where, column)
				}
			}
			return focusRow(c, where, func(column string) string { return v.fields[column].text })
		})
	}
	return focusCSV(bytes.TrimPrefix(content, []byte("\ufeff")), c)
}

// withCustom returns the columns of FOCUS and a row's own ones that begin with x_.
func withCustom(row value) map[string]bool {
	for name := range row.fields {
		if custom(name) {
			all := words("")
			for known := range focusFields {
				all[known] = true
			}
			for name := range row.fields {
				all[name] = all[name] || custom(name)
			}
			return all
		}
	}
	return focusFields
}

func custom(column string) bool { return strings.HasPrefix(column, "x_") }

func focusCSV(content []byte, c *collector) error {
	r := csv.NewReader(bytes.NewReader(content))
	r.ReuseRecord = true
	header, err := r.Read()
	if err != nil {
		return csvError(err)
	}
	header = slices.Clone(header)
	at := map[string]int{}
	for i, column := range header {
		if _, twice := at[column]; twice {
			return fmt.Errorf("line 1: the column %s is there twice", schemas.Excerpt(column))
		}
		at[column] = i
	}
	for _, column := range focusNeeds {
		if _, there := at[column]; !there {
			return fmt.Errorf("line 1: the column %s is not there", column)
		}
	}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return csvError(err)
		}
		line, _ := r.FieldPos(0)
		where := fmt.Sprintf("line %d", line)
		for i, column := range header {
			if !focusFields[column] && !custom(column) {
				if path := carries(column, value{kind: stringValue, text: record[i]}, false); path != "" {
					return fmt.Errorf("%s: Tidemark does not know the column %s, which carries money or tokens", where, schemas.Excerpt(column))
				}
			}
		}
		err = focusRow(c, where, func(column string) string {
			if i, there := at[column]; there {
				return record[i]
			}
			return ""
		})
		if err != nil {
			return err
		}
	}
}

func csvError(err error) error {
	if parse, ok := errors.AsType[*csv.ParseError](err); ok {
		return fmt.Errorf("line %d: it is no CSV: %w", parse.Line, parse.Err)
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("it has no header")
	}
	return fmt.Errorf("line 1: %w", err)
}

// focusRow reads a row.
func focusRow(c *collector, where string, column func(string) string) error {
	wrong := func(name, format string, args ...any) error {
		return fmt.Errorf("%s: %s: %w", where, name, fmt.Errorf(format, args...))
	}
	var o Observation
	var err error
	if o.From, err = focusTime(column("ChargePeriodStart")); err != nil {
		return wrong("ChargePeriodStart", "%w", err)
	}
	if o.To, err = focusTime(column("ChargePeriodEnd")); err != nil {
		return wrong("ChargePeriodEnd", "%w", err)
	}
	span := Span{o.From, o.To}
	if err := span.validate(); err != nil {
		return wrong("ChargePeriodEnd", "%w", err)
	}
	c.cover(Cost, span)
	service := column("ServiceName")
	if o.Provider = focusProvider(service, column("ServiceCategory"), firstOf(column("ProviderName"), column("ServiceProviderName"))); o.Provider == "" {
		_, err := checked(service, func(format string, args ...any) error { return wrong("ServiceName", format, args...) })
		c.skip("rows of the service " + service)
		return err
	}
	o.Project = firstOf(column("SubAccountId"), column("BillingAccountId"))
	o.Line = firstOf(column("SkuMeter"), column("ChargeDescription"), service)
	if category := column("ChargeCategory"); category != "Usage" {
		o.Line = category + ": " + o.Line
	}
	if name := column("ResourceName"); name != "" && name == column("ResourceId") && name == column("ChargeDescription") {
		o.Model, o.Line = name, service // As LiteLLM exports it.
	}
	o.Currency = column("BillingCurrency")
	for name, text := range map[string]string{"SubAccountId": o.Project, "ChargeDescription": o.Line, "ResourceName": o.Model, "ProviderName": o.Provider} {
		if _, err := checked(text, func(format string, args ...any) error { return wrong(name, format, args...) }); err != nil {
			return err
		}
	}
	if err := c.spend(o, column("BilledCost"), inUnits); err != nil {
		return wrong("BilledCost", "%w", err)
	}
	return nil
}

// focusProvider returns who sells the calls of a service; empty if it is none of artificial intelligence.
func focusProvider(service, category, provider string) string {
	name := strings.ToLower(service)
	for _, s := range focusServices {
		if strings.Contains(name, s.part) {
			return s.provider
		}
	}
	if category == "AI and Machine Learning" {
		return schemas.Provider(provider)
	}
	return ""
}

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// focusLayouts are the forms of times that exports have; without a zone, a time is in UTC.
var focusLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", naive, "2006-01-02T15:04", time.DateOnly}

func focusTime(text string) (time.Time, error) {
	plain := strings.TrimSuffix(strings.Replace(text, " ", "T", 1), " UTC")
	for _, layout := range focusLayouts {
		if at, err := time.Parse(layout, plain); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%s is not a time such as 2026-11-01T00:00:00Z", schemas.Excerpt(text))
}
