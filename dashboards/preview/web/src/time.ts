// Time ranges: as written, as resolved, as described. Everything is UTC.
import { dateMath, dateTimeFormat, dateTimeForTimeZone, rangeUtil, toUtc, type TimeRange } from '@grafana/data';
import type { QuickRange, RawRange } from './types';

export const timeZone = 'utc';

export const fallbackRange: RawRange = { from: 'now-6h', to: 'now' };

export const quickRanges: QuickRange[] = [
  ['Last 5 minutes', 'now-5m'], ['Last 15 minutes', 'now-15m'], ['Last 30 minutes', 'now-30m'], ['Last 1 hour', 'now-1h'],
  ['Last 3 hours', 'now-3h'], ['Last 6 hours', 'now-6h'], ['Last 12 hours', 'now-12h'], ['Last 24 hours', 'now-24h'],
  ['Last 2 days', 'now-2d'], ['Last 7 days', 'now-7d'], ['Last 30 days', 'now-30d'], ['Last 90 days', 'now-90d'],
  ['Last 6 months', 'now-6M'], ['Last 1 year', 'now-1y'], ['Last 2 years', 'now-2y'], ['Last 5 years', 'now-5y'],
  ['Yesterday', 'now-1d/d', 'now-1d/d'], ['Today so far', 'now/d'], ['Today', 'now/d', 'now/d'],
  ['This week so far', 'now/w'], ['Previous week', 'now-1w/w', 'now-1w/w'], ['This month so far', 'now/M'],
  ['Previous month', 'now-1M/M', 'now-1M/M'], ['This year so far', 'now/y'], ['Previous year', 'now-1y/y', 'now-1y/y'],
].map(([display = '', from = '', to = 'now']) => ({ display, from, to }));

export const refreshIntervals = ['5s', '10s', '30s', '1m', '5m', '15m', '30m', '1h'];

/**
 * instant reads one end of a range: `now`, `now-6h`, `now/d`, epoch milliseconds, or a date and time in UTC, whole or down
 * to what is given. An end that names a whole unit (`now/d`, `2026-11-23`) means its last millisecond if it is the upper.
 * It is undefined when the text is none of these.
 */
export function instant(text: string, upper: boolean, now: number): number | undefined {
  const value = text.trim();
  if (/^-?\d{5,}$/.test(value)) return within(Number(value));
  if (value.startsWith('now')) {
    const resolved = dateMath.toDateTime(value, { roundUp: upper, timezone: timeZone, now: toUtc(now) });
    return resolved?.isValid() ? within(resolved.valueOf()) : undefined;
  }
  const match = /^(\d{4})-(\d{2})(?:-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3}))?)?(Z|[+-]\d{2}:?\d{2})?)?)?$/.exec(value);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '', offset = 'Z'] = match;
  const parts = [Number(year), Number(month) - 1, Number(day ?? 1), Number(hour ?? 0), Number(minute ?? 0), Number(second ?? 0)] as const;
  const millis = Number(fraction.padEnd(3, '0'));
  const at = new Date(0);
  at.setUTCFullYear(parts[0], parts[1], parts[2]);
  at.setUTCHours(parts[3], parts[4], parts[5], millis);
  // A 31st of June or a 25th hour would roll over to another time than the one written.
  if (at.getUTCMonth() !== parts[1] || at.getUTCDate() !== parts[2] || at.getUTCHours() !== parts[3] || parts[4] > 59 || parts[5] > 59) {
    return undefined;
  }
  let ms = at.valueOf();
  if (upper && hour === undefined) {
    ms = (day === undefined ? Date.UTC(parts[0], parts[1] + 1, 1) : ms + 86_400_000) - 1;
  }
  if (offset !== 'Z') {
    const sign = offset.startsWith('-') ? -1 : 1;
    const digits = offset.replace(/\D/g, '');
    ms -= sign * (Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2))) * 60_000;
  }
  return ms;
}

