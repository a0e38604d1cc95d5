// Package preset has one preset per kind of panel: the SDK's builder with what all panels of the kind share. A panel adds to
// it. Colors, units and overrides of single fields are here too. Package board adds titles, positions and queries.
package preset

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/geomap"
	"github.com/grafana/grafana-foundation-sdk/go/piechart"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// Units, as Grafana names them.
const (
	Count       = "short"
	Whole       = "locale" // Counts with all digits, all alike in a column.
	Plain       = "none"
	Seconds     = "s"
	OnlySeconds = "suffix: s" // For columns and axes: Seconds makes milliseconds and minutes of some.
	Elapsed     = "dthms"     // Seconds as hours:minutes:seconds, all alike in a column.
	Ratio       = "percentunit"
	PerSecond   = "eps"
	Bytes       = "bytes"
	Times       = "suffix: ×"
	Days        = "suffix: days"
	Text        = "string"
)

// Thresholds are colors: the first one below all values, then from each value on the color after it.
func Thresholds(first string, rest ...any) cog.Builder[dashboard.ThresholdsConfig] {
	list := []dashboard.Threshold{{Color: first}}
	for i := 0; i+1 < len(rest); i += 2 {
		value, _ := rest[i].(float64)
		color, _ := rest[i+1].(string)
		list = append(list, dashboard.Threshold{Value: &value, Color: color})
	}
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(list)
}

func color(mode dashboard.FieldColorModeId, fixed string) cog.Builder[dashboard.FieldColor] {
	b := dashboard.NewFieldColorBuilder().Mode(mode)
	if fixed != "" {
		b.FixedColor(fixed)
	}
	return b
}

// lastValue shows the last value of each field, empty ones included.
func lastValue() cog.Builder[common.ReduceDataOptions] {
	return common.NewReduceDataOptionsBuilder().Calcs([]string{"last"}).Fields("").Values(false)
}

// Number is one figure, without a line behind it.
func Number(unit string) *stat.PanelBuilder {
	return stat.NewPanelBuilder().
		Unit(unit).ReduceOptions(lastValue()).NoValue("nothing in the range").
		GraphMode(common.BigValueGraphModeNone).ColorMode(common.BigValueColorModeNone).
		TextMode(common.BigValueTextModeAuto).JustifyMode(common.BigValueJustifyModeAuto).WideLayout(false).
		Orientation(common.VizOrientationAuto).
		ColorScheme(color(dashboard.FieldColorModeIdFixed, Neutral)).Thresholds(Thresholds(Neutral))
}

// Status is a figure whose background is the color of its threshold.
func Status(unit string, thresholds cog.Builder[dashboard.ThresholdsConfig]) *stat.PanelBuilder {
	return Number(unit).ColorMode(common.BigValueColorModeBackground).
		ColorScheme(color(dashboard.FieldColorModeIdThresholds, "")).Thresholds(thresholds)
}

// Lines is a chart over time. Missing points are gaps.
func Lines(unit string) *timeseries.PanelBuilder {
	return timeseries.NewPanelBuilder().
		Unit(unit).Min(0).NoValue("nothing in the range").
		ColorScheme(color(dashboard.FieldColorModeIdPaletteClassic, "")).Thresholds(Thresholds(Good)).
		DrawStyle(common.GraphDrawStyleLine).LineWidth(2).FillOpacity(10).LineInterpolation(common.LineInterpolationLinear).
		ShowPoints(common.VisibilityModeAuto).PointSize(5).SpanNulls(common.BoolOrFloat64{Bool: cog.ToPtr(false)}).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(true).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom).Calcs([]string{})).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending))
}

// Bars is a chart over time of counts per bucket, stacked. A bar stands on its bucket, which begins at the time of its point: in the middle
// the range would cut the first one.
func Bars(unit string) *timeseries.PanelBuilder {
	return Lines(unit).DrawStyle(common.GraphDrawStyleBars).BarAlignment(common.BarAlignmentAfter).LineWidth(0).FillOpacity(80).AxisSoftMin(0).
		ShowPoints(common.VisibilityModeNever).
		Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal).Group("A"))
}

// Areas is a chart over time of rates, stacked: for more points than there is room for bars.
func Areas(unit string) *timeseries.PanelBuilder {
	return Lines(unit).FillOpacity(70).LineWidth(0).ShowPoints(common.VisibilityModeNever).
		Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal).Group("A"))
}

// Shares is a chart over time of the parts of a whole.
func Shares() *timeseries.PanelBuilder {
	return Lines(Ratio).Max(1).FillOpacity(70).LineWidth(0).ShowPoints(common.VisibilityModeNever).
		Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal).Group("A"))
}

// Table is a table. Headers of several words wrap, and a column without a width takes at least 80 pixels, not Grafana's 150,
// or what its names need: a table scrolls sideways where its columns do not fit.
func Table() *table.PanelBuilder {
	return table.NewPanelBuilder().
		Unit(Whole).NoValue("nothing in the range").MinWidth(80).ShowHeader(true).CellHeight(common.TableCellHeightSm).
		ColorScheme(color(dashboard.FieldColorModeIdThresholds, "")).Thresholds(Thresholds("text")).
		OverrideByRegexp(".+", Overrides{Property("custom.wrapHeaderText", true)}).
		OverrideByName("model", MinWidth(215)).OverrideByName("tenant", MinWidth(165))
}

