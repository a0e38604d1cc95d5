// Where panels stand: Grafana's grid of 24 columns, 30 px a unit of height, 8 px between; one column when narrow.
import type { PanelModel } from './types';

export const narrowBelow = 700;
const columns = 24;
const unit = 30;
const gap = 8;

export interface Placed {
  panel: PanelModel;
  left: number;
  top: number;
  width: number;
  height: number;
}

export interface Row {
  panel: PanelModel;
  collapsed: boolean;
  /** Panels under it, shown or not. */
  count: number;
  top: number;
  width: number;
}

export interface Layout {
  panels: Placed[];
  rows: Row[];
  height: number;
}

interface Section {
  row?: PanelModel;
  panels: PanelModel[];
}

/** sections splits panels by row, in order of place. A collapsed row keeps its panels inside, an open one before it. */
export function sections(panels: PanelModel[]): Section[] {
  const ordered = [...panels].sort((a, b) => a.gridPos.y - b.gridPos.y || a.gridPos.x - b.gridPos.x);
  const result: Section[] = [{ panels: [] }];
  for (const panel of ordered) {
    if (panel.type === 'row') result.push({ row: panel, panels: [...(panel.panels ?? [])] });
    else result[result.length - 1]!.panels.push(panel);
  }
  for (const section of result) section.panels.sort((a, b) => a.gridPos.y - b.gridPos.y || a.gridPos.x - b.gridPos.x);
  return result;
}

/** layout places the panels in a page of this width; toggled names the rows that stand otherwise than saved. */
export function layout(panels: PanelModel[], width: number, toggled: ReadonlySet<number>): Layout {
  const result: Layout = { panels: [], rows: [], height: 0 };
  const narrow = width < narrowBelow;
  const column = (width - (columns - 1) * gap) / columns;
  let top = 0;
  for (const { row, panels: members } of sections(panels)) {
    if (row) {
      const collapsed = (row.collapsed ?? false) !== toggled.has(row.id);
      result.rows.push({ panel: row, collapsed, count: members.length, top, width });
      top += unit + gap;
      if (collapsed) continue;
    }
    if (narrow) {
      for (const panel of members) {
        const height = span(panel.gridPos.h + more(panel, width));
        result.panels.push({ panel, left: 0, top, width, height });
        top += height + gap;
      }
      continue;
    }
    const first = Math.min(...members.map((p) => p.gridPos.y));
    let end = top;
    for (const panel of members) {
      const { x, y, w, h } = panel.gridPos;
      const placed = { panel, left: x * (column + gap), top: top + (y - first) * (unit + gap), width: w * column + (w - 1) * gap, height: span(h) };
      result.panels.push(placed);
      end = Math.max(end, placed.top + placed.height + gap);
    }
    top = end;
  }
  result.height = Math.max(0, top - gap);
  return result;
}

/** findPanel looks in collapsed rows too. */
export function findPanel(panels: PanelModel[], id: number | undefined): PanelModel | undefined {
  if (id === undefined) return undefined;
  return panels.flatMap((p) => [p, ...(p.panels ?? [])]).find((p) => p.id === id && p.type !== 'row');
}

// more is by how many units a panel is higher where it has the narrow page alone: figures that stand side by side in a wide panel
// stand in rows there (see Repeated), and a legend takes more lines.
function more({ type, gridPos: { w } }: PanelModel, width: number): number {
  if (type === 'stat') return 3 * (Math.min(3, Math.max(1, Math.round((w * easy) / width))) - 1);
  return legends.has(type) ? 3 : 0;
}

const legends: ReadonlySet<string> = new Set(['timeseries', 'piechart']);
// What a column of the grid has on the narrowest page on which a wide panel is easy to read.
const easy = 1420 / columns;

function span(units: number): number {
  return units * unit + (units - 1) * gap;
}
