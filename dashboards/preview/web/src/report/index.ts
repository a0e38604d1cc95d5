// The script in the report of a load test: draws the charts that the page has places for. All else is in the page already.
import { CustomChart, LineChart, ScatterChart } from 'echarts/charts';
import { GridComponent, LegendComponent, MarkAreaComponent, MarkLineComponent, TooltipComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import { option } from './charts';
import { dark, light } from './theme';
import type { Data } from './types';

echarts.use([
  CustomChart, LineChart, ScatterChart, GridComponent, LegendComponent, MarkAreaComponent, MarkLineComponent, TooltipComponent, CanvasRenderer,
]);

interface Place {
  figure: HTMLElement;
  canvas: HTMLElement;
  chart: echarts.EChartsType;
}

const data = JSON.parse(document.getElementById('data')?.textContent ?? '') as Data;
const prefersDark = window.matchMedia('(prefers-color-scheme: dark)');
let printing = false;

const places: Place[] = [...document.querySelectorAll<HTMLElement>('figure[data-chart]')].map((figure) => {
  const caption = document.createElement('figcaption');
  caption.textContent = figure.dataset.title ?? '';
  const canvas = document.createElement('div');
  canvas.className = 'canvas';
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', `${caption.textContent}. The same figures are in a table.`);
  figure.append(caption, canvas);
  return { figure, canvas, chart: echarts.init(canvas) };
});

function draw({ figure, canvas, chart }: Place): void {
  const theme = prefersDark.matches && !printing ? dark : light;
  const wanted = { chart: figure.dataset.chart ?? '', index: Number(figure.dataset.index ?? 0), stage: figure.dataset.stage ?? '' };
  const wants = option(data, wanted, theme, canvas.clientWidth);
  if (!wants) {
    figure.hidden = true;
    return;
  }
  chart.setOption(wants, { notMerge: true });
}

function drawAll(): void {
  for (const place of places) {
    place.chart.resize();
    draw(place);
  }
}

drawAll();
for (const details of document.querySelectorAll('details')) details.open = false;
prefersDark.addEventListener('change', drawAll);
window.addEventListener('resize', drawAll);
for (const [event, on] of [['beforeprint', true], ['afterprint', false]] as const) {
  window.addEventListener(event, () => {
    printing = on;
    drawAll();
  });
}
document.body.dataset.reportState = 'ready';
