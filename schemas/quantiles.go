package schemas

import (
	"fmt"
	"slices"
	"strings"
)

// quantilesFunction makes the states of quantiles.
const quantilesFunction = "quantilesBFloat16Weighted"

// QuantileLevels returns the levels that states of quantiles are made for and have to be read with, in ascending order.
func QuantileLevels() []float64 { return []float64{0.5, 0.9, 0.95, 0.99} }

// quantileParameters are the levels as parameters of a function.
func quantileParameters() string {
	var levels []string
	for _, level := range QuantileLevels() {
		levels = append(levels, fmt.Sprint(level))
	}
	return "(" + strings.Join(levels, ", ") + ")"
}

// quantiles are those of a column, by weight.
func quantiles(column, of, comment string) Measure {
	return stateOf(column, quantilesFunction, quantileParameters(), []string{of, "weight"}, "Nullable(UInt64), UInt64", comment)
}

// QuantilesSQL returns the array of the quantiles of a column with states, in the order of QuantileLevels and the unit of
// the values. The condition chooses rows; an empty one takes all.
func QuantilesSQL(column, condition string) string {
	if condition != "" {
		return quantilesFunction + "MergeIf" + quantileParameters() + "(" + column + ", " + condition + ")"
	}
	return quantilesFunction + "Merge" + quantileParameters() + "(" + column + ")"
}

// QuantileSQL returns one quantile of those of QuantilesSQL. It is an error if the states are not made for the level.
func QuantileSQL(column, condition string, level float64) (string, error) {
	i := slices.Index(QuantileLevels(), level)
	if i < 0 {
		return "", fmt.Errorf("the quantile %g is not kept: there are %v", level, QuantileLevels())
	}
	return fmt.Sprintf("%s[%d]", QuantilesSQL(column, condition), i+1), nil
}
