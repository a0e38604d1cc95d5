import {
  FieldType, formattedValueToString, getFieldColorModeForField, getFieldDisplayName, getFieldSeriesColor, type DataFrame, type Field, type LinkModel,
} from '@grafana/data';
import type { VizLegendOptions, VizTooltipOptions } from '@grafana/schema';
import { useMemo } from 'react';
import { format } from '../../time';
import { axisStyle, Chart, plotArea, type Item, type Tip } from './chart';
import { options, type KindProps } from './kind';
import { calculated, WithLegend } from './legend';

interface Options {
  xField: string | number;
  orientation: 'auto' | 'horizontal' | 'vertical';
  stacking: 'none' | 'normal' | 'percent';
  showValue: 'auto' | 'always' | 'never';
  groupWidth: number;
  barWidth: number;
  barRadius: number;
  colorByField: string;
  xTickLabelRotation: number;
  xTickLabelMaxLength: number;
  legend: VizLegendOptions;
  tooltip: VizTooltipOptions;
  text: { valueSize?: number };
}

interface Custom {
  fillOpacity?: number;
  lineWidth?: number;
  axisLabel?: string;
  axisGridShow?: boolean;
  axisSoftMin?: number;
  axisSoftMax?: number;
  hideFrom?: { viz?: boolean; legend?: boolean; tooltip?: boolean };
}

