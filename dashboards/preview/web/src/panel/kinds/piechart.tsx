import { formattedValueToString, type DisplayValue, type FieldDisplay } from '@grafana/data';
import type { VizLegendOptions, VizTooltipOptions } from '@grafana/schema';
import { useMemo } from 'react';
import { Chart, type Item, type Tip } from './chart';
import { options, type KindProps } from './kind';
import { WithLegend } from './legend';
import { displayValues } from './values';

interface Options {
  pieType: 'pie' | 'donut';
  displayLabels: Array<'name' | 'value' | 'percent'>;
  sort: 'asc' | 'desc' | 'none';
  legend: VizLegendOptions & { values?: Array<'value' | 'percent'> };
  tooltip: VizTooltipOptions;
}

export function PieChartKind(props: KindProps) {
  const { panel, frames, loaded, theme, width, height, visible } = props;
  const o = options<Options>(panel);
  const all = useMemo(() => slices(props, o.sort), [frames, loaded, theme, o.sort]);
  const hidden = (slice: FieldDisplay) => !visible(slice.display.title ?? '');
  const shown = all.filter((slice) => !hidden(slice));
  const total = shown.reduce((sum, slice) => sum + slice.display.numeric, 0);
  const percent = (slice: FieldDisplay) => `${(total > 0 ? (slice.display.numeric / total) * 100 : 0).toFixed(slice.field.decimals ?? 0)}%`;
  const labels = o.displayLabels ?? [];

  const option = useMemo(() => ({
    series: [{
      type: 'pie',
      radius: o.pieType === 'donut' ? ['55%', '88%'] : '88%',
      center: ['50%', '50%'],
      itemStyle: { borderColor: theme.colors.background.primary, borderWidth: 1 },
      emphasis: { scale: true, scaleSize: 4 },
      avoidLabelOverlap: true,
      stillShowZeroSum: false,
      labelLine: { show: false },
      label: {
        show: labels.length > 0,
        position: 'inside',
        color: '#fff',
        textBorderColor: 'rgba(0, 0, 0, 0.45)',
        textBorderWidth: 2,
        fontSize: 12,
        formatter: ({ dataIndex }: Item) => {
          const slice = shown[dataIndex];
          if (!slice) return '';
          const parts = { name: slice.display.title ?? '', value: formattedValueToString(slice.display), percent: percent(slice) };
          return labels.map((part) => parts[part]).join('\n');
        },
      },
      data: shown.map((slice) => ({
        name: slice.display.title,
        value: Math.max(0, slice.display.numeric),
        // A slice too thin for its label does without.
        label: total > 0 && slice.display.numeric / total < 0.05 ? { show: false } : undefined,
        itemStyle: { color: slice.display.color },
      })),
    }],
  }), [all, theme, panel.options, visible]);

  const tip = ([at]: Item[]): Tip | undefined => {
    const under = at && shown[at.dataIndex];
    if (!under) return undefined;
    const rows = (o.tooltip?.mode === 'multi' ? shown : [under]).map((slice) => ({
      label: slice.display.title ?? '', value: `${formattedValueToString(slice.display)} (${percent(slice)})`, color: slice.display.color, active: slice === under,
    }));
    const note = under.hasLinks ? under.getLinks?.()[0]?.title : undefined;
    return { title: '', rows, note: note ? `Click: ${note}` : undefined };
  };
  const items = all.map((slice) => ({
    label: slice.display.title ?? '',
    color: slice.display.color,
    yAxis: 1,
    disabled: hidden(slice),
    getDisplayValues: () => (o.legend?.values ?? []).map((part): DisplayValue => (part === 'percent'
      ? { numeric: total > 0 ? slice.display.numeric / total : 0, text: hidden(slice) ? '-' : percent(slice), title: 'Percent' }
      : { ...slice.display, title: 'Value' })),
  }));
  return (
    <WithLegend legend={o.legend} items={items} width={width} height={height}>
      {(w, h) => (
        <Chart
          width={w}
          height={h}
          theme={theme}
          option={option}
          tip={o.tooltip?.mode === 'none' ? undefined : tip}
          links={(item) => shown[item.dataIndex]?.getLinks?.() ?? []}
        />
      )}
    </WithLegend>
  );
}

function slices(props: KindProps, sort: Options['sort'] | undefined): FieldDisplay[] {
  const values = displayValues(props).filter((v) => Number.isFinite(v.display.numeric));
  if (sort === 'none') return values;
  const sign = sort === 'asc' ? 1 : -1;
  return values.sort((a, b) => sign * (a.display.numeric - b.display.numeric));
}
