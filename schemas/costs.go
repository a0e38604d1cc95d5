package schemas

// bookDim is the dimension that says by which book of prices a bucket was priced.
const bookDim = "book"

// CostParts are the measures that the cost of calls is the sum of, each a column in 1e-12 of the currency.
var CostParts = []string{"input_cost_picos", "cache_read_cost_picos", "cache_write_cost_picos", "output_cost_picos", "reasoning_cost_picos", "request_cost_picos"}

// costs returns the rollups of what calls cost by the books of prices: by hour and day, with the tenant and for all together.
func costs() []Rollup {
	money := func(column, comment string) Measure {
		return Measure{Column: column, Type: "Int128", aggregate: "sum(" + column + ")", Comment: comment}
	}
	count := func(column, comment string) Measure {
		return Measure{Column: column, Type: "UInt128", aggregate: "sum(" + column + ")", Comment: comment}
	}
	measures := proved(counted("calls", TokenCallType, calls, "Sum of weights times requests."))
	for i := range measures {
		measures[i].aggregate = "sum(" + measures[i].Column + ")"
	}
	measures = append(measures,
		count("tokens", "Of all classes, as far as they are known."),
		count("unpriced_tokens", "Those of them that have no price, for the reason that the row names or another one."))
	cost := Shown{Name: "cost_picos", Comment: "In 1e-12 of the currency. What has no price is not in it: where unpriced_tokens is not 0 the cost is at least that."}
	for i, part := range CostParts {
		comment := ""
		if i == 0 {
			comment = "In 1e-12 of the currency, as all costs."
		}
		measures = append(measures, money(part, comment))
		if i > 0 {
			cost.SQL += " + "
		}
		cost.SQL += "{" + part + "}"
	}
	measures = append(measures,
		money("at_most_cost_picos", "The part of the cost that is of calls whose classes of tokens are not known exactly: it is at most that."),
		money("cache_saved_picos", "What the tokens from and to caches would have cost as other input, less what they cost."),
		count("compared_calls", "Calls that have a price in whole, and report a cost in the same currency."),
		money("compared_cost_picos", "What they cost by the book."),
		money("compared_reported_picos", "What they report."))
	of := Rollup{
		Of: "Cost of calls to models", Types: []Type{TokenCallType}, Dims: []string{"product", "provider", "model", "currency", "reason", bookDim},
		Measures: measures, Shown: []Shown{cost}, Priced: true,
	}
	one := func(ending, from string, tenant bool) Rollup {
		r := of
		if tenant {
			r.Dims = append([]string{"tenant"}, of.Dims...)
		}
		r.named(costsStem, ending, from)
		return r
	}
	return []Rollup{
		one(EndingHour, "", true), one(EndingDay, EndingHour, true),
		one(EndingAllHour, EndingHour, false), one(EndingAllDay, EndingAllHour, false),
	}
}

// costsStem begins the names of the rollups of costs.
const costsStem = "costs"
