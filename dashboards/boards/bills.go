package boards

import (
	"slices"
	"strconv"

	"tidemark/dashboards/board"
	"tidemark/dashboards/preset"
	"tidemark/schemas/billing"
)

// billFragments is the SQL of the panel Ours against theirs.
func billFragments() map[string]string {
	return map[string]string{
		// The days that the range touches.
		"bills_from": `toStartOfDay($__fromTime_ms, 'UTC')`,
		"bills_to":   `(toStartOfDay($__toTime_ms - INTERVAL 1 MILLISECOND, 'UTC') + INTERVAL 1 DAY)`,
		"billed":     `{kind} = 'cost' AND {period_from} < {:bills_to} AND {period_to} > {:bills_from}`,
		// The costs that count of a time that has one of these days in it. inside: all of that time is in these days.
		"bills": `
			SELECT
				toString({source}) AS origin, {account} AS owner, toString({provider}) AS seller, toString({currency}) AS money, assumeNotNull({cost_picos}) AS picos,
				toDate32({period_from}) AS day, toUnixTimestamp64Second({period_to}) AS closes, toUnixTimestamp64Second(toDateTime64(day, 0, 'UTC')) + 86400 AS next,
				toUnixTimestamp64Micro({imported_at}) AS at, {period_from} >= {:bills_from} AND {period_to} <= {:bills_to} AS inside
			FROM ` + billing.CountedTemplate() + ` WHERE {:billed}`,
		"bill_imports": `
			SELECT
				toString({source}) AS origin, {account} AS owner, toString({provider}) AS whose, {period_from} AS first, {period_to} AS last,
				toUnixTimestamp64Micro(min({imported_at})) AS at
			FROM {@billing_imports} WHERE {:billed} GROUP BY {import_id}, origin, owner, whose, first, last`,
		// The days of which files are about all, by the providers that they speak of. at is when the oldest file was imported that it takes for that: of
		// each second of the day the newest file counts, and which that is changes at the end of a file alone.
		"covered_days": `
			SELECT
				origin, owner, seller, day, toUnixTimestamp64Second(toDateTime64(day, 0, 'UTC')) AS starts, starts + 86400 AS next,
				arrayMin(
					t -> arrayMax(s -> if(s.1 <= t AND t < s.2, s.3, 0), spans),
					arrayConcat([starts], arrayFilter(t -> t > starts AND t < next, arrayMap(s -> s.2, spans)))) AS at
			FROM (
				SELECT i.origin AS origin, i.owner AS owner, p.seller AS seller, i.day AS day, groupArray((i.opens, i.closes, i.at)) AS spans
				FROM (
					SELECT
						origin, owner, whose, at, toUnixTimestamp64Second(first) AS opens, toUnixTimestamp64Second(last) AS closes,
						toDate32(greatest(first, {:bills_from})) AS since, toDate32(least(last, {:bills_to}) - INTERVAL 1 SECOND) AS until,
						arrayJoin(arrayMap(n -> since + toInt32(n), range(toUInt32(greatest(dateDiff('day', since, until) + 1, 0))))) AS day
					FROM imports) AS i
				INNER JOIN (
					SELECT origin, owner, seller FROM bills UNION DISTINCT SELECT origin, owner, whose AS seller FROM imports WHERE whose != '') AS p
				ON i.origin = p.origin AND i.owner = p.owner
				WHERE i.whose = '' OR i.whose = p.seller OR p.seller = ''
				GROUP BY i.origin, i.owner, p.seller, i.day)
			WHERE at > 0`,
		// Both sides, in rows of one side each.
		"both_sides": `(
			SELECT
				b.day AS day, b.origin AS origin, b.owner AS owner, b.seller AS seller, b.money AS money, toInt128(0) AS mine, b.picos AS told,
				toUInt128(0) AS lacking, greatest(b.closes, b.next) AS ends, if(b.closes > b.next, b.at, c.at) AS at
			FROM bills AS b LEFT JOIN covered AS c ON b.origin = c.origin AND b.owner = c.owner AND b.seller = c.seller AND b.day = c.day
			WHERE b.inside AND (b.closes > b.next OR c.at > 0)
			UNION ALL
			SELECT c.day, c.origin, c.owner, c.seller, o.money, o.picos, toInt128(0), o.tokens, c.next, c.at
			FROM covered AS c
			INNER JOIN (
				SELECT
					toDate32({bucket}) AS day, toString({provider}) AS seller, toString({currency}) AS money, sum({cost_picos}) AS picos,
					sum({unpriced_tokens}) AS tokens
				FROM {@costs_?day_table} WHERE {bucket} >= {:bills_from} AND {bucket} < {:bills_to} AND {:chosen tenant}
				GROUP BY day, seller, money) AS o
			ON c.seller = o.seller AND c.day = o.day)`,
	}
}

