// The options of the charts: data and theme in, what ECharts draws out.
import type { EChartsCoreOption } from 'echarts/core';
import { digits, millis, percent, short } from './format';
import { mix, type Theme } from './theme';
import type { Cell, Data, Run, Search } from './types';

/** What the figure asks for. */
export interface Wanted {
  chart: string;
  index: number;
  stage: string;
}

type Option = EChartsCoreOption;

const stages: Record<string, string> = {
  offered: 'offered', sent: 'sent', acknowledged: 'acknowledged', stored: 'stored', queryable_raw: 'queryable in raw', queryable_rollup: 'queryable in rollups',
};
const order = Object.keys(stages);

/** option returns what to draw, undefined if there is nothing. */
export function option(data: Data, wanted: Wanted, theme: Theme, width: number): Option | undefined {
  if (wanted.chart === 'overlay') return overlay(data.runs, wanted.stage, theme, width);
  if (wanted.chart === 'trials') {
    const search = data.searches[wanted.index];
    return search && trials(search, theme, width);
  }
  const run = data.runs[wanted.index];
  if (!run) return undefined;
  switch (wanted.chart) {
    case 'rates': return rates(run, theme, width);
    case 'lag': return lag(run, theme, width);
    case 'fresh': return fresh(run, wanted.stage, theme, width);
    case 'curves': return curves(run, theme, width);
    case 'heat': return heat(run, wanted.stage, theme, width);
    case 'cores': return usage(run, run.cores, 'cores', digits, true, theme, width);
    case 'memory': return usage(run, run.memory, 'bytes', (x) => `${short(x)}B`, false, theme, width);
    case 'parts': return usage(run, { 'active parts': run.parts, merges: run.merges }, '', digits, false, theme, width);
  }
  return undefined;
}

