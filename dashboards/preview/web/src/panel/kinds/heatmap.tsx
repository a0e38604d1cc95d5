// A heatmap of rows that the query has already counted: a time field, and a number field a bucket.
import {
  dateTimeFormat, FieldType, formattedValueToString, getFieldDisplayName, getValueFormat, type DataFrame, type Field, type GrafanaTheme2,
} from '@grafana/data';
import type { VizTooltipOptions } from '@grafana/schema';
import * as chromatic from 'd3-scale-chromatic';
import { useMemo } from 'react';
import { axisFormat, format, timeZone } from '../../time';
import { axisStyle, Chart, plotArea, type Item, type Tip } from './chart';
import { options, type KindProps } from './kind';

interface Options {
  color: { mode: 'scheme' | 'opacity'; scheme: string; fill: string; steps: number; exponent: number; reverse: boolean; min?: number; max?: number };
  cellGap: number;
  filterValues: { le?: number; ge?: number };
  yAxis: { unit?: string; decimals?: number; reverse?: boolean; axisLabel?: string };
  cellValues: { unit?: string; decimals?: number };
  legend: { show?: boolean };
  tooltip: VizTooltipOptions;
}

interface Cell {
  from: number;
  to: number;
  row: number;
  count: number;
}

interface Grid {
  rows: Array<{ label: string; field: Field }>;
  cells: Cell[];
  min: number;
  max: number;
}

interface RenderApi {
  value: (dimension: number) => number;
  coord: (point: number[]) => [number, number];
  size: (size: number[]) => [number, number];
}

const legendHeight = 28;

export function HeatmapKind({ panel, frames, loaded, theme, width, height, onZoom }: KindProps) {
  const o = options<Options>(panel);
  const grid = useMemo(() => cellsOf(frames, o, loaded.range.from.valueOf(), loaded.range.to.valueOf()), [frames, loaded, panel.options]);
  const min = o.color?.min ?? grid.min;
  const max = o.color?.max ?? grid.max;
  const paint = useMemo(() => painter(o, theme), [panel.options, theme]);
  const showLegend = o.legend?.show !== false && grid.cells.length > 0;
  const chartHeight = height - (showLegend ? legendHeight : 0);
  const count = (cell: Cell) => (o.cellValues?.unit
    ? formattedValueToString(getValueFormat(o.cellValues.unit)(cell.count, o.cellValues.decimals))
    : formattedValueToString(grid.rows[cell.row]!.field.display!(cell.count)));

  const option = useMemo(() => {
    const [from, to] = [loaded.range.from.valueOf(), loaded.range.to.valueOf()];
    const labels = Math.max(2, Math.floor(width / 90));
    const pattern = axisFormat(to - from, labels);
    return {
      grid: { ...plotArea },
      xAxis: {
        type: 'time', min: from, max: to, splitNumber: labels, ...axisStyle(theme, false),
        axisLabel: { ...axisStyle(theme, false).axisLabel, formatter: (ms: number) => dateTimeFormat(ms, { format: pattern, timeZone }) },
      },
      yAxis: {
        type: 'category', data: grid.rows.map((row) => row.label), inverse: o.yAxis?.reverse ?? false, name: o.yAxis?.axisLabel || undefined, nameLocation: 'middle',
        ...axisStyle(theme, false),
      },
      series: [{
        type: 'custom',
        clip: true,
        encode: { x: [0, 1], y: 2 },
        data: grid.cells.map((cell) => [cell.from, cell.to, cell.row, cell.count]),
        renderItem: (_: unknown, cell: RenderApi) => {
          const [x, y] = cell.coord([cell.value(0), cell.value(2)]);
          const [right] = cell.coord([cell.value(1), cell.value(2)]);
          const tall = cell.size([0, 1])[1];
          // Columns of a few pixels would be more gap than colour.
          const gap = Math.min(o.cellGap ?? 1, (right - x) / 5);
          const share = max > min ? (cell.value(3) - min) / (max - min) : 1;
          return {
            type: 'rect',
            shape: { x: x + gap / 2, y: y - tall / 2 + gap / 2, width: Math.max(0.5, right - x - gap), height: Math.max(0.5, tall - gap) },
            style: { fill: paint(Math.min(1, Math.max(0, share))) },
            emphasis: { style: { stroke: theme.colors.text.primary, lineWidth: 1 } },
          };
        },
      }],
    };
  }, [grid, loaded, theme, width, min, max, paint]);

  const tip = ([at]: Item[]): Tip | undefined => {
    const cell = at && grid.cells[at.dataIndex];
    if (!cell) return undefined;
    return {
      title: format(cell.from),
      rows: [{ label: grid.rows[cell.row]?.label ?? '', value: count(cell), color: paint(max > min ? (cell.count - min) / (max - min) : 1) }],
    };
  };
  const ends = [min, max].map((value) => formattedValueToString(
    o.cellValues?.unit ? getValueFormat(o.cellValues.unit)(value, o.cellValues.decimals) : grid.rows[0]?.field.display?.(value) ?? { text: String(value) },
  ));
  return (
    <div style={{ width, height }}>
      <Chart width={width} height={chartHeight} theme={theme} option={option} tip={o.tooltip?.mode === 'none' ? undefined : tip} onZoom={onZoom} />
      {showLegend && (
        <div className="color-scale">
          <span>{ends[0]}</span>
          <i style={{ background: `linear-gradient(to right, ${Array.from({ length: 11 }, (_, i) => paint(i / 10)).join(', ')})` }} />
          <span>{ends[1]}</span>
        </div>
      )}
    </div>
  );
}