// oursAgainstTheirs compares as billing.Compare does, costs alone: by day, source, account, provider and currency. The state is of all currencies together.
func oursAgainstTheirs(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Ours against theirs, per day", Width: 24, Height: 9, Table: true,
		Description: "What providers say that a day (UTC) cost, by the files that tidemark cost reconcile import has stored, and what it cost by the book of prices, " +
			"in the currency of the row. The days that the range touches, if files are about all of the day. state: open until the day is over, then settling for " +
			strconv.Itoa(billing.SettleDays) + " days, then closed; closed*: its file was imported before that, import it again. difference: ours less theirs; share: of " +
			"theirs, orange from 1 % off, red from 10 %. unpriced: our tokens without a price, so ours is too low. What is billed for more than a day stands " +
			"at its first one, if the range has all of it. provider narrows down both, tenant ours alone, product and model nothing. The 500 newest rows. " +
			"tidemark cost reconcile show compares whole ranges, models and tokens.",
		Kind: preset.Table().OverrideByName("day", preset.Width(95)).OverrideByName("source", preset.Width(90)).OverrideByName("provider", preset.Width(120)).
			OverrideByName("state", preset.Width(80)).OverrideByName("currency", preset.Width(80)).OverrideByName("unpriced", preset.Width(110)).
			OverrideByRegexp("theirs|ours|difference", append(preset.Unit(preset.Plain), preset.Width(110)...)).OverrideByName("share", slices.Concat(preset.Unit(preset.Ratio, 2), preset.Width(85), offBy())),
		MayBeEmpty: "no bills of these days are imported: tidemark cost reconcile import FILE imports them",
		SQL: []string{board.Fill(`
			WITH bills AS ({:bills}), imports AS ({:bill_imports}), covered AS ({:covered_days})
			SELECT
				toString(day) AS day, origin AS source, owner AS account, {:or_none seller} AS provider,
				multiIf(
					toUnixTimestamp64Second({:now}) < until, 'open', toUnixTimestamp64Second({:now}) < until + {=settle}, 'settling', early, 'closed*', 'closed') AS state,
				money AS currency, if(money = '', NULL, {:dollars their}) AS theirs, if(money = '', NULL, {:dollars our}) AS ours,
				if(money = '', NULL, {:dollars our - their}) AS difference, if(their = 0, NULL, toFloat64(our - their) / toFloat64(their)) AS share, unpriced
			FROM (
				SELECT
					day, origin, owner, seller, money, sum(mine) AS our, sum(told) AS their, max(max(ends)) OVER own AS until,
					max(max(at < 1000000 * (ends + {=settle}))) OVER own AS early, sum(sum(lacking)) OVER own AS unpriced, max(money != '') OVER own AS some
				FROM {:both_sides}
				GROUP BY day, origin, owner, seller, money
				WINDOW own AS (PARTITION BY day, origin, owner, seller))
			WHERE (money != '' OR NOT some) AND {:chosen provider}
			ORDER BY day DESC, source, account, seller, currency LIMIT 500`, map[string]string{"settle": strconv.Itoa(billing.SettleDays * 86400)})},
	}
}

// offBy colors how far off a share is.
func offBy() preset.Overrides {
	return colored(preset.Bad, -0.1, preset.Warning, -0.01, "text", 0.01, preset.Warning, 0.1, preset.Bad)
}
