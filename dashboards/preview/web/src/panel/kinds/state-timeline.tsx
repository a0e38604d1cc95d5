// States over time: a line a field, a bar for as long as its value stays.
import {
  dateTimeFormat, FieldType, formattedValueToString, getFieldDisplayName, MappingType, type DataFrame, type DisplayValue, type Field, type LinkModel,
} from '@grafana/data';
import type { VizLegendOptions, VizTooltipOptions } from '@grafana/schema';
import { useMemo } from 'react';
import { axisFormat, format, timeZone } from '../../time';
import { axisStyle, Chart, plotArea, type Item, type Tip } from './chart';
import { options, type KindProps } from './kind';
import { WithLegend } from './legend';

interface Options {
  mergeValues: boolean;
  showValue: 'auto' | 'always' | 'never';
  alignValue: 'left' | 'center' | 'right';
  rowHeight: number;
  legend: VizLegendOptions;
  tooltip: VizTooltipOptions;
}

interface Span {
  from: number;
  to: number;
  line: number;
  row: number;
  display: DisplayValue;
}

interface Line {
  name: string;
  field: Field;
}

interface RenderApi {
  value: (dimension: number) => number;
  coord: (point: number[]) => [number, number];
  size: (size: number[]) => [number, number];
}

export function StateTimelineKind({ panel, frames, loaded, theme, width, height, onZoom }: KindProps) {
  const o = options<Options>(panel);
  const [from, to] = [loaded.range.from.valueOf(), loaded.range.to.valueOf()];
  const { lines, spans } = useMemo(() => spansOf(frames, from, to, o.mergeValues ?? true), [frames, from, to, panel.options]);

  const option = useMemo(() => {
    const labels = Math.max(2, Math.floor(width / 90));
    const pattern = axisFormat(to - from, labels);
    return {
      grid: { ...plotArea },
      xAxis: {
        type: 'time', min: from, max: to, splitNumber: labels, ...axisStyle(theme, true),
        axisLabel: { ...axisStyle(theme, false).axisLabel, formatter: (ms: number) => dateTimeFormat(ms, { format: pattern, timeZone }) },
      },
      yAxis: {
        type: 'category', data: lines.map((line) => line.name), inverse: true, ...axisStyle(theme, false),
        axisLabel: { ...axisStyle(theme, false).axisLabel, width: width * 0.3, overflow: 'truncate' },
      },
      series: [{
        type: 'custom',
        clip: true,
        encode: { x: [0, 1], y: 2 },
        data: spans.map((span) => [span.from, span.to, span.line]),
        renderItem: ({ dataIndex }: { dataIndex: number }, cell: RenderApi) => {
          const span = spans[dataIndex];
          if (!span) return null;
          const [x, y] = cell.coord([cell.value(0), cell.value(2)]);
          const [right] = cell.coord([cell.value(1), cell.value(2)]);
          const tall = cell.size([0, 1])[1] * (o.rowHeight ?? 0.9);
          const wide = Math.max(1, right - x);
          const custom = (lines[span.line]?.field.config.custom ?? {}) as { fillOpacity?: number; lineWidth?: number };
          const color = span.display.color ?? theme.colors.text.secondary;
          const written = o.showValue !== 'never' && (o.showValue === 'always' || wide > 24) && tall > 12;
          return {
            type: 'rect',
            shape: { x, y: y - tall / 2, width: wide, height: tall },
            style: { fill: color, fillOpacity: (custom.fillOpacity ?? 70) / 100, stroke: color, lineWidth: custom.lineWidth ?? 0 },
            textContent: written ? {
              type: 'text',
              style: { text: formattedValueToString(span.display), fill: theme.colors.text.primary, fontSize: 12, width: Math.max(0, wide - 12), overflow: 'truncate' },
            } : undefined,
            textConfig: { position: o.alignValue === 'center' ? 'inside' : o.alignValue === 'right' ? 'insideRight' : 'insideLeft', distance: 6 },
            emphasis: { style: { stroke: theme.colors.text.primary, lineWidth: 1 } },
          };
        },
      }],
    };
  }, [lines, spans, from, to, theme, width, panel.options]);

  const linksAt = (item: Item): LinkModel[] => {
    const span = spans[item.dataIndex];
    return span ? lines[span.line]?.field.getLinks?.({ valueRowIndex: span.row }) ?? [] : [];
  };
  const tip = ([at]: Item[]): Tip | undefined => {
    const span = at && spans[at.dataIndex];
    if (!span) return undefined;
    const note = linksAt(at)[0]?.title;
    return {
      title: `${format(span.from)} to ${format(span.to)}`,
      rows: [{ label: lines[span.line]?.name ?? '', value: formattedValueToString(span.display), color: span.display.color }],
      note: note ? `Click: ${note}` : undefined,
    };
  };
  return (
    <WithLegend legend={o.legend} items={legendItems(lines, spans)} width={width} height={height}>
      {(w, h) => (
        <Chart width={w} height={h} theme={theme} option={option} tip={o.tooltip?.mode === 'none' ? undefined : tip} links={linksAt} onZoom={onZoom} />
      )}
    </WithLegend>
  );
}

function spansOf(frames: DataFrame[], from: number, to: number, merge: boolean): { lines: Line[]; spans: Span[] } {
  const lines: Line[] = [];
  const spans: Span[] = [];
  for (const frame of frames) {
    const times = frame.fields.find((f) => f.type === FieldType.time)?.values as number[] | undefined;
    if (!times) continue;
    for (const field of frame.fields) {
      if (field.type === FieldType.time || (field.config.custom as { hideFrom?: { viz?: boolean } } | undefined)?.hideFrom?.viz) continue;
      const line = lines.push({ name: getFieldDisplayName(field, frame, frames), field }) - 1;
      let open: Span | undefined;
      for (const [row, at] of times.entries()) {
        const value: unknown = field.values[row];
        const display = value === null || value === undefined ? undefined : field.display?.(value);
        const same = open && display && merge && formattedValueToString(open.display) === formattedValueToString(display) && open.display.color === display.color;
        if (same) continue;
        if (open) open.to = at;
        open = display ? { from: at, to, line, row, display } : undefined;
        if (open) spans.push(open);
      }
    }
  }
  const inside = spans.filter((span) => span.to > from && span.from < to);
  return { lines, spans: inside.map((span) => ({ ...span, from: Math.max(span.from, from), to: Math.min(span.to, to) })) };
}

// The states that occur, with those that have a text in the mappings first.
function legendItems(lines: Line[], spans: Span[]) {
  const seen = new Map<string, string | undefined>();
  const occurring = new Set(spans.map((span) => formattedValueToString(span.display)));
  for (const { field } of lines) {
    for (const mapping of field.config.mappings ?? []) {
      if (mapping.type !== MappingType.ValueToText) continue;
      for (const value of Object.keys(mapping.options)) {
        const display = field.display?.(field.type === FieldType.number ? Number(value) : value);
        if (display && occurring.has(formattedValueToString(display))) seen.set(formattedValueToString(display), display.color);
      }
    }
  }
  for (const { display } of spans) {
    const text = formattedValueToString(display);
    if (!seen.has(text)) seen.set(text, display.color);
  }
  return seen.size > 20 ? [] : [...seen].map(([label, color]) => ({ label, color, yAxis: 1 }));
}