// The years 1 to 9999, which the server takes.
function within(ms: number): number | undefined {
  return ms >= -62_135_596_800_000 && ms < 253_402_300_800_000 ? ms : undefined;
}

/** resolve turns a written range into one of instants; what cannot be read, or is empty, becomes the last six hours. */
export function resolve(raw: RawRange, now: number): TimeRange {
  let from = instant(raw.from, false, now);
  let to = instant(raw.to, true, now);
  let written = raw;
  if (from === undefined || to === undefined || from >= to) {
    written = fallbackRange;
    from = now - 6 * 3_600_000;
    to = now;
  }
  return { from: toUtc(from), to: toUtc(to), raw: { from: rawEnd(written.from, from), to: rawEnd(written.to, to) } };
}

/** problem says what is wrong with a range somebody typed, or nothing. */
export function problem(raw: RawRange, now: number): string | undefined {
  const from = instant(raw.from, false, now);
  const to = instant(raw.to, true, now);
  if (from === undefined || to === undefined) {
    const bad = from === undefined ? raw.from : raw.to;
    return `Cannot read "${bad}". Write now-6h, now/d, or a UTC time such as 2026-11-23 08:00:00.`;
  }
  return from >= to ? 'The range ends before it begins.' : undefined;
}

/** describe names a range as Grafana does: `Last 6 hours`, or both ends in UTC. */
export function describe(range: TimeRange, quick: QuickRange[]): string {
  return rangeUtil.describeTimeRange(range.raw, timeZone, quick.map((q) => ({ ...q })));
}

export function format(ms: number): string {
  return dateTimeFormat(ms, { timeZone });
}

/** shift moves a range by half its length, zoom widens it to the factor around its middle; both give fixed ends. */
export function shift(range: TimeRange, direction: -1 | 1): RawRange {
  const half = Math.round((range.to.valueOf() - range.from.valueOf()) / 2);
  return fixed(range.from.valueOf() + direction * half, range.to.valueOf() + direction * half);
}

export function zoom(range: TimeRange, factor: number): RawRange {
  const from = range.from.valueOf();
  const to = range.to.valueOf();
  const pad = ((to - from) * (factor - 1)) / 2;
  return fixed(from - pad, to + pad);
}

export function fixed(from: number, to: number): RawRange {
  return { from: String(Math.round(from)), to: String(Math.round(to)) };
}

/**
 * step is the interval of a query as Grafana computes it: the range over the number of points, rounded to a nice value,
 * but not under the panel's minimum (`1m`, `>1m`; anything else counts as none).
 */
export function step(range: TimeRange, points: number, minimum: string | undefined): number {
  try {
    return rangeUtil.calculateInterval(range, Math.max(1, points), minimum?.replace(/^>/, '') || undefined).intervalMs;
  } catch {
    return rangeUtil.calculateInterval(range, Math.max(1, points)).intervalMs;
  }
}

/** milliseconds of `5s`, `1m`, `1h`; 0 for what is none. */
export function duration(text: string | undefined): number {
  if (!text) return 0;
  try {
    return rangeUtil.intervalToMs(text);
  } catch {
    return 0;
  }
}

/** axisFormat picks the format of time labels by how much time one label stands for. */
export function axisFormat(spanMs: number, labels: number): string {
  const per = spanMs / Math.max(1, labels);
  if (spanMs < 60_000 || per < 1000) return 'HH:mm:ss';
  if (spanMs <= 86_400_000) return per < 60_000 ? 'HH:mm:ss' : 'HH:mm';
  if (per < 43_200_000) return 'D MMM HH:mm';
  return spanMs < 300 * 86_400_000 ? 'D MMM' : spanMs < 4 * 366 * 86_400_000 ? 'YYYY-MM' : 'YYYY';
}

function rawEnd(text: string, ms: number): string | TimeRange['from'] {
  return text.startsWith('now') ? text : dateTimeForTimeZone(timeZone, ms);
}
