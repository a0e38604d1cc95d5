// Grafana's legend beside a chart that is not Grafana's.
import { fieldReducers, reduceField, type DisplayValue, type Field } from '@grafana/data';
import { LegendDisplayMode, type LegendPlacement, type VizLegendOptions } from '@grafana/schema';
import { VizLayout, VizLegend, type VizLegendItem } from '@grafana/ui';
import type { ReactNode } from 'react';

interface Props {
  legend?: Partial<VizLegendOptions>;
  items: VizLegendItem[];
  width: number;
  height: number;
  children: (width: number, height: number) => ReactNode;
}

export function WithLegend({ legend, items, width, height, children }: Props) {
  const { showLegend = true, displayMode = LegendDisplayMode.List, placement = 'bottom' as LegendPlacement, width: legendWidth } = legend ?? {};
  const shown = showLegend && displayMode !== LegendDisplayMode.Hidden && items.length > 0;
  return (
    <VizLayout
      width={width}
      height={height}
      legend={shown ? (
        <VizLayout.Legend placement={placement} width={legendWidth} maxHeight="50%">
          <VizLegend items={items} placement={placement} displayMode={displayMode} isSortable />
        </VizLayout.Legend>
      ) : null}
    >
      {children}
    </VizLayout>
  );
}

/** calculated gives the legend's calculations over a field. */
export function calculated(field: Field, calcs: string[] = []): DisplayValue[] {
  return calcs.map((calc) => {
    const value: unknown = reduceField({ field, reducers: [calc] })[calc];
    const info = fieldReducers.getIfExists(calc);
    const display = info?.preservesUnits === false ? undefined : field.display?.(value);
    return { ...(display ?? { text: String(value ?? ''), numeric: Number(value) }), title: info?.name ?? calc };
  });
}
