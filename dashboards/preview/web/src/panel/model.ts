// A panel as it stands in the dashboard, completed with what Grafana's panels take when a dashboard says nothing.
import { ThresholdsMode, type FieldConfigSource, type ThresholdsConfig } from '@grafana/data';
import type { PanelModel } from '../types';

interface Kind {
  color: string;
  custom?: Record<string, unknown>;
  options?: Record<string, unknown>;
}

const legend = { showLegend: true, displayMode: 'list', placement: 'bottom', calcs: [] };
const tooltip = { mode: 'single', sort: 'none' };
const reduceOptions = { values: false, calcs: ['lastNotNull'], fields: '' };
const hideFrom = { tooltip: false, viz: false, legend: false };

const kinds: Record<string, Kind> = {
  timeseries: {
    color: 'palette-classic',
    custom: {
      drawStyle: 'line', lineInterpolation: 'linear', lineWidth: 1, fillOpacity: 0, gradientMode: 'none', spanNulls: false,
      showPoints: 'auto', pointSize: 5, stacking: { mode: 'none', group: 'A' }, axisPlacement: 'auto', axisLabel: '',
      axisColorMode: 'text', axisGridShow: true, axisBorderShow: false, axisCenteredZero: false, barAlignment: 0, barWidthFactor: 0.6,
      scaleDistribution: { type: 'linear' }, thresholdsStyle: { mode: 'off' }, hideFrom,
    },
    options: { legend, tooltip },
  },
  stat: {
    color: 'thresholds',
    options: { reduceOptions, orientation: 'auto', textMode: 'auto', wideLayout: true, colorMode: 'value', graphMode: 'area', justifyMode: 'auto' },
  },
  gauge: {
    color: 'thresholds',
    options: { reduceOptions, orientation: 'auto', showThresholdMarkers: true, showThresholdLabels: false },
  },
  bargauge: {
    color: 'thresholds',
    options: {
      reduceOptions, orientation: 'auto', displayMode: 'gradient', valueMode: 'color', namePlacement: 'auto', showUnfilled: true,
      minVizWidth: 8, minVizHeight: 16, maxVizHeight: 300,
    },
  },
  barchart: {
    color: 'palette-classic',
    custom: { fillOpacity: 80, lineWidth: 1, gradientMode: 'none', axisPlacement: 'auto', axisGridShow: true, hideFrom },
    options: { legend, tooltip, orientation: 'auto', showValue: 'auto', stacking: 'none', groupWidth: 0.7, barWidth: 0.97, barRadius: 0, xTickLabelRotation: 0 },
  },
  piechart: {
    color: 'palette-classic',
    custom: { hideFrom },
    options: { legend: { ...legend, values: [] }, tooltip, reduceOptions, pieType: 'pie', displayLabels: [], sort: 'desc' },
  },
  table: {
    color: 'thresholds',
    custom: { align: 'auto', cellOptions: { type: 'auto' }, inspect: false },
    options: { showHeader: true, cellHeight: 'sm', frameIndex: 0 },
  },
  text: { color: 'thresholds', options: { mode: 'markdown', content: '' } },
  heatmap: {
    color: 'palette-classic',
    custom: { hideFrom },
    options: {
      calculate: false, cellGap: 1, color: { mode: 'scheme', scheme: 'Oranges', steps: 64, exponent: 0.5, reverse: false },
      legend: { show: true }, tooltip, yAxis: {},
    },
  },
  'state-timeline': {
    color: 'thresholds',
    custom: { fillOpacity: 70, lineWidth: 0, hideFrom },
    options: { legend, tooltip, mergeValues: true, showValue: 'auto', alignValue: 'left', rowHeight: 0.9 },
  },
  geomap: { color: 'thresholds', options: { layers: [], view: {} } },
};

const greenToRed: ThresholdsConfig = {
  mode: ThresholdsMode.Absolute,
  steps: [{ value: -Infinity, color: 'green' }, { value: 80, color: 'red' }],
};

/** complete fills a panel of the dashboard's JSON with defaults. Its parts are copies: the JSON stays as it is. */
export function complete(raw: Partial<PanelModel>, index: number): PanelModel {
  const type = raw.type ?? 'unknown';
  const kind = kinds[type] ?? { color: 'thresholds' };
  const given = structuredClone(raw.fieldConfig ?? { defaults: {}, overrides: [] }) as Partial<FieldConfigSource>;
  const defaults = given.defaults ?? {};
  const custom = merge(kind.custom ?? {}, (defaults.custom ?? {}) as Record<string, unknown>);
  const thresholds = openEnded(defaults.thresholds ?? structuredClone(greenToRed));
  const overrides = given.overrides ?? [];
  for (const override of overrides) {
    override.properties ??= [];
    for (const property of override.properties) {
      if (property.id === 'thresholds') property.value = openEnded(property.value as ThresholdsConfig);
    }
  }
  return {
    ...raw,
    id: raw.id ?? -1 - index,
    type,
    gridPos: { x: 0, y: 0, w: 24, h: 8, ...raw.gridPos },
    fieldConfig: { defaults: { color: { mode: kind.color }, ...defaults, custom, thresholds }, overrides },
    options: merge(kind.options ?? {}, raw.options ?? {}),
    panels: raw.panels?.map((panel, i) => complete(panel, 1000 * (index + 1) + i)),
  };
}

// JSON has no infinity: the lowest step is written as null.
function openEnded(thresholds: ThresholdsConfig): ThresholdsConfig {
  const steps = (thresholds.steps ?? []).map((step, i) => ({ ...step, value: i === 0 || step.value === null ? -Infinity : step.value }));
  return { ...thresholds, mode: thresholds.mode ?? ThresholdsMode.Absolute, steps };
}

function merge(base: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> {
  const result: Record<string, unknown> = structuredClone(base);
  for (const [key, value] of Object.entries(over)) {
    const below = result[key];
    result[key] = isObject(below) && isObject(value) ? merge(below, value) : value;
  }
  return result;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