export function BarChartKind({ panel, frames, theme, width, height }: KindProps) {
  const o = options<Options>(panel);
  const found = useMemo(() => pick(frames, o.xField), [frames, o.xField]);
  const horizontal = o.orientation === 'horizontal' || (o.orientation === 'auto' && width < height);
  const option = useMemo(() => {
    if (!found) return {};
    const { frame, x, bars } = found;
    const first = bars[0];
    const shown = bars.filter((field) => !custom(field).hideFrom?.viz);
    const colorBy = o.colorByField ? frame.fields.find((f) => getFieldDisplayName(f, frame, frames) === o.colorByField) : undefined;
    const stacked = o.stacking === 'normal' || o.stacking === 'percent';
    const percent = o.stacking === 'percent';
    const sums = percent ? x.values.map((_: unknown, i: number) => shown.reduce((sum, f) => sum + Math.abs(Number(f.values[i] ?? 0)), 0)) : [];
    const text = (field: Field, value: unknown) => (value === null || value === undefined ? '' : formattedValueToString(field.display!(value)));
    const longest = o.xTickLabelMaxLength ?? 0;
    const categories = x.values.map((value: unknown) => {
      const name = x.type === FieldType.time ? format(Number(value)) : text(x, value);
      return longest > 0 && name.length > longest ? `${name.slice(0, longest)}…` : name;
    });
    // How many pixels a value takes along its axis: what is too small for its label, in a stack, does without.
    const tops = stacked && !percent ? x.values.map((_: unknown, i: number) => shown.reduce((sum, f) => sum + Number(f.values[i] ?? 0), 0)) : [];
    const scale = (horizontal ? width - 120 : height - 70) / (percent ? 1 : Math.max(...tops, 1e-300));
    const fits = (share: number) => !stacked || share * scale > (horizontal ? 36 : 14);
    const room = (horizontal ? height : width) / Math.max(1, categories.length * (stacked ? 1 : shown.length));
    const labelled = o.showValue === 'always' || (o.showValue === 'auto' && room > (horizontal ? 14 : 30));
    const category = {
      type: 'category',
      data: categories,
      inverse: horizontal,
      ...axisStyle(theme, false),
      axisLabel: { ...axisStyle(theme, false).axisLabel, rotate: horizontal ? 0 : -(o.xTickLabelRotation ?? 0), ...(horizontal ? { width: width * 0.4, overflow: 'truncate' } : {}) },
    };
    const settings = first ? custom(first) : {};
    const value = {
      type: 'value',
      name: settings.axisLabel || undefined,
      nameLocation: 'middle',
      min: first?.config.min ?? (settings.axisSoftMin === undefined ? undefined : ({ min }: { min: number }) => Math.min(min, settings.axisSoftMin!)),
      max: percent ? 1 : first?.config.max ?? (settings.axisSoftMax === undefined ? undefined : ({ max }: { max: number }) => Math.max(max, settings.axisSoftMax!)),
      // Where both ends are given, steps that meet them.
      interval: first?.config.min === 0 && first.config.max !== undefined && first.config.max !== null ? first.config.max / 5 : percent ? 0.25 : undefined,
      splitNumber: horizontal ? Math.max(2, Math.floor(width / 80)) : Math.max(2, Math.floor(height / 60)),
      ...axisStyle(theme, settings.axisGridShow !== false),
      axisLabel: {
        ...axisStyle(theme, false).axisLabel,
        formatter: (v: number) => (percent ? `${Math.round(v * 100)}%` : first ? text(first, v) : String(v)),
      },
    };
    const group = o.groupWidth ?? 0.7;
    return {
      grid: { ...plotArea, right: horizontal && labelled ? 48 : 12, top: labelled && !horizontal ? 18 : 10 },
      xAxis: horizontal ? value : category,
      yAxis: horizontal ? category : value,
      series: shown.map((field) => {
        const byValue = getFieldColorModeForField(field).isByValue === true;
        const color = getFieldSeriesColor(field, theme).color;
        return {
          type: 'bar',
          name: getFieldDisplayName(field, frame, frames),
          color,
          stack: stacked ? 'all' : undefined,
          barCategoryGap: `${Math.round((1 - (shown.length > 1 && !stacked ? group : (o.barWidth ?? 0.97) * 0.85)) * 100)}%`,
          barGap: `${Math.round((1 - (o.barWidth ?? 0.97)) * 100)}%`,
          emphasis: { disabled: false, itemStyle: { opacity: 1 } },
          label: {
            show: labelled,
            position: stacked ? 'inside' : horizontal ? 'right' : 'top',
            color: stacked ? theme.colors.getContrastText(color) : theme.colors.text.primary,
            fontSize: o.text?.valueSize ?? 11,
            formatter: (item: Item) => text(field, field.values[item.dataIndex]),
          },
          labelLayout: { hideOverlap: true },
          data: field.values.map((v: unknown, i: number) => ({
            value: v === null || v === undefined ? null : percent ? Number(v) / (sums[i] || 1) : Number(v),
            label: fits(percent ? Number(v) / (sums[i] || 1) : Number(v)) ? undefined : { show: false },
            itemStyle: {
              opacity: (custom(field).fillOpacity ?? 80) / 100,
              color: colorBy?.display?.(colorBy.values[i]).color ?? (byValue ? field.display?.(v).color : undefined) ?? color,
              borderRadius: Math.round((o.barRadius ?? 0) * 20),
            },
          })),
        };
      }),
    };
  }, [found, frames, theme, width, height, horizontal, o]);

  if (!found) return <div className="panel-note">A bar chart needs a text or time field and a number field.</div>;
  const { frame, x, bars } = found;
  const visible = bars.filter((field) => !custom(field).hideFrom?.viz);
  const linksAt = (item: Item): LinkModel[] => visible[item.seriesIndex ?? -1]?.getLinks?.({ valueRowIndex: item.dataIndex }) ?? [];
  const multi = o.tooltip?.mode === 'multi';
  const tip = (items: Item[]): Tip | undefined => {
    const at = items[0];
    if (!at) return undefined;
    const note = linksAt(at)[0]?.title;
    return {
      title: formattedValueToString(x.type === FieldType.time ? { text: format(Number(x.values[at.dataIndex])) } : x.display!(x.values[at.dataIndex])),
      rows: items.flatMap((item) => {
        const field = visible[item.seriesIndex ?? -1];
        if (!field || custom(field).hideFrom?.tooltip) return [];
        const value: unknown = field.values[item.dataIndex];
        return [{ label: getFieldDisplayName(field, frame, frames), value: value === null ? '' : formattedValueToString(field.display!(value)), color: String(item.color) }];
      }),
      note: note ? `Click: ${note}` : undefined,
    };
  };
  const items = bars.filter((field) => !custom(field).hideFrom?.legend).map((field) => ({
    label: getFieldDisplayName(field, frame, frames),
    color: getFieldSeriesColor(field, theme).color,
    yAxis: 1,
    disabled: custom(field).hideFrom?.viz ?? false,
    getDisplayValues: () => calculated(field, o.legend?.calcs),
  }));
  return (
    <WithLegend legend={o.legend} items={items} width={width} height={height}>
      {(w, h) => (
        <Chart width={w} height={h} theme={theme} option={option} tip={o.tooltip?.mode === 'none' ? undefined : tip} axisTip={multi} links={linksAt} />
      )}
    </WithLegend>
  );
}

function custom(field: Field): Custom {
  return (field.config.custom ?? {}) as Custom;
}

function pick(frames: DataFrame[], wanted: string | number | undefined): { frame: DataFrame; x: Field; bars: Field[] } | undefined {
  const frame = frames.find((f) => f.length > 0);
  if (!frame) return undefined;
  const named = (field: Field) => wanted === field.name || wanted === getFieldDisplayName(field, frame, frames);
  const x = (wanted === undefined || wanted === '' ? undefined : frame.fields.find(named))
    ?? frame.fields.find((f) => f.type === FieldType.string) ?? frame.fields.find((f) => f.type === FieldType.time);
  const bars = frame.fields.filter((f) => f.type === FieldType.number && f !== x);
  return x && bars.length > 0 ? { frame, x, bars } : undefined;
}
