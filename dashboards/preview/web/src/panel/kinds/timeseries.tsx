import { compareArrayValues, compareDataFrameStructures, FieldType, type DataFrame } from '@grafana/data';
import { preparePlotFrame, TimeSeries, XAxisInteractionAreaPlugin } from '@grafana/ui';
import type { VizLegendOptions, VizTooltipOptions } from '@grafana/schema';
import { useRef, type ComponentProps } from 'react';
import type uPlot from 'uplot';
import { fixed, timeZone } from '../../time';
import { AnnotationPlugin } from '../annotations';
import { SeriesTooltip } from '../tooltip';
import { options, type KindProps } from './kind';

interface Options {
  legend: VizLegendOptions;
  tooltip: VizTooltipOptions;
}

export function TimeSeriesKind({ panel, frames, loaded, width, height, theme, onZoom }: KindProps) {
  const { legend, tooltip } = options<Options>(panel);
  const graphed = frames
    .map((frame) => ({ ...frame, fields: frame.fields.filter((f) => f.type === FieldType.time || f.type === FieldType.number) }))
    .filter((frame) => frame.fields.some((f) => f.type === FieldType.time) && frame.fields.length > 1);
  const revision = useStructureRevision(graphed);
  const zoom = (range: { from: number; to: number }) => onZoom(fixed(range.from, range.to));
  return (
    <TimeSeries
      frames={graphed}
      structureRev={revision}
      width={width}
      height={height}
      timeRange={loaded.range}
      timeZone={timeZone}
      legend={legend as VizLegendOptions}
      options={panel.options}
      preparePlotFrame={prepare}
    >
      {(config, aligned) => {
        config.setPadding(room);
        return (
          <>
            <XAxisInteractionAreaPlugin config={config} queryZoom={zoom} />
            {tooltip?.mode !== 'none' && <SeriesTooltip config={config} frame={aligned} options={tooltip} onZoom={zoom} />}
            {loaded.annotations.length > 0 && <AnnotationPlugin config={config} frames={loaded.annotations} range={loaded.range} theme={theme} />}
          </>
        );
      }}
    </TimeSeries>
  );
}

// The first and the last label of the time axis are centred on their ticks, half beside the plot, and as long as "28 Mar 00:00":
// top, right, bottom, left.
const half = 42;
const room: uPlot.Padding = [null, (_plot, _side, [, right]) => (right ? 0 : half), null, (_plot, _side, [, , , left]) => (left ? 14 : half)];

// preparePlotFrame lengthens the arrays of bars in place: it gets copies, so that the panel's data stay as they are.
// The declared type lacks the range, which it is called with.
const prepare = ((frames, dimensions, range) =>
  preparePlotFrame(frames.map(copy), dimensions, range)) satisfies typeof preparePlotFrame as ComponentProps<typeof TimeSeries>['preparePlotFrame'];

function copy(frame: DataFrame): DataFrame {
  return { ...frame, fields: frame.fields.map((f) => ({ ...f, values: [...(f.values as unknown[])] })) };
}

// A plot is built anew when its series or their configuration change, else it only gets new data and keeps its cursor.
function useStructureRevision(frames: DataFrame[]): number {
  const last = useRef<{ frames: DataFrame[]; revision: number }>({ frames: [], revision: 0 });
  if (last.current.frames !== frames) {
    const same = compareArrayValues(last.current.frames, frames, compareDataFrameStructures);
    last.current = { frames, revision: last.current.revision + (same ? 0 : 1) };
  }
  return last.current.revision;
}
