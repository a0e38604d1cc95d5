package dashboards

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

// Presets for the kinds of panels: each is the SDK's builder with what all panels of the kind share, to be refined by the
// panel that uses it. Titles, places, queries and ids are added by board.add.

// Colors, by their meaning.
const (
	good    = "green"
	warning = "orange"
	bad     = "red"
	neutral = "blue"
	unknown = "purple"
)

// Units, as Grafana names them.
const (
	unitCount   = "short"
	unitPlain   = "none"
	unitSeconds = "s"
	unitRatio   = "percentunit"
	unitEvents  = "eps"
	unitBytes   = "bytes"
	unitTimes   = "suffix: ×"
	unitMonths  = "suffix: months"
	unitText    = "string"
)

// steps makes thresholds: colors from the values on, the first one for all below.
func steps(first string, rest ...any) cog.Builder[dashboard.ThresholdsConfig] {
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

// last shows the last value of each field, empty ones included.
func last() cog.Builder[common.ReduceDataOptions] {
	return common.NewReduceDataOptionsBuilder().Calcs([]string{"last"}).Fields("").Values(false)
}

// number is one figure, without a line behind it.
func number(unit string) *stat.PanelBuilder {
	return stat.NewPanelBuilder().
		Unit(unit).ReduceOptions(last()).NoValue("No data").
		GraphMode(common.BigValueGraphModeNone).ColorMode(common.BigValueColorModeNone).
		TextMode(common.BigValueTextModeAuto).JustifyMode(common.BigValueJustifyModeAuto).
		Orientation(common.VizOrientationAuto).
		ColorScheme(color(dashboard.FieldColorModeIdFixed, neutral)).Thresholds(steps(neutral))
}

// light is a figure whose background tells whether it is well.
func light(unit string, thresholds cog.Builder[dashboard.ThresholdsConfig]) *stat.PanelBuilder {
	return number(unit).ColorMode(common.BigValueColorModeBackground).
		ColorScheme(color(dashboard.FieldColorModeIdThresholds, "")).Thresholds(thresholds)
}

// lines is a chart over time. Missing points are gaps.
func lines(unit string) *timeseries.PanelBuilder {
	return timeseries.NewPanelBuilder().
		Unit(unit).Min(0).NoValue("No data").
		ColorScheme(color(dashboard.FieldColorModeIdPaletteClassicByName, "")).Thresholds(steps(good)).
		DrawStyle(common.GraphDrawStyleLine).LineWidth(2).FillOpacity(10).LineInterpolation(common.LineInterpolationLinear).
		ShowPoints(common.VisibilityModeAuto).PointSize(5).SpanNulls(common.BoolOrFloat64{Bool: cog.ToPtr(false)}).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(true).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom).Calcs([]string{})).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending))
}

// bars is a chart over time of counts a bucket, one upon the other.
func bars(unit string) *timeseries.PanelBuilder {
	return lines(unit).DrawStyle(common.GraphDrawStyleBars).LineWidth(0).FillOpacity(80).AxisSoftMin(0).
		ShowPoints(common.VisibilityModeNever).
		Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal).Group("A"))
}

// shares is a chart over time of parts of a whole.
func shares() *timeseries.PanelBuilder {
	return lines(unitRatio).Max(1).FillOpacity(70).LineWidth(0).ShowPoints(common.VisibilityModeNever).
		Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal).Group("A"))
}

// rows is a table.
func rows() *table.PanelBuilder {
	return table.NewPanelBuilder().
		Unit(unitCount).NoValue("No data").ShowHeader(true).CellHeight(common.TableCellHeightSm).
		ColorScheme(color(dashboard.FieldColorModeIdThresholds, "")).Thresholds(steps("text"))
}

