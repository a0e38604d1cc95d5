package boards

import (
	"slices"

	"tidemark/dashboards/board"
	"tidemark/dashboards/preset"
)

// The panels of the dashboard Cost on what is not known, what was reported, and the books of prices.

// reasonWidth is room for the longest reason, in pixels.
const reasonWidth = 140

func unpricedReasons(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Why there is no price", Width: 10, Height: 9, Table: true,
		Description: "Calls of which not all has a price, by the reason, in all currencies. tokens: those without a price; a call may have others that " +
			"have one. Shares are of all tokens and of all calls in the range. no_usage: the call does not say how many tokens it took, so none is counted here. " +
			"docs/prices.md explains each reason." + costRange,
		Kind: preset.Table().OverrideByName("reason", preset.MinWidth(reasonWidth)).OverrideByName("share of tokens", slices.Concat(preset.Unit(preset.Ratio, 2), preset.Width(80), colored("text", 0.01, preset.Warning, 0.05, preset.Bad))).
			OverrideByName("share of calls", append(preset.Unit(preset.Ratio, 2), preset.Width(80)...)).OverrideByName("calls", preset.Width(70)).OverrideByName("tokens", preset.Width(105)),
		MayBeEmpty: allPriced,
		SQL: []string{`
			SELECT why AS reason, n AS calls, t AS tokens, t / nullIf(all_tokens, 0) AS "share of tokens", n / nullIf(all_calls, 0) AS "share of calls"
			FROM (
				SELECT toString({reason}) AS why, sum({calls}) AS n, sum({unpriced_tokens}) AS t, sum(sum({tokens})) OVER () AS all_tokens, sum(n) OVER () AS all_calls
				FROM {:costs} GROUP BY {reason})
			WHERE why != '' ORDER BY tokens DESC, calls DESC, reason`},
	}
}

func unpricedModels(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Which models have no price", Width: 14, Height: 9, Table: true,
		Description: "The 100 models with the most tokens without a price, by the provider that sold them and the reason. share: of all tokens in " +
			"the range that have no price. tidemark prices explain shows for one call what was looked for. tidemark prices import adds prices." + costRange,
		Kind: preset.Table().OverrideByName("share", append(preset.Unit(preset.Ratio, 1), preset.Width(66)...)).
			OverrideByName("provider", preset.Width(110)).OverrideByName("reason", preset.Width(reasonWidth)).OverrideByName("calls", preset.Width(76)).OverrideByName("tokens", preset.Width(112)),
		MayBeEmpty: allPriced,
		SQL: []string{`
			SELECT model, {:or_none seller} AS provider, why AS reason, n AS calls, t AS tokens, t / nullIf(sum(t) OVER (), 0) AS share
			FROM (
				SELECT toString({model}) AS model, toString({provider}) AS seller, toString({reason}) AS why, sum({calls}) AS n, sum({unpriced_tokens}) AS t
				FROM {:costs} AND {reason} != '' GROUP BY {model}, {provider}, {reason})
			ORDER BY tokens DESC, calls DESC, model, provider, reason LIMIT 100`},
	}
}

