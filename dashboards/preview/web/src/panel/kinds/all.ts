// The kinds of panels the page draws.
import type { PanelModel } from '../../types';
import { BarChartKind } from './barchart';
import { GeomapKind } from './geomap';
import { HeatmapKind } from './heatmap';
import type { Kind } from './kind';
import { PieChartKind } from './piechart';
import { StateTimelineKind } from './state-timeline';
import { TableKind } from './table';
import { TextKind } from './text';
import { TimeSeriesKind } from './timeseries';
import { BarGaugeKind, GaugeKind, StatKind } from './values';

export const kinds: Record<string, Kind | undefined> = {
  barchart: BarChartKind,
  bargauge: BarGaugeKind,
  gauge: GaugeKind,
  geomap: GeomapKind,
  heatmap: HeatmapKind,
  piechart: PieChartKind,
  stat: StatKind,
  'state-timeline': StateTimelineKind,
  table: TableKind,
  text: TextKind,
  timeseries: TimeSeriesKind,
};

const drawnWithCharts = new Set(['barchart', 'geomap', 'heatmap', 'piechart', 'state-timeline']);

export function needsCharts(panel: PanelModel): boolean {
  return drawnWithCharts.has(panel.type);
}
