package grafana

import (
	"errors"
	"fmt"
)

// PanelTypes are the types of panels that the preview page draws.
var PanelTypes = []string{
	"barchart", "bargauge", "gauge", "geomap", "heatmap", "piechart", "stat", "state-timeline", "table", "text", "timeseries",
}

// Besides the types of panels, what a result can be for.
const (
	ForAnnotations = "annotation"
	ForAlerts      = "alert" // A rule takes each row for a value with labels.
)

// Fits returns an error if a panel of a type cannot show the table: Grafana would draw nothing, or something misleading.
func (t *Table) Fits(panelType string) error {
	var times, numbers, texts int
	for _, c := range t.Columns {
		switch c.Kind {
		case KindTime:
			times++
		case KindNumber:
			numbers++
		default:
			texts++
		}
	}
	timeFirst := len(t.Columns) > 0 && t.Columns[0].Kind == KindTime
	var ok bool
	switch panelType {
	case "timeseries":
		if ok = timeFirst && times == 1 && numbers > 0; ok && !t.Columns[0].ascending() {
			return errors.New("the rows are not in the order of time")
		}
	case "stat", "gauge":
		ok = numbers > 0 || texts > 0
	case "bargauge", "barchart", "piechart", "geomap":
		ok = texts == 1 && numbers > 0
	case "state-timeline", ForAnnotations:
		ok = timeFirst && texts > 0
	case ForAlerts:
		ok = times == 0 && numbers == 1 && texts > 0
	case "table":
		ok = len(t.Columns) > 0
	default:
		return fmt.Errorf("no rule for a panel of type %q", panelType)
	}
	if !ok {
		return fmt.Errorf("a panel of type %s cannot show these columns: %s", panelType, t.types())
	}
	return nil
}

// ascending reports whether the times of the column do not decrease.
func (c *Column) ascending() bool {
	var last int64
	for i, value := range c.Values {
		at, ok := value.(int64)
		if !ok || i > 0 && at < last {
			return false
		}
		last = at
	}
	return true
}

// types lists the columns with ClickHouse's types.
func (t *Table) types() string {
	text := ""
	for i, c := range t.Columns {
		if i > 0 {
			text += ", "
		}
		text += c.Name + " " + c.Type
	}
	return text
}
