import type { DataFrame } from '@grafana/data';
import type { TableCellHeight } from '@grafana/schema';
import { TableNG } from '@grafana/ui/unstable';
import { useState } from 'react';
import type { Statement } from '../data';
import { Edges } from '../edges';
import { options, type KindProps } from './kind';

interface Options {
  showHeader: boolean;
  cellHeight: TableCellHeight;
  frameIndex: number;
  sortBy: Array<{ displayName: string; desc?: boolean }>;
  enablePagination: boolean;
}

export function TableKind({ panel, frames, loaded, width, height }: KindProps) {
  const o = options<Options>(panel);
  const [picked, setPicked] = useState(o.frameIndex ?? 0);
  const filled = frames.filter((frame) => frame.fields.length > 0);
  const at = picked < filled.length ? picked : 0;
  const frame = filled[at];
  if (!frame) return null;
  const chooser = filled.length > 1 ? 40 : 0;
  const cut = isCut(frame.length, loaded.statements) ? 24 : 0;
  return (
    <div style={{ width, height }}>
      <Edges>
        <TableNG
          data={frame}
          width={width}
          height={height - chooser - cut}
          noHeader={o.showHeader === false}
          cellHeight={o.cellHeight}
          sortBy={o.sortBy}
          enablePagination={o.enablePagination}
          fieldConfig={panel.fieldConfig}
          noValue={panel.fieldConfig.defaults.noValue}
          timeRange={loaded.range}
          transparent={panel.transparent}
        />
      </Edges>
      {cut > 0 && <div className="table-cut">The first {frame.length.toLocaleString('en')} rows: there may be more.</div>}
      {chooser > 0 && (
        <select className="frame-chooser" value={at} onChange={(event) => setPicked(Number(event.target.value))} aria-label="Table">
          {filled.map((other, i) => <option key={i} value={i}>{frameName(other, i)}</option>)}
        </select>
      )}
    </div>
  );
}

// A table of the first few says so in its title; one of hundreds looks like all of them.
function isCut(rows: number, statements: Statement[]): boolean {
  return rows >= 100 && statements.some(({ sql }) => new RegExp(`\\blimit ${rows}\\b`, 'i').test(sql));
}

function frameName(frame: DataFrame, index: number): string {
  return frame.name ?? frame.refId ?? `Series ${index + 1}`;
}
