import assert from 'node:assert/strict';
import test from 'node:test';
import { findPanel, layout } from '../src/grid';
import { complete } from '../src/panel/model';
import type { PanelModel } from '../src/types';

const panel = (id: number, x: number, y: number, w: number, h: number, part: Partial<PanelModel> = {}) =>
  complete({ id, type: 'stat', gridPos: { x, y, w, h }, ...part }, 0);
const row = (id: number, y: number, part: Partial<PanelModel> = {}) => panel(id, 0, y, 24, 1, { type: 'row', ...part });
const none = new Set<number>();
const tops = (panels: PanelModel[], toggled: ReadonlySet<number> = none, width = 1208) => {
  const { panels: placed, rows, height } = layout(panels, width, toggled);
  return { panels: Object.fromEntries(placed.map((p) => [p.panel.id, p.top])), rows: Object.fromEntries(rows.map((r) => [r.panel.id, r.top])), height };
};

test('columns and heights as in Grafana', () => {
  const { panels } = layout([panel(1, 0, 0, 12, 8), panel(2, 12, 0, 12, 8), panel(3, 0, 8, 24, 1)], 1208, none);
  assert.deepEqual(panels.map(({ left, top, width, height }) => [left, top, width, height]), [[0, 0, 600, 296], [608, 0, 600, 296], [0, 304, 1208, 30]]);
});

test('rows open and close, and what is under them moves', () => {
  const panels = [
    row(1, 0), panel(2, 0, 1, 12, 4), panel(3, 12, 1, 12, 6),
    row(4, 7, { collapsed: true, panels: [panel(5, 0, 8, 24, 2)] }),
    row(6, 8), panel(7, 0, 9, 24, 3),
  ];
  assert.deepEqual(tops(panels), { rows: { 1: 0, 4: 266, 6: 304 }, panels: { 2: 38, 3: 38, 7: 342 }, height: 342 + 3 * 38 - 8 });
  assert.deepEqual(tops(panels, new Set([1, 4])), { rows: { 1: 0, 4: 38, 6: 152 }, panels: { 5: 76, 7: 190 }, height: 190 + 3 * 38 - 8 });
  assert.deepEqual(layout(panels, 1208, none).rows.map((r) => r.count), [2, 1, 1]);
});

test('one column when narrow, in reading order', () => {
  const { panels } = layout([panel(2, 12, 0, 6, 4), panel(1, 0, 0, 6, 4), panel(3, 0, 4, 6, 2)], 400, none);
  assert.deepEqual(panels.map((p) => [p.panel.id, p.left, p.top, p.width]), [[1, 0, 0, 400], [2, 0, 152, 400], [3, 0, 304, 400]]);
});

test('when narrow, figures that were side by side and legends have room', () => {
  const heights = (panels: PanelModel[]) => layout(panels, 460, none).panels.map((p) => p.height);
  assert.deepEqual(heights([panel(1, 0, 0, 11, 4), panel(2, 0, 4, 12, 4), panel(3, 0, 8, 24, 4)]), [4, 7, 10].map((units) => units * 38 - 8));
  assert.deepEqual(heights([panel(1, 0, 0, 12, 8, { type: 'timeseries' }), panel(2, 0, 8, 8, 8, { type: 'piechart' }), panel(3, 0, 16, 24, 8, { type: 'table' })]), [11, 11, 8].map((units) => units * 38 - 8));
});

test('no panels, and panels in closed rows', () => {
  assert.deepEqual(tops([]), { rows: {}, panels: {}, height: 0 });
  const panels = [row(1, 0, { collapsed: true, panels: [panel(2, 0, 1, 4, 4)] })];
  assert.equal(findPanel(panels, 2)?.id, 2);
  assert.equal(findPanel(panels, 1), undefined);
  assert.equal(findPanel(panels, undefined), undefined);
});
