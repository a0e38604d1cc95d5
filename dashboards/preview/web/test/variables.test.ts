import assert from 'node:assert/strict';
import test from 'node:test';
import { fixed, resolve } from '../src/time';
import type { VariableModel } from '../src/types';
import { all, choose, isCut, label, missing, noSuch, resolveVariables, staticOptions, toggle, values, type Cache, type Resolved } from '../src/variables';

const range = resolve(fixed(1_764_000_000_000, 1_764_021_600_000), 0);
const abc = ['a', 'b', 'c'].map((value) => ({ value, text: value.toUpperCase() }));
const model = (part: Partial<VariableModel>): VariableModel => ({ type: 'query', name: 'x', ...part });

test('the address is believed first, then the dashboard, then All, then the first', () => {
  const multi = model({ multi: true, includeAll: true, current: { value: ['b', 'gone'] } });
  assert.deepEqual(choose(multi, abc, ['a', 'c', 'a']), ['a', 'c']);
  assert.deepEqual(choose(multi, abc, ['a', all]), [all]);
  assert.deepEqual(choose(multi, abc, ['All']), [all]);
  assert.deepEqual(choose(multi, abc, ['other']), ['other']);
  assert.deepEqual(choose(multi, abc, ['']), ['b']);
  assert.deepEqual(choose(multi, abc, undefined), ['b']);
  assert.deepEqual(choose(model({ includeAll: true, current: { value: 'gone' } }), abc, undefined), [all]);
  assert.deepEqual(choose(model({ current: { value: all } }), abc, undefined), ['a']);
  assert.deepEqual(choose(model({}), abc, [all]), ['a'], 'All comes from a dashboard that offers it');
  assert.deepEqual(choose(model({ includeAll: true }), abc, [all]), [all]);
  assert.deepEqual(choose(model({ current: { value: 'c' } }), abc, ['a', 'b']), ['a']);
  assert.deepEqual(choose(model({}), abc, ['B']), ['b'], 'by its text');
  assert.deepEqual(choose(model({}), [], undefined), []);
  assert.deepEqual(choose(model({ type: 'constant', query: 'k' }), [], ['changed']), ['k']);
  assert.deepEqual(choose(model({ type: 'textbox', query: 'd' }), [], undefined), ['d']);
  assert.deepEqual(choose(model({ type: 'textbox', query: 'd' }), [], ['']), ['']);
  assert.deepEqual(choose(model({ type: 'datasource', current: { value: 'uid' } }), [], undefined), ['uid']);
});

test('a computed value follows from the range, whatever a link says', () => {
  const resolution = model({ hide: 2, refresh: 2 });
  assert.deepEqual(choose(resolution, [{ text: '1h', value: '1h' }], ['1m']), ['1h']);
  assert.deepEqual(choose(resolution, [{ text: '1h', value: '1h' }], ['1h']), ['1h']);
  // A hidden one that can be chosen elsewhere is handed on.
  assert.deepEqual(choose(model({ hide: 2, multi: true, includeAll: true }), abc, ['other']), ['other']);
});

test('options written in the dashboard', () => {
  assert.deepEqual(staticOptions(model({ type: 'custom', query: 'Minute : 1m, 1h,a\\,b,' })), [
    { text: 'Minute', value: '1m' }, { text: '1h', value: '1h' }, { text: 'a,b', value: 'a,b' },
  ]);
  assert.deepEqual(staticOptions(model({ type: 'interval', name: 'i', query: '1m,1h', auto: true }))[0], { text: 'auto', value: '$__auto_interval_i' });
});

test('a variable is asked for with those before it that its query names, and waits for these alone', async () => {
  const asked: unknown[] = [];
  const resolved = await resolveVariables([
    model({ type: 'constant', name: 'namespace', query: 'n', hide: 2 }),
    model({ name: 'tenant', includeAll: true, query: '${namespace}.x' }),
    model({ name: 'model', query: 'IN ($tenant)', multi: true }),
    model({ name: 'other', query: '$namespace' }),
    model({ name: 'nothing', query: '' }),
  ], { model: ['b', 'c'] }, range, new Map(), (name, known) => {
    asked.push([name, known]);
    return Promise.resolve({ options: name === 'nothing' ? [] : abc });
  });
  assert.deepEqual(asked.sort(), [['model', { tenant: [all] }], ['nothing', {}], ['other', { namespace: ['n'] }], ['tenant', { namespace: ['n'] }]]);
  assert.deepEqual(values(resolved, range), { namespace: ['n'], tenant: [all], model: ['b', 'c'], other: ['a'], nothing: [''] });
});