func reportedAgainstBook(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Reported against computed", Width: 15, Height: 9, Table: true,
		Description: "Calls of which all has a price and which report a cost in the same currency: what they report, and what they cost by the book, " +
			"in the currency of the row. difference: reported less computed; off: the same as a share of the computed cost, orange from 1 % off, red from 10 %. A steady " +
			"difference means that you pay other prices than the book has: import yours. The 100 models with the largest differences." + costRange,
		Kind: preset.Table().OverrideByName("provider", preset.Width(110)).OverrideByName("currency", preset.Width(80)).OverrideByName("calls", preset.Width(75)).
			OverrideByRegexp("reported|computed|difference", append(preset.Unit(preset.Plain), preset.Width(105)...)).
			OverrideByName("off", slices.Concat(preset.Unit(preset.Ratio, 1), preset.Width(75), offBy())),
		MayBeEmpty: "no call with a price reports a cost",
		SQL: []string{`
			SELECT
				model, {:or_none seller} AS provider, money AS currency, n AS calls, {:dollars told} AS reported, {:dollars priced} AS computed,
				{:dollars told - priced} AS difference, if(priced = 0, NULL, toFloat64(told - priced) / toFloat64(priced)) AS off
			FROM (
				SELECT
					toString({model}) AS model, toString({provider}) AS seller, toString({currency}) AS money, sum({compared_calls}) AS n,
					sum({compared_reported_picos}) AS told, sum({compared_cost_picos}) AS priced
				FROM {:costs} AND ({compared_calls} > 0 OR {compared_reported_picos} != 0 OR {compared_cost_picos} != 0) GROUP BY {model}, {provider}, {currency})
			ORDER BY abs(told - priced) DESC, model, provider, currency LIMIT 100`},
	}
}

func otherCurrencies(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Costs in other currencies", Width: 9, Height: 9, Table: true,
		Description: "What has a price in another currency than US dollars. No other figure on this dashboard includes it, except for Reported " +
			"against computed: nothing is converted, and currencies are never added up." + costRange,
		Kind: preset.Table().OverrideByName("cost", preset.Unit(preset.Plain)).OverrideByName("currency", preset.Width(90)).
			OverrideByName("calls", preset.Width(85)).OverrideByName("tokens", preset.Width(120)).OverrideByName("unpriced", shareMissing()),
		MayBeEmpty: "all prices are in US dollars",
		SQL: []string{`
			SELECT money AS currency, {:dollars picos} AS cost, n AS calls, t AS tokens, gap AS unpriced
			FROM (
				SELECT toString({currency}) AS money, sum({cost_picos}) AS picos, sum({calls}) AS n, sum({tokens}) AS t, {:unpriced_share} AS gap
				FROM {:costs} AND {currency} NOT IN ('USD', '') GROUP BY {currency})
			ORDER BY currency`},
	}
}

func booksUsed(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Which book priced what, cost ${in_currency}", Width: 24, Height: 7, Table: true,
		Description: "The books of prices that the range is priced by, the newest first. made: when the book was imported, and from which source. from and to: the first " +
			"and the last hour or day of the range that it priced. cost: in US dollars. unpriced: the share of the tokens that it has no price for. 0 is no book. " +
			"tidemark prices books lists all." + costRange,
		Kind: preset.Table().OverrideByRegexp("^made$|^from$|^to$", atMinute()).OverrideByName("book", append(preset.Unit(preset.Plain), preset.Width(60)...)).OverrideByName("source", preset.Width(110)).
			OverrideByName("note", append(preset.MinWidth(200), preset.Property("custom.wrapText", true))).
			OverrideByName("cost", append(preset.Unit(usDollars), preset.Width(100)...)).OverrideByName("calls", preset.Width(85)).OverrideByName("tokens", preset.Width(120)).OverrideByName("unpriced", shareMissing()),
		MayBeEmpty: noCosts,
		SQL: []string{`
			SELECT
				c.number AS book, if(c.number = 0, 'none', b.origin) AS source, if(b.known = 0, NULL, b.at) AS made, if(b.known = 0, '', b.said) AS note,
				c.first AS "from", c.last AS "to", c.n AS calls, c.t AS tokens, c.part AS cost, c.gap AS unpriced
			FROM (
				SELECT
					toUInt32({book}) AS number, min({bucket}) AS first, max({bucket}) AS last, sum({calls}) AS n, sum({tokens}) AS t,
					{:usd {cost_picos}} AS part, {:unpriced_share} AS gap
				FROM {:costs} GROUP BY {book}) AS c
			LEFT JOIN (
				SELECT {book} AS known, toString({source}) AS origin, {created_at} AS at, {note} AS said FROM {@price_books} FINAL) AS b ON c.number = b.known
			ORDER BY book DESC LIMIT 100`},
	}
}
