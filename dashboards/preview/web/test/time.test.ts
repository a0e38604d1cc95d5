import assert from 'node:assert/strict';
import test from 'node:test';
import { axisFormat, describe, duration, fixed, instant, problem, quickRanges, resolve, shift, step, zoom } from '../src/time';

const now = Date.UTC(2026, 10, 25, 14, 30, 15, 250); // a Wednesday
const at = (text: string, upper = false) => {
  const ms = instant(text, upper, now);
  return ms === undefined ? undefined : new Date(ms).toISOString();
};

test('ends of a range', () => {
  assert.equal(at('now'), '2026-11-25T14:30:15.250Z');
  assert.equal(at('now-6h'), '2026-11-25T08:30:15.250Z');
  assert.equal(at('now/d'), '2026-11-25T00:00:00.000Z');
  assert.equal(at('now/d', true), '2026-11-25T23:59:59.999Z');
  assert.equal(at('now-1d/d', true), '2026-11-24T23:59:59.999Z');
  assert.equal(at('now-1M/M'), '2026-10-01T00:00:00.000Z');
  assert.equal(at('now+1h'), '2026-11-25T15:30:15.250Z');
  assert.equal(at('1764000000000'), '2025-11-24T16:00:00.000Z');
  assert.equal(at('-62000000'), '1969-12-31T06:46:40.000Z');
  assert.equal(at('2026-11-23'), '2026-11-23T00:00:00.000Z');
  assert.equal(at('2026-11-23', true), '2026-11-23T23:59:59.999Z');
  assert.equal(at('2026-02', true), '2026-02-28T23:59:59.999Z');
  assert.equal(at(' 2026-11-23 08:05 '), '2026-11-23T08:05:00.000Z');
  assert.equal(at('2026-11-23 08:05:06', true), '2026-11-23T08:05:06.000Z');
  assert.equal(at('2026-11-23T08:05:06.7Z'), '2026-11-23T08:05:06.700Z');
  assert.equal(at('2026-11-23T08:05:06+02:00'), '2026-11-23T06:05:06.000Z');
  assert.equal(at('2026-11-23T08:05:06-0330'), '2026-11-23T11:35:06.000Z');
});

test('what is no time', () => {
  for (const text of ['', 'yesterday', 'now-', 'now-6x', 'nowhere', '12', '2026-13-01', '999999999999999', '2026-02-30', '2026-11-23 25:00', '2026-11-23 10:61', "2026-11-23'; DROP"]) {
    assert.equal(at(text), undefined, text);
  }
});

test('a range that cannot be read is the last six hours', () => {
  for (const raw of [{ from: 'x', to: 'now' }, { from: 'now', to: 'now-1h' }, { from: 'now', to: 'now' }]) {
    const range = resolve(raw, now);
    assert.equal(range.to.valueOf() - range.from.valueOf(), 6 * 3_600_000);
    assert.equal(range.raw.from, 'now-6h');
  }
});

test('forty years are a range like another', () => {
  const range = resolve({ from: 'now-40y', to: 'now' }, now);
  assert.equal(range.from.toISOString(), '1986-11-25T14:30:15.250Z');
  assert.ok(step(range, 1000, '1m') >= 7 * 86_400_000);
});

test('what is wrong with a typed range is said', () => {
  assert.equal(problem({ from: 'now-1h', to: 'now' }, now), undefined);
  assert.match(problem({ from: 'now-1h', to: 'tomorrow' }, now) ?? '', /"tomorrow"/);
  assert.match(problem({ from: 'now', to: 'now-1h' }, now) ?? '', /ends before/);
});

test('a range is described as Grafana does', () => {
  const said = (from: string, to: string) => describe(resolve({ from, to }, now), quickRanges);
  assert.equal(said('now-6h', 'now'), 'Last 6 hours');
  assert.equal(said('now/d', 'now/d'), 'Today');
  assert.equal(said('now-13m', 'now'), 'Last 13 minutes');
  assert.equal(said('1764000000000', '1764021600000'), '2025-11-24 16:00:00 to 2025-11-24 22:00:00');
});

test('steps', () => {
  const range = resolve(fixed(1_764_000_000_000, 1_764_000_000_000 + 3_600_000), now);
  assert.deepEqual(shift(range, -1), { from: '1763998200000', to: '1764001800000' });
  assert.deepEqual(shift(range, 1), { from: '1764001800000', to: '1764005400000' });
  assert.deepEqual(zoom(range, 2), { from: '1763998200000', to: '1764005400000' });
});

test('the interval of a query', () => {
  const of = (hours: number, points: number, minimum?: string) => step(resolve(fixed(now - hours * 3_600_000, now), now), points, minimum);
  assert.equal(of(6, 1000), 20_000);
  assert.equal(of(6, 1000, '1m'), 60_000);
  assert.equal(of(6, 1000, '>1m'), 60_000);
  assert.equal(of(24 * 30, 800), 3_600_000);
  assert.equal(of(1, 0), 3_600_000);
  assert.equal(of(6, 1000, 'nonsense'), 20_000);
  assert.equal(of(6, 1000, ''), 20_000);
});

test('durations', () => {
  assert.deepEqual(['5s', '1m', '2h', '1d', '', 'off', undefined].map(duration), [5000, 60_000, 7_200_000, 86_400_000, 0, 0, 0]);
});

test('time labels', () => {
  const day = 86_400_000;
  assert.equal(axisFormat(30_000, 6), 'HH:mm:ss');
  assert.equal(axisFormat(day / 4, 6), 'HH:mm');
  assert.equal(axisFormat(2 * day, 6), 'D MMM HH:mm');
  assert.equal(axisFormat(30 * day, 6), 'D MMM');
  assert.equal(axisFormat(700 * day, 6), 'YYYY-MM');
  assert.equal(axisFormat(40 * 366 * day, 6), 'YYYY');
});
