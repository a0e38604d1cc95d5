// From the answer of a query to frames that can be drawn: decoded, transformed, and with the panel's field configuration.
import {
  applyFieldOverrides, dataFrameFromJSON, FieldType, transformDataFrame,
  type DataFrame, type Field, type GrafanaTheme2, type TimeRange,
} from '@grafana/data';
import { lastValueFrom } from 'rxjs';
import type { Interpolate } from '../interpolate';
import { safeUrl } from '../links';
import { timeZone } from '../time';
import type { PanelModel, QueryResult } from '../types';
import { registryFor } from './registry';

/** Loaded is what a panel got for a time range; it is drawn with that range until there is something newer. */
export interface Loaded {
  frames: DataFrame[];
  annotations: DataFrame[];
  range: TimeRange;
  interpolate: Interpolate;
  statements: Statement[];
}

export interface Statement {
  refId: string;
  sql: string;
  error: string;
  tookMs?: number;
  rows: number;
}

export function statementsOf(results: QueryResult[]): Statement[] {
  return results.map((result) => ({
    refId: result.refId,
    sql: result.sql ?? '',
    error: result.error ?? '',
    tookMs: result.tookMs,
    rows: (result.frames ?? []).reduce((sum, frame) => sum + (frame.data?.values[0]?.length ?? 0), 0),
  }));
}

/** decode gives new frames at each call: reducers keep their results in the fields, so frames are not to be shared. */
export function decode(results: QueryResult[]): DataFrame[] {
  return results.flatMap((result) => (result.frames ?? []).map((json) => {
    const frame = dataFrameFromJSON(json);
    frame.refId ??= result.refId;
    return inOrder(frame);
  }));
}

export async function transform(panel: PanelModel, frames: DataFrame[], interpolate: Interpolate): Promise<DataFrame[]> {
  const steps = panel.transformations ?? [];
  if (steps.length === 0) return frames;
  return lastValueFrom(transformDataFrame(steps, frames, { interpolate: (text: string) => interpolate(text) }));
}

/** configure applies units, colours, overrides and links; hidden series stay, marked as not to be drawn. */
export function configure(panel: PanelModel, loaded: Loaded, theme: GrafanaTheme2, hidden: (field: Field, frame: DataFrame, frames: DataFrame[]) => boolean): DataFrame[] {
  const frames = applyFieldOverrides({
    data: loaded.frames,
    fieldConfig: panel.fieldConfig,
    fieldConfigRegistry: registryFor(panel.fieldConfig),
    replaceVariables: loaded.interpolate,
    theme,
    timeZone,
    dataLinkPostProcessor: ({ linkModel }) => ({ ...linkModel, href: safeUrl(linkModel.href) }),
  });
  for (const frame of frames) {
    for (const field of frame.fields) {
      if (field.type === FieldType.time || !hidden(field, frame, frames)) continue;
      const custom = (field.config.custom ?? {}) as { hideFrom?: object };
      field.config = { ...field.config, custom: { ...custom, hideFrom: { ...custom.hideFrom, viz: true } } };
    }
  }
  return frames;
}

/** isEmpty tells whether there is anything to draw. */
export function isEmpty(panel: PanelModel, frames: DataFrame[]): boolean {
  if (panel.type === 'text') return false;
  const filled = frames.filter((frame) => frame.length > 0 && frame.fields.length > 0);
  if (filled.length === 0) return true;
  const some = (want: (field: Field) => boolean) => filled.some((frame) => frame.fields.some(want));
  const valued = (field: Field) => (field.values as unknown[]).some((v) => v !== null && v !== undefined);
  switch (panel.type) {
    case 'timeseries': case 'heatmap':
      return !some((f) => f.type === FieldType.time) || !some((f) => f.type === FieldType.number && valued(f));
    case 'state-timeline': return !some((f) => f.type === FieldType.time);
    // Which fields count can be an option of these.
    case 'stat': case 'gauge': case 'bargauge': return !some((f) => f.type !== FieldType.time && valued(f));
    case 'piechart': return !some((f) => f.type === FieldType.number && valued(f));
    default: return false;
  }
}

// Charts join by time and take it for granted that it rises.
function inOrder(frame: DataFrame): DataFrame {
  const first = frame.fields[0];
  if (!first || first.type !== FieldType.time || frame.fields.some((f) => f.type === FieldType.string)) return frame;
  const times = first.values as number[];
  if (times.every((t, i) => i === 0 || t >= times[i - 1]!)) return frame;
  const order = times.map((_, i) => i).sort((a, b) => times[a]! - times[b]!);
  return { ...frame, fields: frame.fields.map((f) => ({ ...f, values: order.map((i) => f.values[i] as unknown) })) };
}