// Pie is the parts of a whole, one per row of the result.
func Pie(unit string) *piechart.PanelBuilder {
	return piechart.NewPanelBuilder().
		Unit(unit).NoValue("nothing in the range").PieType(piechart.PieChartTypeDonut).Orientation(common.VizOrientationAuto).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"}).Fields("").Values(true).Limit(20)).
		ColorScheme(color(dashboard.FieldColorModeIdPaletteClassic, "")).Thresholds(Thresholds(Neutral)).
		Legend(piechart.NewPieChartLegendOptionsBuilder().ShowLegend(true).DisplayMode(common.LegendDisplayModeTable).
			Placement(common.LegendPlacementRight).Values([]piechart.PieChartLegendValues{piechart.PieChartLegendValuesValue, piechart.PieChartLegendValuesPercent}).Calcs([]string{})).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeSingle).Sort(common.SortOrderNone))
}

// CountryMap is a map with a disc for each country, sized by the number; the query's text column is an ISO 3166-1
// alpha-2 code.
func CountryMap(unit, code, number string) *geomap.PanelBuilder {
	size := map[string]any{
		"field": number, "min": 3, "max": 25, "fixed": 5,
	}
	return geomap.NewPanelBuilder().
		Unit(unit).NoValue("nothing in the range").
		ColorScheme(color(dashboard.FieldColorModeIdFixed, Neutral)).Thresholds(Thresholds(Neutral)).
		View(geomap.NewMapViewConfigBuilder().Id("zero").Lat(20).Lon(10).Zoom(1)).
		Controls(geomap.NewControlsOptionsBuilder().ShowZoom(true).MouseWheelZoom(false).ShowAttribution(true)).
		Tooltip(geomap.NewTooltipOptionsBuilder().Mode(geomap.TooltipModeDetails)).
		Basemap(common.NewMapLayerOptionsBuilder().Type("default").Name("Basemap")).
		Layers([]cog.Builder[common.MapLayerOptions]{common.NewMapLayerOptionsBuilder().
			Type("markers").Name("Countries").Tooltip(true).
			Location(common.NewFrameGeometrySourceBuilder().Mode(common.FrameGeometrySourceModeLookup).Lookup(code).Gazetteer("public/gazetteer/countries.json")).
			Config(map[string]any{"showLegend": true, "style": map[string]any{
				"size": size, "color": map[string]any{"fixed": Neutral}, "opacity": 0.6,
				"symbol": map[string]any{"mode": "fixed", "fixed": "img/icons/marker/circle.svg"},
			}})})
}

// StateTimeline is one strip per series, in the color of its state.
func StateTimeline() *statetimeline.PanelBuilder {
	return statetimeline.NewPanelBuilder().
		Unit(Text).NoValue("nothing in the range").MergeValues(true).ShowValue(common.VisibilityModeAuto).RowHeight(0.8).
		AlignValue(common.TimelineValueAlignmentLeft).FillOpacity(80).LineWidth(0).
		ColorScheme(color(dashboard.FieldColorModeIdThresholds, "")).Thresholds(Thresholds("text")).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(false).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom).Calcs([]string{})).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeSingle).Sort(common.SortOrderNone))
}

// Overrides are properties of one field that differ from those of its panel.
type Overrides = []dashboard.DynamicConfigValue

// Property is one property of an override.
func Property(id string, value any) dashboard.DynamicConfigValue {
	return dashboard.DynamicConfigValue{Id: id, Value: value}
}

// Unit sets the unit of a field, and its decimals where Grafana should not choose them.
func Unit(name string, decimals ...int) Overrides {
	properties := Overrides{Property("unit", name)}
	for _, n := range decimals {
		properties = append(properties, Property("decimals", n))
	}
	return properties
}

// Width sets the width of a column of a table, in pixels.
func Width(pixels int) Overrides {
	return Overrides{Property("custom.width", pixels)}
}

// MinWidth sets the width that a column of a table takes at least, in pixels.
func MinWidth(pixels int) Overrides {
	return Overrides{Property("custom.minWidth", pixels)}
}

// SeriesColor gives a series a fixed color.
func SeriesColor(name string) Overrides {
	return Overrides{Property("color", map[string]any{"mode": "fixed", "fixedColor": name})}
}

// Link makes the values of a field a link.
func Link(title, url string) Overrides {
	return Overrides{Property("links", []map[string]any{{"title": title, "url": url}})}
}

// KeepRange is the part of a link that carries the range and the namespace along.
const KeepRange = "${__url_time_range}&${namespace:queryparam}"

// ThresholdsProperty is the value of the property "thresholds" of an override.
func ThresholdsProperty(first string, rest ...any) map[string]any {
	list := []map[string]any{{"value": nil, "color": first}}
	for i := 0; i+1 < len(rest); i += 2 {
		list = append(list, map[string]any{"value": rest[i], "color": rest[i+1]})
	}
	return map[string]any{"mode": dashboard.ThresholdsModeAbsolute, "steps": list}
}
