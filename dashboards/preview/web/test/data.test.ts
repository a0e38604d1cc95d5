import assert from 'node:assert/strict';
import test from 'node:test';
import { createTheme, FieldType, formattedValueToString, getFieldDisplayName, type DataFrameJSON } from '@grafana/data';
import { interpolator, type Interpolate } from '../src/interpolate';
import { annotationsOf } from '../src/panel/annotations';
import { toCsv } from '../src/panel/csv';
import { configure, decode, isEmpty, statementsOf, transform, type Loaded } from '../src/panel/data';
import { complete } from '../src/panel/model';
import { register } from '../src/panel/registry';
import { append, everything, isolate, isVisible } from '../src/panel/visibility';
import { fixed, resolve } from '../src/time';
import type { PanelModel } from '../src/types';

register();
const range = resolve(fixed(1_764_000_000_000, 1_764_021_600_000), 0);
const theme = createTheme({ colors: { mode: 'dark' } });
const interpolate: Interpolate = interpolator({ uid: 'u', title: 't', range, variables: [] });
const json = (fields: Array<[name: string, type: FieldType, values: unknown[], labels?: Record<string, string>]>): DataFrameJSON => ({
  schema: { refId: 'A', fields: fields.map(([name, type, , labels]) => ({ name, type, labels })) }, data: { values: fields.map(([, , values]) => values) },
});
const wide = json([
  ['time', FieldType.time, [1000, 2000, 3000]], ['value', FieldType.number, [1, null, 3], { model: 'a' }], ['value', FieldType.number, [10, 20, 30], { model: 'b' }],
]);
const panel = (part: Partial<PanelModel>) => complete({ id: 1, type: 'timeseries', ...part }, 0);
const loaded = (frames: DataFrameJSON[]): Loaded => ({ frames: decode([{ refId: 'A', frames }]), annotations: [], range, interpolate, statements: [] });

test('units, names, thresholds and overrides reach the fields', () => {
  const model = panel({
    fieldConfig: {
      defaults: { unit: 'ms', decimals: 1, custom: { axisLabel: 'of ${__field.labels.model}' }, noValue: 'none of ${__field.name}', displayName: '${__field.labels.model}', thresholds: { mode: 'absolute' as never, steps: [{ value: null as never, color: 'green' }, { value: 15, color: 'red' }] }, color: { mode: 'thresholds' } },
      overrides: [{ matcher: { id: 'byName', options: 'b' }, properties: [{ id: 'unit', value: 'short' }, { id: 'custom.lineWidth', value: 3 }] }],
    },
  });
  const [frame] = configure(model, loaded([wide]), theme, () => false);
  const [, a, b] = frame!.fields;
  assert.deepEqual([a, b].map((f) => getFieldDisplayName(f!, frame)), ['a', 'b']);
  assert.equal(formattedValueToString(a!.display!(3)), '3.0 ms');
  assert.equal(formattedValueToString(b!.display!(20)), '20.0');
  assert.equal(a!.display!(3).color, theme.visualization.getColorByName('green'));
  assert.equal(b!.display!(20).color, theme.visualization.getColorByName('red'));
  assert.deepEqual([a!.config.custom.lineWidth, b!.config.custom.lineWidth], [1, 3]);
  assert.deepEqual([frame!.fields[0]!.config.custom.axisLabel, b!.config.custom.axisLabel, b!.config.noValue], [undefined, 'of b', 'none of ${__field.name}']);
});

test('links of a field know the row', () => {
  const model = panel({ fieldConfig: { defaults: { links: [{ title: 'Only ${__field.labels.model}', url: '/d/x?${__url_time_range}&var-m=${__field.labels.model}&v=${__value.raw}' }] }, overrides: [] } });
  const [frame] = configure(model, loaded([wide]), theme, () => false);
  const [link] = frame!.fields[2]!.getLinks!({ valueRowIndex: 1 });
  assert.deepEqual([link?.title, link?.href], ['Only b', '/d/x?from=1764000000000&to=1764021600000&var-m=b&v=20']);
  const odd = json([['name', FieldType.string, ['100%41 & co', 'javascript:alert(1)']]]);
  const table = panel({ type: 'table', fieldConfig: { defaults: { links: [{ title: '', url: '/d/x?m=${__value.raw}' }, { title: '', url: '${__value.raw:raw}' }] }, overrides: [] } });
  const [rows] = configure(table, loaded([odd]), theme, () => false);
  const hrefs = (row: number) => rows!.fields[0]!.getLinks!({ valueRowIndex: row }).map((l) => l.href);
  assert.equal(hrefs(0)[0], '/d/x?m=100%2541%20%26%20co');
  assert.equal(hrefs(1)[1], 'about:blank');
});

test('a hidden series is marked, the data behind it stay', () => {
  const data = loaded([wide]);
  const [frame] = configure(panel({}), data, theme, (field) => field.labels?.model === 'a');
  assert.deepEqual(frame!.fields.map((f) => f.config.custom?.hideFrom?.viz ?? false), [false, true, false]);
  const [again] = configure(panel({}), data, theme, () => false);
  assert.deepEqual(again!.fields.map((f) => f.config.custom?.hideFrom?.viz ?? false), [false, false, false]);
});