// pie is the parts of a whole, one a row of the result.
func pie(unit string) *piechart.PanelBuilder {
	return piechart.NewPanelBuilder().
		Unit(unit).NoValue("No data").PieType(piechart.PieChartTypeDonut).Orientation(common.VizOrientationAuto).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"}).Fields("").Values(true).Limit(20)).
		ColorScheme(color(dashboard.FieldColorModeIdPaletteClassic, "")).Thresholds(steps(neutral)).
		Legend(piechart.NewPieChartLegendOptionsBuilder().ShowLegend(true).DisplayMode(common.LegendDisplayModeTable).
			Placement(common.LegendPlacementRight).Values([]piechart.PieChartLegendValues{piechart.PieChartLegendValuesValue, piechart.PieChartLegendValuesPercent}).Calcs([]string{})).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeSingle).Sort(common.SortOrderNone))
}

// countries is a map with a disc for each country, sized by the number; the query's text column is an ISO 3166-1
// alpha-2 code.
func countries(unit, code, number string) *geomap.PanelBuilder {
	size := map[string]any{
		"field": number, "min": 3, "max": 25, "fixed": 5,
	}
	return geomap.NewPanelBuilder().
		Unit(unit).NoValue("No data").
		ColorScheme(color(dashboard.FieldColorModeIdFixed, neutral)).Thresholds(steps(neutral)).
		View(geomap.NewMapViewConfigBuilder().Id("zero").Lat(20).Lon(10).Zoom(1)).
		Controls(geomap.NewControlsOptionsBuilder().ShowZoom(true).MouseWheelZoom(false).ShowAttribution(true)).
		Tooltip(geomap.NewTooltipOptionsBuilder().Mode(geomap.TooltipModeDetails)).
		Basemap(common.NewMapLayerOptionsBuilder().Type("default").Name("Basemap")).
		Layers([]cog.Builder[common.MapLayerOptions]{common.NewMapLayerOptionsBuilder().
			Type("markers").Name("Countries").Tooltip(true).
			Location(common.NewFrameGeometrySourceBuilder().Mode(common.FrameGeometrySourceModeLookup).Lookup(code).Gazetteer("public/gazetteer/countries.json")).
			Config(map[string]any{"showLegend": true, "style": map[string]any{
				"size": size, "color": map[string]any{"fixed": neutral}, "opacity": 0.6,
				"symbol": map[string]any{"mode": "fixed", "fixed": "img/icons/marker/circle.svg"},
			}})})
}

// states is a strip a series, colored by the state it is in.
func states() *statetimeline.PanelBuilder {
	return statetimeline.NewPanelBuilder().
		Unit(unitText).NoValue("No data").MergeValues(true).ShowValue(common.VisibilityModeAuto).RowHeight(0.8).
		AlignValue(common.TimelineValueAlignmentLeft).FillOpacity(80).LineWidth(0).
		ColorScheme(color(dashboard.FieldColorModeIdThresholds, "")).Thresholds(steps("text")).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(false).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom).Calcs([]string{})).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeSingle).Sort(common.SortOrderNone))
}

// words colors texts.
func words(pairs ...string) []dashboard.ValueMapping {
	options := map[string]dashboard.ValueMappingResult{}
	for i := 0; i+1 < len(pairs); i += 2 {
		options[pairs[i]] = dashboard.ValueMappingResult{Color: cog.ToPtr(pairs[i+1]), Index: cog.ToPtr(int32(i / 2))}
	}
	return []dashboard.ValueMapping{{ValueMap: &dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: options}}}
}

// set is one property of an override.
func set(id string, value any) dashboard.DynamicConfigValue {
	return dashboard.DynamicConfigValue{Id: id, Value: value}
}

// unit sets the unit of a field, and its decimals where they are not Grafana's to choose.
func unit(name string, decimals ...int) []dashboard.DynamicConfigValue {
	properties := []dashboard.DynamicConfigValue{set("unit", name)}
	for _, n := range decimals {
		properties = append(properties, set("decimals", n))
	}
	return properties
}

// width sets how wide a column of a table is, in pixels.
func width(pixels int) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{set("custom.width", pixels)}
}

// paint gives a series a color that means something.
func paint(name string) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{set("color", map[string]any{"mode": "fixed", "fixedColor": name})}
}

// link makes the values of a field lead somewhere.
func link(title, url string) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{set("links", []map[string]any{{"title": title, "url": url}})}
}

// keep carries the range and the namespace along.
const keep = "${__url_time_range}&${namespace:queryparam}"
