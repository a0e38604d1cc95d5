// The tooltip of time series, with links when it is pinned by a click.
import { FieldType, type DataFrame } from '@grafana/data';
import { SortOrder, TooltipDisplayMode, type VizTooltipOptions } from '@grafana/schema';
import {
  getFieldDisplayItems, getFieldDisplayLinks, isTooltipScrollable, TooltipPlugin2, VizTooltipContent, VizTooltipFooter, VizTooltipHeader,
  VizTooltipWrapper,
} from '@grafana/ui';
import type { ComponentProps } from 'react';
import { format } from '../time';

type PluginProps = ComponentProps<typeof TooltipPlugin2>;

// The names of the plugin's hover modes are not exported: one series at the cursor's x, or all of them.
const one = 0 as PluginProps['hoverMode'];
const every = 1 as PluginProps['hoverMode'];

interface Props {
  config: PluginProps['config'];
  /** All series joined by time: the first field is the time. */
  frame: DataFrame;
  options?: Partial<VizTooltipOptions>;
  onZoom: (range: { from: number; to: number }) => void;
}

export function SeriesTooltip({ config, frame, options, onZoom }: Props) {
  const mode = options?.mode ?? TooltipDisplayMode.Single;
  return (
    <TooltipPlugin2
      config={config}
      hoverMode={mode === TooltipDisplayMode.Multi ? every : one}
      queryZoom={onZoom}
      maxWidth={options?.maxWidth}
      getDataLinks={(series, row) => {
        const field = frame.fields[series];
        return field && row !== null ? getFieldDisplayLinks(field, row) : [];
      }}
      render={(_plot, rows, series, pinned, _dismiss, _range, _synced, links) => {
        const time = frame.fields[0];
        if (!time) return null;
        const items = getFieldDisplayItems(
          frame.fields, time, rows, series, mode, options?.sort ?? SortOrder.None, (f) => f.type === FieldType.number, options?.hideZeros,
        );
        const at: unknown = time.values[rows[0] ?? -1];
        return (
          <VizTooltipWrapper>
            <VizTooltipHeader item={{ label: '', value: typeof at === 'number' ? format(at) : '' }} isPinned={pinned} />
            <VizTooltipContent
              items={items}
              isPinned={pinned}
              scrollable={isTooltipScrollable({ mode, maxHeight: options?.maxHeight })}
              maxHeight={options?.maxHeight}
            />
            {links.length > 0 && <VizTooltipFooter dataLinks={links} />}
          </VizTooltipWrapper>
        );
      }}
    />
  );
}
