package boards

import "tidemark/dashboards/board"

// costVariables are what dashboards with panels on costs need beside the common variables. The titles of panels that add up US dollars alone have
// in_currency, so that they say which currencies they leave out.
func costVariables() []board.Variable {
	return append(board.CostVariables(), board.Variable{
		Name: "in_currency", Label: "Currency of costs", Hidden: true, Single: true, Fallback: "in USD", OnRange: true,
		Description: "The currency that costs are in and the other ones that calls have prices in, which are left out: of the range, of the month that it ends in, and of the 30 days that end with it.",
		SQL: `
			SELECT if(empty(others), 'in USD', concat('in USD, not ', arrayStringConcat(others, ', '))) AS in_currency
			FROM (
				SELECT arraySort(groupUniqArray(5)(money)) AS others
				FROM (
					SELECT toString({currency}) AS money
					FROM {@costs_?day_table}
					WHERE {bucket} < {:last_day_of_range} AND {:chosen}
						AND ({bucket} >= $__fromTime_ms OR {bucket} >= {:first_of_month} OR {bucket} >= {:last_day_of_range} - INTERVAL 29 DAY)
					UNION ALL
					SELECT toString({currency}) FROM {@costs_?hour_table} WHERE {bucket} >= {:last_day_of_range} AND {bucket} < $__toTime_ms AND {:chosen})
				WHERE money NOT IN ('USD', ''))`,
	})
}
