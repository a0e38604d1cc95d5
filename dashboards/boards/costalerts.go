package boards

import (
	"strconv"
	"time"

	"tidemark/dashboards/board"
)

// The bounds of the rules on cost. To change one, change it here and run "tidemark dashboards generate", or change the number in
// params of the rule in a copy of the provisioned file.
const (
	// dailyBudget is what all tenants together may cost per day (UTC), in US dollars.
	dailyBudget = 1000
	// costPerCallJump is how many times its usual cost per call a product or a model may cost.
	costPerCallJump = 2
	// unpricedShare is the share of the tokens of a day that may have no price.
	unpricedShare = 0.05
)

// overBudget gives what each day has cost so far: today and, in its first hour, the day before, whose last events come then.
func overBudget() board.Alert {
	return board.Alert{
		UID: "tidemark-cost-budget", Title: "The daily budget is spent", Severity: severityWarning,
		Summary: `{{ .Labels.day }} (UTC) has cost {{ printf "%.2f" .Values.A.Value }} US dollars, more than the daily budget of ` + strconv.Itoa(dailyBudget),
		Description: `All tenants together have cost more US dollars on this day (UTC) than the daily budget. The figure is the cost of the day so far, by the book of prices. Tokens without a price and costs in other currencies are not in it, so the day has cost at least that. The alert ends at 01:00 UTC of the next day.

What to do:
1. The panel Today and this month on the dashboard Cost has the figures; Cost by tenant and Cost by model, with the range set to today, show who spends it, and Cost by model, before and after, what is new.
2. One tenant: its dashboard has its models and its heaviest users. A loop or a stolen key? Tell the tenant and revoke the key.
3. All of them: use has grown. Forecast of the month says where it is going.
4. The budget is too low for your use: docs/operations.md says where to change it.`,
		Board: "tidemark-cost", Panel: 1,
		SQL: `
SELECT toString(toDate32({bucket})) AS day, {:dollars sum({cost_picos})} AS dollars
FROM {@costs_all_1h}
WHERE {:range} AND {bucket} >= toStartOfDay($__toTime_ms - INTERVAL 1 HOUR, 'UTC') AND {:in_usd}
GROUP BY day
ORDER BY day`,
		From:  25 * time.Hour,
		Above: dailyBudget, Pending: 0,
	}
}

// costJump compares the cost per call of the last whole hour, of each product and each model, with the median of the same hour of the
// seven days before. Only calls count of which all has a price in US dollars, so that an import of prices is no jump. An hour
// counts from 100 calls on, and the last one if it cost a dollar: a few long calls are no jump, and neither are cents.
func costJump() board.Alert {
	return board.Alert{
		UID: "tidemark-cost-per-call", Title: "Calls cost more than usual", Severity: severityWarning,
		Summary: `{{ .Labels.dimension }} {{ .Labels.name }}: a call costs {{ printf "%.1f" .Values.A.Value }} times as much as usual`,
		Description: `In the last whole hour, a call of this product or model cost on average more than twice as much as usual. The figure is that multiple. Usual is the median of the same hour (UTC) of the seven days before, of which at least three must have calls. Only calls of which all has a price in US dollars count. The alert ignores hours with fewer than 100 such calls, and a last hour that cost less than one dollar.

What to do:
1. Cost by class of tokens on the dashboard Cost, with the product or model chosen: has input, output or reasoning grown, or have reads from caches stopped? A changed first line of a prompt ends all reads from the cache.
2. A product, and none of its models: it uses dearer models than before. Cost by model with the product chosen shows which.
3. A model: have prompts or answers grown (panel Tokens by class on the dashboard Models), or did its price change? Which book priced what shows the book; "tidemark prices show PROVIDER MODEL" has the prices with their dates.
If the state lasts, it becomes the usual one after four days.`,
		Board: "tidemark-cost", Panel: 11,
		SQL: `
SELECT who.1 AS dimension, who.2 AS name, per_call / usual AS times
FROM
(
    SELECT
        who,
        hour,
        sumIf(picos, at = hour) AS spent,
        sumIf(n, at = hour) AS made,
        toFloat64(spent) / toFloat64(made) AS per_call,
        countIf(at < hour AND n >= 100) AS days,
        quantileExactIf(0.5)(toFloat64(picos) / toFloat64(n), at < hour AND n >= 100) AS usual
    FROM
    (
        SELECT
            arrayJoin([('model', toString({model})), ('product', toString({product}))]) AS who,
            {bucket} AS at,
            toStartOfHour($__toTime_ms, 'UTC') - INTERVAL 1 HOUR AS hour,
            sum({cost_picos}) AS picos,
            sum({calls}) AS n
        FROM {@costs_all_1h}
        WHERE {:range} AND toHour({bucket}) = toHour(hour) AND {:in_usd} AND {reason} = ''
        GROUP BY who, at
        HAVING n > 0
    )
    GROUP BY who, hour
    HAVING made >= 100 AND spent >= 1000000000000 AND days >= 3 AND usual > 0
)
ORDER BY times DESC, dimension, name
LIMIT 50`,
		// Ten minutes for events to arrive and be rolled up; then up to two hours, and the seven days before. Eight hours of the range have the
		// same hour of the day.
		From: 7*24*time.Hour + 2*time.Hour + 10*time.Minute, To: 10 * time.Minute,
		Above: costPerCallJump, Pending: 0,
	}
}

// notPriced gives the share of the tokens of the last day that have no price.
func notPriced() board.Alert {
	return board.Alert{
		UID: "tidemark-cost-unpriced", Title: "Many tokens have no price", Severity: severityWarning,
		Summary: `{{ printf "%.3g" .Values.A.Value }} of the {{ .Labels.what }} of the last day have no price`,
		Description: `Of the tokens of the last 24 hours, more than 5 % have no price (the figure is 0.05 then). Costs on the dashboards are "at least" what they show. The alert needs no action if you use models that nobody sells, such as your own: give them a price of 0 or silence it.

What to do:
1. Which models have no price on the dashboard Cost names models, providers and reasons; "tidemark prices explain ID" shows for one call what was looked for.
2. no_model: a new model, or one under a name of your own. Import a newer table of prices, or write an alias or a price into a file of your own: docs/prices.md.
3. no_provider: the sender does not say who sold the call. tier_unknown, no_unit: the book lacks a tier or a class of tokens of a model that it knows.
4. An import prices what comes after it. Have the hours before priced again if they are to have a price too.`,
		Board: "tidemark-cost", Panel: 50,
		SQL: `
SELECT 'tokens' AS what, toFloat64({:unpriced_share}) AS share
FROM {@costs_all_1h}
WHERE {:range}
HAVING sum({tokens}) > 0`,
		From: 24 * time.Hour,
		// One unknown model that hardly anybody uses is no alert; a twentieth of the bill is.
		Above: unpricedShare, Pending: 15 * time.Minute,
	}
}
