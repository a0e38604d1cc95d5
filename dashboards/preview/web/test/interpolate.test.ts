import assert from 'node:assert/strict';
import test from 'node:test';
import { FieldType, toDataFrame, type DataFrame } from '@grafana/data';
import { interpolator, type Scope } from '../src/interpolate';
import { dashboardLinks, panelLinks, safeUrl } from '../src/links';
import { fixed, resolve } from '../src/time';
import { all, type Resolved } from '../src/variables';

const variable = (name: string, value: string[], part: Partial<Resolved['model']> = {}): Resolved => ({
  model: { type: 'query', name, ...part }, value, options: [{ value: 'a', text: 'Alpha' }, { value: "b's", text: 'Beta' }],
});
const scope: Scope = {
  uid: 'usage',
  title: 'Usage',
  range: resolve(fixed(1_764_000_000_000, 1_764_021_600_000), 0),
  intervalMs: 60_000,
  variables: [
    variable('one', ['a']), variable('two', ['a', "b's"]), variable('every', [all]), variable('custom', [all], { allValue: '.*' }),
    variable('none', []), variable('fixed', ['k'], { type: 'constant' }), variable('quiet', ['q'], { skipUrlSync: true }),
  ],
};
const say = interpolator(scope);

test('the ways to write a variable', () => {
  assert.equal(say('$one ${one} [[one]] ${one:raw} [[one:text]]'), 'a a a a Alpha');
  assert.equal(say('$unknown ${unknown:csv} $ ${} 5$ $1'), '$unknown ${unknown:csv} $ ${} 5$ $1');
  assert.equal(say(undefined), '');
});

test('formats', () => {
  const cases: Array<[string, string]> = [
    ['$two', "{a,b's}"], ['${two:csv}', "a,b's"], ['${two:pipe}', "a|b's"], ['${two:text}', 'Alpha + Beta'], ['${two:json}', '["a","b\'s"]'],
    ['${two:singlequote}', "'a','b\\'s'"], ['${two:doublequote}', '"a","b\'s"'], ['${two:sqlstring}', "'a','b''s'"], ['${two:regex}', "(a|b's)"],
    ['${two:queryparam}', "var-two=a&var-two=b's"], ['${two:percentencode}', "%7Ba%2Cb's%7D"], ['${two:html}', '{a,b&#39;s}'],
    ['${every}', "{a,b's}"], ['${every:text}', 'All'], ['${every:queryparam}', 'var-every=%24__all'], ['${custom}', '.*'], ['${none}', '{}'],
  ];
  for (const [text, want] of cases) assert.equal(say(text), want, text);
  assert.equal(say('/d/x?v=${every}&w=$one', undefined, 'uriencode'), '/d/x?v=%24__all&w=a');
});

test('what the dashboard itself tells', () => {
  assert.equal(say('${__url_time_range}'), 'from=1764000000000&to=1764021600000');
  assert.equal(interpolator({ ...scope, range: resolve({ from: 'now-6h', to: 'now' }, 1e12) })('${__url_time_range}'), 'from=now-6h&to=now');
  assert.equal(say('${__all_variables}'), "var-one=a&var-two=a&var-two=b's&var-every=%24__all&var-custom=%24__all&var-none=");
  assert.equal(say('$__from ${__to} ${__from:date} ${__from:date:seconds} ${__from:date:YYYY-MM}'), '1764000000000 1764021600000 2025-11-24T16:00:00.000Z 1764000000 2025-11');
  assert.equal(say('${__dashboard} ${__dashboard.uid} $__interval $__interval_ms $__range_s $__timezone'), 'Usage usage 60000ms 60000 21600 utc');
});

test('what a value tells', () => {
  const frame: DataFrame = toDataFrame({
    name: 'frame', refId: 'A',
    fields: [
      { name: 'time', type: FieldType.time, values: [1_764_000_000_000, 1_764_000_060_000] },
      { name: 'model name', type: FieldType.string, values: ['gpt & co', 'llama'] },
      { name: 'tokens', type: FieldType.number, labels: { region: 'eu', 'a b': 'c' }, values: [1234.5, 7], config: { displayName: 'Tokens' } },
    ],
  });
  const field = frame.fields[2]!;
  const scoped = (rowIndex: number) => ({ __dataContext: { value: { data: [frame], frame, field, frameIndex: 0, rowIndex } } });
  const cases: Array<[string, string]> = [
    ['${__value.raw}', '1234.5'], ['${__value.time}', '1764000000000'], ['${__field.name}', 'tokens'], ['${__field.displayName}', 'Tokens'],
    ['${__field.labels.region}', 'eu'], ['${__field.labels["a b"]}', 'c'], ['${__field.labels.missing}', ''], ['${__field.labels}', 'region="eu", a b="c"'],
    ['${__series.name}', 'frame'], ['${__data.fields["model name"]}', 'gpt & co'], ['${__data.fields[1]}', 'gpt & co'], ['${__data.fields.tokens.numeric}', '1234.5'],
    ['${__data.fields.nope}', '${__data.fields.nope}'],
  ];
  for (const [text, want] of cases) assert.equal(say(text, scoped(0)), want, text);
  assert.equal(say('/d/x?m=${__data.fields["model name"]}', scoped(0), 'uriencode'), '/d/x?m=gpt%20%26%20co');
  assert.equal(say('${__data.fields["model name"]:percentencode}', scoped(1)), 'llama');
  assert.equal(say('${__value.raw}'), '${__value.raw}', 'without a value');
});

test('links of a dashboard', () => {
  const list = [
    { uid: 'usage', title: 'Usage', tags: ['tidemark'] }, { uid: 'm', title: 'Models', tags: ['tidemark', 'x'] }, { uid: 'other', title: 'Other', tags: [] },
  ];
  const small = { ...scope, variables: scope.variables.slice(0, 1) };
  const groups = dashboardLinks([
    { type: 'dashboards', title: 'All', tags: ['tidemark'], asDropdown: true, keepTime: true, includeVars: true },
    { type: 'link', title: '$one', url: '/d/m?x=1#top', keepTime: true },
    { type: 'link', title: 'bad', url: 'javascript:alert(1)' },
    { type: 'dashboards', title: 'None', tags: ['nowhere'] },
  ], list, small, interpolator(small));
  assert.deepEqual(groups.map((g) => [g.title, g.dropdown, g.links.map((l) => l.href)]), [
    ['All', true, ['/d/m?from=1764000000000&to=1764021600000&var-one=a']],
    ['a', false, ['/d/m?x=1&from=1764000000000&to=1764021600000#top']],
    ['bad', false, ['about:blank']],
  ]);
});

test('links that a browser would run are none', () => {
  for (const url of ['/d/x?y=%25', '?a=b', '#top', 'https://example.org/x', 'HTTP://example.org', 'mailto:a@b.c']) assert.equal(safeUrl(url), url);
  for (const url of ['javascript:alert(1)', ' java\nscript:alert(1)', '\u0001javascript:x', 'data:text/html,x', '//evil.example', '/\\evil.example', 'vbscript:x', '']) assert.equal(safeUrl(url), 'about:blank', url);
});

test('links of a panel', () => {
  assert.deepEqual(panelLinks([{ title: 'To $one', url: '/d/m?${__url_time_range}&${two:queryparam}&t=${two}', targetBlank: true }], say), [
    { title: 'To a', href: "/d/m?from=1764000000000&to=1764021600000&var-two=a&var-two=b's&t=%7Ba%2Cb's%7D", newTab: true },
  ]);
});