/** base is what all charts have. The grid leaves room for a legend of so many entries. */
function base(theme: Theme, width: number, entries: number): Option {
  const perRow = Math.max(1, Math.floor(width / 150));
  return {
    animation: false,
    backgroundColor: 'transparent',
    color: theme.series,
    textStyle: { color: theme.text, fontFamily: 'system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif' },
    grid: { left: 8, right: 14, top: entries > 0 ? 16 + 22 * Math.ceil(entries / perRow) : 30, bottom: 26, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' },
    legend: { show: entries > 0, top: 0, left: 0, icon: 'roundRect', itemWidth: 16, itemHeight: 4, itemGap: 12, textStyle: { color: theme.text } },
    tooltip: { trigger: 'axis', confine: true, backgroundColor: theme.back, borderColor: theme.line, textStyle: { color: theme.text } },
  };
}

function axis(theme: Theme, more: object): object {
  return {
    type: 'value', nameTextStyle: { color: theme.dim }, axisLabel: { color: theme.dim, hideOverlap: true }, axisLine: { lineStyle: { color: theme.line } },
    splitLine: { lineStyle: { color: theme.line, opacity: 0.6 } }, minorSplitLine: { show: false }, ...more,
  };
}

function timeAxis(run: Run, theme: Theme): object {
  const end = Math.max(run.end_s, ...run.bands.map((b) => b.to));
  return axis(theme, { min: 0, max: Math.ceil(end), name: 's', nameGap: 4, splitLine: { show: false } });
}

/** bands draws the phases behind a chart, those that are not measured grey. */
function bands(run: Run, theme: Theme): object {
  return {
    silent: true,
    data: run.bands.map((b) => [
      {
        xAxis: b.from, name: b.name, itemStyle: { color: theme.bands[b.name === 'measure' ? 1 : 0] },
        label: { color: theme.dim, position: 'insideTop', fontSize: 11 },
      },
      { xAxis: b.to },
    ]),
  };
}

function bound(theme: Theme, name: string, place: object, position = 'insideEndTop'): object {
  return {
    silent: true, symbol: 'none', lineStyle: { color: theme.failed, type: 'dashed', width: 1.5 },
    label: { formatter: name, color: theme.failed, position }, data: [place],
  };
}

/** near is a bound, unless it is so far above what was measured that it would hide that. */
function near(slo: number | undefined, measured: number[]): number | undefined {
  return slo && slo <= 30 * Math.max(...measured, 0) ? slo : undefined;
}

const zip = (x: number[], y: (number | null)[]) => x.map((at, i) => [at, y[i] ?? null]);

function rates(run: Run, theme: Theme, width: number): Option {
  const names = order.filter((name) => run.rates[name]);
  return {
    ...base(theme, width, names.length),
    xAxis: timeAxis(run, theme),
    yAxis: axis(theme, { min: 0, axisLabel: { color: theme.dim, formatter: short } }),
    series: names.map((name, i) => ({
      type: 'line', name: stages[name], data: zip(run.time, run.rates[name] ?? []), showSymbol: false,
      lineStyle: { width: name === 'offered' ? 2.5 : 1.5, type: name === 'offered' ? 'dashed' : 'solid' },
      tooltip: { valueFormatter: (x: number) => `${short(x)}/s` },
      ...(i === 0 ? { markArea: bands(run, theme) } : {}),
    })),
  };
}

function lag(run: Run, theme: Theme, width: number): Option {
  const line = (name: string, data: unknown[], color: string | undefined, more: object) => ({
    type: 'line', name, data, showSymbol: false, color, tooltip: { valueFormatter: (x: number) => `${short(x)} events` }, ...more,
  });
  const fitted = run.trend.length > 0 ? [line('fitted slope', run.trend, theme.series[2], { lineStyle: { type: 'dashed', width: 2 } })] : [];
  return {
    ...base(theme, width, 1 + fitted.length),
    xAxis: timeAxis(run, theme),
    yAxis: axis(theme, { min: 0, axisLabel: { color: theme.dim, formatter: short } }),
    series: [line('lag', zip(run.time, run.lag), theme.series[1], { lineStyle: { width: 1.5 }, markArea: bands(run, theme) }), ...fitted],
  };
}

function logAxis(theme: Theme, values: number[], formatter: (x: number) => string): object {
  const known = values.filter((x) => x > 0);
  const low = 10 ** Math.floor(Math.log10(Math.min(...known, 1000)));
  const high = 10 ** Math.ceil(Math.log10(Math.max(...known, low * 10)));
  return axis(theme, { type: 'log', min: low, max: high, axisLabel: { color: theme.dim, formatter, hideOverlap: true } });
}

function fresh(run: Run, stage: string, theme: Theme, width: number): Option {
  const rows = run.freshness[stage] ?? [];
  const slo = near(run.slo_ms[stage], rows.map((row) => row[4]));
  const lines = [['p50', 2], ['p99', 3], ['max', 4]] as const;
  const floor = 0.001;
  return {
    ...base(theme, width, lines.length),
    xAxis: timeAxis(run, theme),
    yAxis: logAxis(theme, [...rows.flatMap((row) => [row[2], row[4]]), slo ?? 0], millis),
    series: lines.map(([name, column], i) => ({
      type: 'line', name, step: 'start', showSymbol: false, color: theme.series[[3, 1, 2][i] ?? 0],
      // A point is where its part of the run ends, and the step before it is that part.
      data: rows.flatMap((row, at) => (at === 0 ? [row[0], row[1]] : [row[1]]).map((time) => [time, Math.max(row[column], floor)])),
      lineStyle: { width: 1.5 },
      tooltip: { valueFormatter: millis },
      ...(i === 0 ? { markArea: bands(run, theme), ...(slo ? { markLine: bound(theme, `SLO ${millis(slo)} for p99`, { yAxis: slo }) } : {}) } : {}),
    })),
  };
}

const curveAxis = (theme: Theme) => axis(theme, {
  type: 'log', min: 1, axisLabel: { color: theme.dim, formatter: (x: number) => percent(1 - 1 / x), hideOverlap: true }, splitLine: { lineStyle: { color: theme.line, opacity: 0.6 } },
});

function curveTooltip(theme: Theme, width: number, entries: number): Option {
  const common = base(theme, width, entries);
  return { ...common, tooltip: { ...(common.tooltip as object), axisPointer: { label: { show: false } }, formatter: undefined } };
}

function curves(run: Run, theme: Theme, width: number): Option {
  const names = order.filter((name) => run.curves[name]);
  const all = names.flatMap((name) => (run.curves[name] ?? []).map((p) => p[2]));
  return {
    ...curveTooltip(theme, width, names.length),
    xAxis: curveAxis(theme),
    yAxis: logAxis(theme, all, millis),
    series: names.map((name, i) => ({
      type: 'line', name: stages[name], showSymbol: false, color: theme.series[order.indexOf(name) - 1],
      data: (run.curves[name] ?? []).map((p) => [p[0], Math.max(p[2], 0.001)]), tooltip: { valueFormatter: millis }, lineStyle: { width: 1.5 },
      ...(i === 0 ? { markLine: slos(run, theme) } : {}),
    })),
  };
}

/** slos marks both bounds at the place where they count: 99 % of the events. */
function slos(run: Run, theme: Theme): object {
  const named = [['queryable_raw', 'SLO raw', 'insideEndBottom'], ['queryable_rollup', 'SLO rollups', 'insideEndTop']] as const;
  return {
    silent: true, symbol: 'none', lineStyle: { color: theme.failed, type: 'dashed' }, label: { color: theme.failed },
    data: named.flatMap(([stage, name, position]) => {
      const slo = near(run.slo_ms[stage], (run.curves[stage] ?? []).map((p) => p[2]));
      return slo && run.curves[stage] ? [{ yAxis: slo, label: { formatter: `${name} ${millis(slo)}`, position } }] : [];
    }),
  };
}

function overlay(runs: Run[], stage: string, theme: Theme, width: number): Option | undefined {
  const shown = runs.filter((run) => run.curves[stage]);
  if (shown.length === 0) return undefined;
  const all = shown.flatMap((run) => (run.curves[stage] ?? []).map((p) => p[2]));
  return {
    ...curveTooltip(theme, Math.min(width, 150), shown.length),
    xAxis: curveAxis(theme),
    yAxis: logAxis(theme, all, millis),
    series: shown.map((run, i) => ({
      type: 'line', name: run.label, showSymbol: false, color: theme.series[1 + (i % (theme.series.length - 1))], data: (run.curves[stage] ?? []).map((p) => [p[0], Math.max(p[2], 0.001)]),
      lineStyle: { width: 1.5, type: i < theme.series.length - 1 ? 'solid' : 'dashed' }, tooltip: { valueFormatter: millis },
    })),
  };
}

/** usage draws lines with a gap where a value is null. */
function usage(run: Run, lines: Record<string, (number | null)[]>, unit: string, text: (x: number) => string, stacked: boolean, theme: Theme, width: number): Option {
  const names = Object.keys(lines);
  return {
    ...base(theme, width, names.length),
    xAxis: timeAxis(run, theme),
    yAxis: axis(theme, { min: 0, name: unit === 'cores' ? unit : '', axisLabel: { color: theme.dim, formatter: text } }),
    series: names.map((name, i) => ({
      type: 'line', name, showSymbol: false, data: zip(run.time, lines[name] ?? []), color: theme.series[(i + 1) % theme.series.length], lineStyle: { width: 1.5 },
      ...(stacked ? { stack: 'all', areaStyle: { opacity: 0.5 } } : {}), tooltip: { valueFormatter: (x: unknown) => (typeof x === 'number' && !Number.isNaN(x) ? text(x) : 'not read') },
      ...(i === 0 ? { markArea: bands(run, theme) } : {}),
    })),
  };
}

interface Drawing {
  value(i: number): number;
  coord(point: [number, number]): [number, number];
}

function heat(run: Run, stage: string, theme: Theme, width: number): Option {
  const cells = run.heat[stage] ?? [];
  const slo = near(run.slo_ms[stage], cells.map((c) => c[3]));
  const most = Math.max(...cells.map((c) => c[4]), 1e-9);
  const y = logAxis(theme, [...cells.flatMap((c) => [Math.max(c[2], 0.1), c[3]]), slo ?? 0], millis) as { min: number };
  const common = base(theme, width, 0);
  return {
    ...common,
    tooltip: {
      ...(common.tooltip as object), trigger: 'item',
      formatter: ({ value: [from, to, low, high, share] }: { value: Cell }) => `${digits(from)} to ${digits(to)} s, ${millis(low)} to ${millis(high)}: ${digits(100 * share)} % of the events`,
    },
    xAxis: timeAxis(run, theme),
    yAxis: y,
    series: [{
      type: 'custom', data: cells, clip: true, encode: { x: [0, 1], y: [2, 3] },
      markArea: bands(run, theme), ...(slo ? { markLine: bound(theme, `SLO ${millis(slo)}`, { yAxis: slo }) } : {}),
      renderItem: (_: unknown, api: Drawing) => {
        const [left, bottom] = api.coord([api.value(0), Math.max(api.value(2), y.min)]);
        const [right, top] = api.coord([api.value(1), Math.max(api.value(3), y.min)]);
        return {
          type: 'rect', shape: { x: left, y: top, width: Math.max(right - left - 0.5, 0.5), height: Math.max(bottom - top, 0) + 0.5 },
          style: { fill: mix(theme.heat, Math.sqrt(api.value(4) / most)) },
        };
      },
    }],
  };
}

/** The outcomes of trials: told apart by colour and by shape. */
const outcomes = [
  { name: 'pass', symbol: 'circle', color: 3 }, { name: 'fail', symbol: 'triangle', color: 2 }, { name: 'other', symbol: 'diamond', color: 0 },
] as const;

function trials(search: Search, theme: Theme, width: number): Option {
  const kind = (outcome: string) => (outcome === 'pass' || outcome === 'fail' ? outcome : 'other');
  const shown = outcomes.filter((o) => search.trials.some((t) => kind(t.outcome) === o.name));
  const highest = Math.max(...search.trials.map((t) => t.rate), search.upper);
  const common = base(theme, width, shown.length);
  const left = 64;
  const limits = [[search.lower, 'sustained', 'right'], [search.upper, 'not sustained', 'left']] as const;
  const marks = {
    silent: true, symbol: 'none', lineStyle: { color: theme.text, type: 'dashed' },
    data: limits.flatMap(([rate, name, align]) => (rate > 0 ? [{ xAxis: rate, label: { formatter: `${name} ${short(rate)}`, color: theme.text, position: 'end', align, distance: 10 } }] : [])),
  };
  const lowest = niceBelow(Math.min(...search.trials.map((t) => t.rate)));
  const type = highest > 20 * lowest ? 'log' : 'value';
  const x = (gridIndex: number, name: string) => axis(theme, { type, gridIndex, min: lowest, max: niceAbove(highest), name, nameLocation: 'middle', nameGap: 26, axisLabel: { color: theme.dim, formatter: short, hideOverlap: true } });
  const known = search.trials.flatMap((t) => (t.p99_ms === null ? [] : [t.p99_ms]));
  const points = (panel: number) => shown.map((o, i) => ({
    type: 'scatter', name: o.name, xAxisIndex: panel, yAxisIndex: panel, symbol: o.symbol, symbolSize: 11, color: theme.series[o.color], itemStyle: { opacity: 0.85 },
    data: search.trials.flatMap((t) => {
      const value = panel === 0 ? t.p99_ms : t.slope;
      return value === null || kind(t.outcome) !== o.name ? [] : [{ value: [t.rate, value], trial: t }];
    }),
    ...(i === 0 ? { markLine: panel === 0 ? marks : { ...marks, data: marks.data.map((m) => ({ ...m, label: { show: false } })) } } : {}),
  }));
  const growth = [search.trials, [{ rate: highest }]].flat().map((t) => t.rate).sort((a, b) => a - b);
  return {
    ...common,
    legend: { ...(common.legend as object), icon: undefined, itemWidth: 10, itemHeight: 10 }, // The shapes tell the outcomes apart.
    grid: [{ left, right: 16, top: 66, height: '32%' }, { left, right: 16, top: '62%', bottom: 44 }],
    tooltip: {
      ...(common.tooltip as object), trigger: 'item',
      formatter: ({ data }: { data: { trial?: Search['trials'][number] } }) => {
        const t = data.trial;
        if (!t) return '';
        return [`${short(t.rate)} events/s: ${t.outcome} (${t.phase})`, t.limit && `limit ${t.limit}`, t.p99_ms !== null && `p99 ${millis(t.p99_ms)}`,
          t.slope !== null && `lag grows by ${digits(t.slope)} events/s`].filter(Boolean).join('<br>');
      },
    },
    xAxis: [x(0, ''), x(1, 'offered, events/s')],
    yAxis: [
      { ...logAxis(theme, [...known, search.slo_ms], millis), name: 'p99, raw', nameGap: 22 },
      axis(theme, { gridIndex: 1, name: 'lag slope, events/s', boundaryGap: ['8%', '8%'], axisLabel: { color: theme.dim, formatter: short } }),
    ],
    series: [
      ...points(0), ...points(1),
      { type: 'line', xAxisIndex: 0, yAxisIndex: 0, data: [], markLine: bound(theme, `SLO ${millis(search.slo_ms)}`, { yAxis: search.slo_ms }) },
      {
        type: 'line', xAxisIndex: 1, yAxisIndex: 1, showSymbol: false, silent: true, lineStyle: { color: theme.failed, type: 'dashed' },
        data: growth.map((rate) => [rate, search.max_growth * rate]), endLabel: { show: true, formatter: `${digits(100 * search.max_growth)} % of the rate`, color: theme.failed, align: 'right', verticalAlign: 'bottom', offset: [-8, -6] },
      },
    ],
  };
}

const steps = [1, 2, 5, 10];

function niceBelow(x: number): number {
  const power = 10 ** Math.floor(Math.log10(x));
  return power * ([...steps].reverse().find((s) => s * power < x) ?? 0.5);
}

function niceAbove(x: number): number {
  const power = 10 ** Math.floor(Math.log10(x));
  return power * (steps.find((s) => s * power > x) ?? 20);
}