test('options are asked for again only when they can differ', async () => {
  const cache: Cache = new Map();
  let asked: string[] = [];
  const models = [model({ name: 'tenant' }), model({ name: 'model', query: 'WHERE t = ${tenant}' }), model({ name: 'day', refresh: 2 })];
  const run = async (chosen: Record<string, string[]>, at = range) => {
    asked = [];
    await resolveVariables(models, chosen, at, cache, (name) => {
      asked.push(name);
      return Promise.resolve({ options: abc });
    });
    return asked;
  };
  assert.deepEqual((await run({})).sort(), ['day', 'model', 'tenant']);
  assert.deepEqual(await run({}), []);
  assert.deepEqual(await run({ tenant: ['b'] }), ['model']);
  assert.deepEqual((await run({}, resolve(fixed(1, 100_000), 0))).sort(), ['day', 'model']);
});

test('a variable that fails says why, is asked for again, and the others go on', async () => {
  const cache: Cache = new Map();
  let fail = true;
  const run = () => resolveVariables([model({ name: 'a' }), model({ name: 'b' })], { a: ['z'] }, range, cache, (name) =>
    Promise.resolve(name === 'a' && fail ? { error: 'refused' } : { options: abc }));
  const first = await run();
  assert.equal(first[0]?.error, 'refused');
  assert.deepEqual(first[0]?.value, ['z']);
  assert.deepEqual(first[1]?.value, ['a']);
  fail = false;
  assert.equal((await run())[0]?.error, undefined);
});

test('a chosen value that does not exist is told, unless the list is cut or could not be read', () => {
  const tenant = model({ name: 'tenant', label: 'Tenant', refresh: 2, query: 'SELECT x LIMIT 4' });
  const of = (part: Partial<Resolved>) => missing({ model: tenant, options: abc, value: ['a', 'gone'], ...part });
  assert.deepEqual(of({}), ['gone']);
  assert.deepEqual(of({ options: [] }), ['a', 'gone']);
  assert.deepEqual(of({ value: [all] }), []);
  assert.deepEqual(of({ error: 'refused' }), []);
  const cut = { model: { ...tenant, query: 'SELECT x FROM (SELECT y LIMIT 9) LIMIT 3' }, options: abc, value: ['gone'] };
  assert.ok(isCut(cut));
  assert.deepEqual(missing(cut), []);
  assert.ok(!isCut({ ...cut, model: { ...tenant, query: 'SELECT x FROM (SELECT y LIMIT 3)' } }));
  assert.equal(noSuch(tenant), 'no such tenant in this range');
  assert.equal(noSuch(model({ name: 'namespace', refresh: 1 })), 'no such namespace');
});

test('an automatic interval is sent as an interval', () => {
  const variable: Resolved = { model: model({ type: 'interval', name: 'i', auto: true, auto_count: 12, auto_min: '10s' }), options: [], value: ['$__auto_interval_i'] };
  assert.deepEqual(values([variable], range), { i: ['30m'] });
});

test('clicks and labels', () => {
  const variable: Resolved = { model: model({ multi: true, includeAll: true }), options: abc, value: [all] };
  const after = (value: string[], click: string) => toggle({ ...variable, value }, click);
  assert.deepEqual(after([all], 'a'), ['a']);
  assert.deepEqual(after(['a'], 'b'), ['a', 'b']);
  assert.deepEqual(after(['a', 'b'], 'a'), ['b']);
  assert.deepEqual(after(['a'], 'a'), [all]);
  assert.deepEqual(after(['a', 'b'], all), [all]);
  assert.deepEqual(toggle({ ...variable, model: model({}) }, 'c'), ['c']);
  assert.equal(label(variable), 'All');
  assert.equal(label({ ...variable, value: ['a', 'b'] }), 'A + B');
  assert.equal(label({ ...variable, value: ['a', 'b', 'c', 'd'] }), 'A + B + 2 more');
  assert.equal(label({ ...variable, value: [] }), 'None');
});