function cellsOf(frames: DataFrame[], o: Partial<Options>, from: number, to: number): Grid {
  const grid: Grid = { rows: [], cells: [], min: Infinity, max: -Infinity };
  const series = frames.flatMap((frame) => {
    const time = frame.fields.find((f) => f.type === FieldType.time);
    if (!time) return [];
    return frame.fields.filter((f) => f.type === FieldType.number).map((field) => {
      const name = getFieldDisplayName(field, frame, frames);
      const bound = name.trim() === '' ? NaN : Number(name);
      return { time: time.values as number[], field, name, bound };
    });
  });
  // Rows named by numbers are in order of these; others stay as they come.
  if (series.every((row) => Number.isFinite(row.bound) || /^\+?inf/i.test(row.name))) {
    const order = (row: { bound: number }) => (Number.isFinite(row.bound) ? row.bound : Infinity);
    series.sort((a, b) => order(a) - order(b));
  }
  const unit = o.yAxis?.unit;
  const lowest = o.filterValues?.le ?? 1e-9;
  for (const [row, { time, field, name, bound }] of series.entries()) {
    grid.rows.push({ field, label: unit && Number.isFinite(bound) ? formattedValueToString(getValueFormat(unit)(bound, o.yAxis?.decimals)) : name });
    const step = stepOf(time);
    for (const [i, at] of time.entries()) {
      const count: unknown = field.values[i];
      if (typeof count !== 'number' || count <= lowest || (o.filterValues?.ge !== undefined && count >= o.filterValues.ge)) continue;
      if (at + step <= from || at >= to) continue;
      grid.cells.push({ from: at, to: at + step, row, count });
      grid.min = Math.min(grid.min, count);
      grid.max = Math.max(grid.max, count);
    }
  }
  return grid;
}

// The width of a column: the least distance between two times.
function stepOf(times: number[]): number {
  let step = Infinity;
  for (let i = 1; i < times.length; i++) {
    const distance = times[i]! - times[i - 1]!;
    if (distance > 0) step = Math.min(step, distance);
  }
  return Number.isFinite(step) ? step : 60_000;
}

// Schemes of one hue go from light to dark; on a dark page the least must be the dark end, and on a light one the light.
const naturallyDark = new Set(['Viridis', 'Inferno', 'Magma', 'Plasma', 'Turbo', 'Cividis', 'Warm', 'Cool', 'CubehelixDefault', 'Cubehelix']);
const diverging = new Set(['Spectral', 'RdYlGn', 'RdYlBu', 'RdBu', 'RdGy', 'PuOr', 'PRGn', 'PiYG', 'BrBG', 'Rainbow', 'Sinebow']);

function painter(o: Partial<Options>, theme: GrafanaTheme2): (share: number) => string {
  const color = o.color;
  if (color?.mode === 'opacity') {
    const fill = theme.visualization.getColorByName(color.fill || 'dark-orange');
    return (share) => withAlpha(fill, Math.max(0.05, share ** (color.exponent ?? 0.5)));
  }
  const name = color?.scheme ?? 'Oranges';
  const scheme = (chromatic as unknown as Record<string, ((t: number) => string) | undefined>)[`interpolate${name}`] ?? chromatic.interpolateOranges;
  const inverted = diverging.has(name) ? true : naturallyDark.has(name) ? theme.isLight : theme.isDark;
  const flip = inverted !== (color?.reverse ?? false);
  const steps = Math.max(2, color?.steps ?? 64);
  return (share) => {
    const quantized = Math.min(steps - 1, Math.floor(share * steps)) / (steps - 1);
    return scheme(flip ? 1 - quantized : quantized);
  };
}

function withAlpha(hex: string, alpha: number): string {
  return `${hex.slice(0, 7)}${Math.round(alpha * 255).toString(16).padStart(2, '0')}`;
}
