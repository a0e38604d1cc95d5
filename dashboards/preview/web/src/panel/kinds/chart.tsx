// ECharts in a panel: one chart that lives as long as the panel, its tooltip and its links.
import type { GrafanaTheme2, LinkModel } from '@grafana/data';
import { useEffect, useLayoutEffect, useRef } from 'react';
import type * as Library from '../../echarts/index';
import { fixed } from '../../time';
import type { RawRange } from '../../types';

// The second bundle, by its address on the server: a name in a variable is none that the build would follow.
const address = '/assets/echarts.js';

let library: typeof Library | undefined;

/** loadCharts fetches the library once; a panel is not ready to be drawn before. */
export async function loadCharts(): Promise<void> {
  library ??= (await import(address)) as typeof Library;
}

export function charts(): typeof Library {
  if (!library) throw new Error('the chart library is not loaded');
  return library;
}

/** Item is what the chart tells of the thing under the mouse. */
export interface Item {
  componentType?: string;
  seriesIndex?: number;
  dataIndex: number;
  name?: string;
  value?: unknown;
  color?: unknown;
}

interface Props {
  width: number;
  height: number;
  theme: GrafanaTheme2;
  option: Record<string, unknown>;
  /** The tooltip of an item, or of all items at a place of the axis. */
  tip?: (items: Item[]) => Tip | undefined;
  axisTip?: boolean;
  links?: (item: Item) => LinkModel[];
  /** Given for charts over time: dragging sets the range. */
  onZoom?: (range: RawRange) => void;
}

export interface Tip {
  title: string;
  rows: Array<{ label: string; value: string; color?: string; active?: boolean }>;
  note?: string;
}

export function Chart({ width, height, theme, option, tip, axisTip, links, onZoom }: Props) {
  const root = useRef<HTMLDivElement>(null);
  const chart = useRef<Library.Chart>(null);
  const handlers = useRef({ tip, links, onZoom });
  handlers.current = { tip, links, onZoom };

  useLayoutEffect(() => {
    const made = charts().init(root.current, null, { renderer: 'canvas' });
    chart.current = made;
    made.on('click', (event) => {
      const found = handlers.current.links?.(event as Item) ?? [];
      if (found[0]) openLink(found[0]);
    });
    return () => {
      made.dispose();
      chart.current = null;
    };
  }, []);

  useLayoutEffect(() => {
    const bounds = { width: Math.max(1, width), height: Math.max(1, height) };
    if (chart.current && (chart.current.getWidth() !== bounds.width || chart.current.getHeight() !== bounds.height)) {
      chart.current.resize(bounds);
    }
  }, [width, height]);

  useLayoutEffect(() => {
    chart.current?.setOption({
      animation: false,
      useUTC: true,
      textStyle: { fontFamily: theme.typography.fontFamily, fontSize: 12 },
      tooltip: {
        show: tip !== undefined,
        trigger: axisTip ? 'axis' : 'item',
        axisPointer: { type: 'shadow', shadowStyle: { color: theme.colors.action.hover } },
        appendTo: 'body',
        className: 'chart-tip',
        padding: 0,
        borderWidth: 0,
        backgroundColor: 'transparent',
        extraCssText: 'box-shadow: none;',
        transitionDuration: 0,
        formatter: (given: Item | Item[]) => {
          const shown = handlers.current.tip?.(Array.isArray(given) ? given : [given]);
          return shown ? element(shown) : '';
        },
      },
      ...option,
    }, { notMerge: true });
  }, [option, theme, axisTip, tip === undefined]);

  useEffect(() => (onZoom && chart.current ? dragToZoom(chart.current, (range) => handlers.current.onZoom?.(range)) : undefined), [onZoom === undefined]);

  return <div ref={root} className={onZoom ? 'chart zoomable' : 'chart'} style={{ width, height }} />;
}

/** openLink follows a link as a click on it would. */
export function openLink(link: LinkModel): void {
  const anchor = document.createElement('a');
  anchor.href = link.href;
  if (link.target) anchor.target = link.target;
  anchor.rel = 'noreferrer';
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
}

/** axisStyle is how axes look in Grafana. */
export function axisStyle(theme: GrafanaTheme2, grid: boolean) {
  return {
    axisLine: { show: false, lineStyle: { color: theme.colors.border.medium } },
    axisTick: { show: false },
    axisLabel: { color: theme.colors.text.primary, fontSize: 12, hideOverlap: true },
    splitLine: { show: grid, lineStyle: { color: theme.isDark ? 'rgba(240, 250, 255, 0.09)' : 'rgba(0, 10, 23, 0.09)' } },
  };
}

export const plotArea = { left: 4, right: 12, top: 10, bottom: 4, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' };

// Built of elements, not of text: names come from the data.
function element({ title, rows, note }: Tip): HTMLElement {
  const box = document.createElement('div');
  box.className = 'tip';
  const add = (parent: HTMLElement, className: string, text: string) => {
    const child = parent.appendChild(document.createElement('div'));
    child.className = className;
    child.textContent = text;
    return child;
  };
  if (title) add(box, 'tip-title', title);
  for (const row of rows) {
    const line = add(box, row.active ? 'tip-row active' : 'tip-row', '');
    const mark = add(line, 'tip-mark', '');
    if (row.color) mark.style.background = row.color;
    else mark.style.display = 'none';
    add(line, 'tip-label', row.label);
    add(line, 'tip-value', row.value);
  }
  if (note) add(box, 'tip-note', note);
  return box;
}

// Dragging over a chart whose x axis is time draws a band and gives its range.
function dragToZoom(chart: Library.Chart, done: (range: RawRange) => void): () => void {
  const dom = chart.getDom();
  let start: number | undefined;
  let band: HTMLElement | undefined;
  const place = (event: MouseEvent) => event.clientX - dom.getBoundingClientRect().left;
  const down = (event: MouseEvent) => {
    const x = place(event);
    if (event.button !== 0 || !chart.containPixel('grid', [x, event.clientY - dom.getBoundingClientRect().top])) return;
    start = x;
    event.preventDefault();
  };
  const move = (event: MouseEvent) => {
    if (start === undefined) return;
    if (!band) {
      band = dom.appendChild(document.createElement('div'));
      band.className = 'zoom-band';
    }
    band.style.left = `${Math.min(start, place(event))}px`;
    band.style.width = `${Math.abs(place(event) - start)}px`;
  };
  const up = (event: MouseEvent) => {
    if (start === undefined) return;
    const [from, to] = [start, place(event)].sort((a, b) => a - b) as [number, number];
    start = undefined;
    band?.remove();
    band = undefined;
    if (to - from < 5) return;
    const time = (x: number) => Number((chart.convertFromPixel({ xAxisIndex: 0 }, x) as unknown));
    done(fixed(time(from), time(to)));
  };
  dom.addEventListener('mousedown', down);
  window.addEventListener('mousemove', move);
  window.addEventListener('mouseup', up);
  return () => {
    dom.removeEventListener('mousedown', down);
    window.removeEventListener('mousemove', move);
    window.removeEventListener('mouseup', up);
  };
}