test('transformations', async () => {
  const table = json([['model', FieldType.string, ['a', 'b', 'c']], ['calls', FieldType.number, [1, 3, 2]], ['errors', FieldType.number, [1, 0, 1]]]);
  const run = async (...transformations: NonNullable<PanelModel['transformations']>) => transform(panel({ transformations }), decode([{ refId: 'A', frames: [table] }]), interpolate);
  const names = (frames: Awaited<ReturnType<typeof run>>) => frames.map((f) => f.fields.map((field) => getFieldDisplayName(field, f)));
  const organized = await run(
    { id: 'organize', options: { excludeByName: { errors: true }, renameByName: { calls: 'Calls' }, indexByName: { calls: 0, model: 1 } } },
    { id: 'sortBy', options: { sort: [{ field: 'Calls', desc: true }] } },
  );
  assert.deepEqual(names(organized), [['Calls', 'model']]);
  assert.deepEqual(organized[0]!.fields[1]!.values, ['b', 'c', 'a']);
  const calculated = await run({ id: 'calculateField', options: { mode: 'binary', alias: 'rate', binary: { left: 'errors', operator: '/', right: 'calls' } } });
  assert.deepEqual(calculated[0]!.fields.at(-1)!.values, [1, 0, 0.5]);
  assert.deepEqual(names(await run({ id: 'filterFieldsByName', options: { include: { names: ['model'] } } })), [['model']]);
  const reduced = await run({ id: 'reduce', options: { reducers: ['sum'] } });
  assert.deepEqual(reduced[0]!.fields.map((f) => [...f.values as unknown[]]), [['model', 'calls', 'errors'], [0, 6, 2]]);
  // Twice the same, as the results of reducers must not be kept from one run to the next.
  assert.deepEqual((await run({ id: 'reduce', options: { reducers: ['sum'] } }))[0]!.fields[1]!.values, [0, 6, 2]);
  assert.equal((await run({ id: 'no such thing', options: {} })).length, 1);
});

test('what is empty', () => {
  const empty = (type: string, frames: DataFrameJSON[]) => isEmpty(panel({ type }), decode([{ refId: 'A', frames }]));
  assert.ok(!empty('timeseries', [wide]));
  assert.ok(empty('timeseries', []));
  assert.ok(empty('timeseries', [json([['time', FieldType.time, []], ['v', FieldType.number, []]])]));
  assert.ok(empty('timeseries', [json([['time', FieldType.time, [1]], ['v', FieldType.number, [null]]])]));
  assert.ok(empty('timeseries', [json([['v', FieldType.number, [1]]])]));
  assert.ok(empty('stat', [json([['v', FieldType.number, [null]]])]));
  assert.ok(!empty('stat', [json([['v', FieldType.string, ['x']]])]));
  assert.ok(empty('piechart', [json([['v', FieldType.string, ['x']]])]));
  assert.ok(!empty('table', [json([['v', FieldType.string, [null]]])]));
  assert.ok(!empty('text', []));
});

test('times that do not rise are put in order', () => {
  const [frame] = decode([{ refId: 'A', frames: [json([['time', FieldType.time, [3, 1, 2]], ['v', FieldType.number, [30, 10, 20]]])] }]);
  assert.deepEqual(frame!.fields.map((f) => [...f.values as unknown[]]), [[1, 2, 3], [10, 20, 30]]);
});

test('statements', () => {
  assert.deepEqual(statementsOf([{ refId: 'A', frames: [wide], sql: 'SELECT 1', tookMs: 2 }, { refId: 'B', error: 'no' }]), [
    { refId: 'A', sql: 'SELECT 1', error: '', tookMs: 2, rows: 3 }, { refId: 'B', sql: '', error: 'no', tookMs: undefined, rows: 0 },
  ]);
});

test('CSV', () => {
  const frames = decode([{ refId: 'A', frames: [json([
    ['time', FieldType.time, [0, 1000, null]], ['text, "quoted"', FieldType.string, ['a,b', '=SUM(A1)', 'line\nbreak']], ['n', FieldType.number, [-1.5, null, 1e21]], ['ok', FieldType.boolean, [true, false, null]],
  ])] }]);
  assert.equal(toCsv(frames), [
    'time,"text, ""quoted""",n,ok', '1970-01-01T00:00:00.000Z,"a,b",-1.5,true', "1970-01-01T00:00:01.000Z,'=SUM(A1),,false", ',"line\nbreak",1e+21,', '',
  ].join('\r\n'));
  assert.equal(toCsv([]), '');
});

test('annotations', () => {
  const frames = decode([{ refId: 'A', frames: [json([
    ['time', FieldType.time, [1, 2]], ['timeEnd', FieldType.time, [null, 5]], ['title', FieldType.string, ['t', null]], ['text', FieldType.string, ['x', 'y']], ['tags', FieldType.string, ['a, b', null]],
  ])] }]);
  assert.deepEqual(annotationsOf(frames), [
    { time: 1, timeEnd: undefined, title: 't', text: 'x', tags: ['a', 'b'], color: 'blue' }, { time: 2, timeEnd: 5, title: '', text: 'y', tags: [], color: 'blue' },
  ]);
  assert.deepEqual(annotationsOf(decode([{ refId: 'A', frames: [json([['text', FieldType.string, ['x']]])] }])), []);
});

test('clicks in a legend', () => {
  const names = ['a', 'b', 'c'];
  const shown = (v: typeof everything) => names.filter((n) => isVisible(v, n)).join('');
  assert.equal(shown(everything), 'abc');
  const only = isolate(everything, 'a');
  assert.equal(shown(only), 'a');
  assert.equal(shown(isolate(only, 'b')), 'b');
  assert.equal(shown(isolate(only, 'a')), 'abc');
  assert.equal(shown(append(everything, 'a')), 'bc');
  assert.equal(shown(append(only, 'b')), 'ab');
  assert.equal(shown(append(only, 'a')), 'abc');
});
