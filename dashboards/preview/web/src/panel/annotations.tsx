// Annotations on time series: a dashed line each, with a mark under the axis that tells what it is.
import { FieldType, textUtil, type DataFrame, type GrafanaTheme2, type TimeRange } from '@grafana/data';
import { Tooltip, type UPlotConfigBuilder } from '@grafana/ui';
import { useLayoutEffect, useRef, useState } from 'react';
import { createPortal } from 'react-dom';
import type uPlot from 'uplot';
import { format } from '../time';

export interface Annotation {
  time: number;
  timeEnd?: number;
  title: string;
  text: string;
  tags: string[];
  color: string;
}

interface Props {
  config: UPlotConfigBuilder;
  frames: DataFrame[];
  range: TimeRange;
  theme: GrafanaTheme2;
}

interface Mark {
  left: number;
  width: number;
  annotation: Annotation;
}

/** annotationsOf reads the rows of annotation frames: time, timeEnd, title, text, tags. */
export function annotationsOf(frames: DataFrame[]): Annotation[] {
  return frames.flatMap((frame) => {
    const field = (...names: string[]) => frame.fields.find((f) => names.includes(f.name.toLowerCase()));
    const time = field('time') ?? frame.fields.find((f) => f.type === FieldType.time);
    if (!time) return [];
    const [end, title, text, tags] = [field('timeend'), field('title'), field('text'), field('tags')];
    const color = (frame.meta?.custom?.color as string | undefined) ?? 'blue';
    return Array.from({ length: frame.length }, (_, row) => ({
      time: Number(time.values[row]),
      timeEnd: end ? Number(end.values[row]) || undefined : undefined,
      title: String(title?.values[row] ?? ''),
      text: String(text?.values[row] ?? ''),
      tags: tagsOf(tags?.values[row]),
      color,
    }));
  });
}

export function AnnotationPlugin({ config, frames, range, theme }: Props) {
  const plot = useRef<uPlot>(null);
  const [marks, setMarks] = useState<Mark[]>([]);
  const annotations = useRef<Annotation[]>([]);
  const from = range.from.valueOf();
  const to = range.to.valueOf();
  annotations.current = annotationsOf(frames).filter((a) => (a.timeEnd ?? a.time) >= from && a.time <= to);

  useLayoutEffect(() => {
    config.addHook('init', (u) => {
      plot.current = u;
    });
    config.addHook('draw', (u) => {
      plot.current = u;
      drawLines(u, annotations.current, theme);
      setMarks((old) => {
        const next = place(u, annotations.current);
        return JSON.stringify(old) === JSON.stringify(next) ? old : next;
      });
    });
  }, [config, theme]);

  if (!plot.current || marks.length === 0) return null;
  const { over } = plot.current;
  // Not inside the plot's own layer: that one takes the mouse for zooming.
  return createPortal(
    <div className="annotations" style={{ left: over.offsetLeft, top: over.offsetTop + over.offsetHeight, width: over.offsetWidth }}>
      {marks.map(({ left, width, annotation }, i) => (
        <Tooltip key={i} content={<Card annotation={annotation} />} placement="top">
          <button
            type="button"
            className={annotation.timeEnd ? 'annotation span' : 'annotation'}
            aria-label={annotation.title || annotation.text}
            style={{ left, width: annotation.timeEnd ? width : undefined, color: theme.visualization.getColorByName(annotation.color) }}
          />
        </Tooltip>
      ))}
    </div>,
    plot.current.root.querySelector('.u-wrap') ?? plot.current.root,
  );
}

function Card({ annotation }: { annotation: Annotation }) {
  const { time, timeEnd, title, text, tags } = annotation;
  return (
    <div className="annotation-card">
      <div className="when">{format(time)}{timeEnd ? ` to ${format(timeEnd)}` : ''}</div>
      {title && <strong>{title}</strong>}
      {text && <div dangerouslySetInnerHTML={{ __html: textUtil.sanitize(text) }} />}
      {tags.length > 0 && <div className="tags">{tags.map((tag) => <span key={tag}>{tag}</span>)}</div>}
    </div>
  );
}

// More lines than these would hide what they cross; the marks below the plot stay.
const mostLines = 12;

function drawLines(u: uPlot, annotations: Annotation[], theme: GrafanaTheme2): void {
  if (annotations.length > mostLines) return;
  const { ctx, bbox } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.setLineDash([5 * devicePixelRatio, 5 * devicePixelRatio]);
  ctx.lineWidth = devicePixelRatio;
  for (const { time, timeEnd, color } of annotations) {
    const shade = theme.visualization.getColorByName(color);
    const line = (at: number) => {
      const x = Math.round(u.valToPos(at, 'x', true));
      ctx.strokeStyle = shade;
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      return x;
    };
    const left = line(time);
    if (timeEnd === undefined) continue;
    const right = line(timeEnd);
    ctx.globalAlpha = 0.1;
    ctx.fillStyle = shade;
    ctx.fillRect(left, bbox.top, right - left, bbox.height);
    ctx.globalAlpha = 1;
  }
  ctx.restore();
}

function place(u: uPlot, annotations: Annotation[]): Mark[] {
  const width = u.over.offsetWidth;
  return annotations.map((annotation) => {
    const left = Math.max(0, u.valToPos(annotation.time, 'x'));
    const right = annotation.timeEnd === undefined ? left : Math.min(width, u.valToPos(annotation.timeEnd, 'x'));
    return { left, width: right - left, annotation };
  });
}

function tagsOf(value: unknown): string[] {
  const list = Array.isArray(value) ? value.map(String) : String(value ?? '').split(',');
  return list.map((tag) => tag.trim()).filter((tag) => tag !== '');
}
