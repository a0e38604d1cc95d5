import assert from 'node:assert/strict';
import test from 'node:test';
import { FieldType, toDataFrame } from '@grafana/data';
import { chosenText, narrowing, nothingMatches } from '../src/panel/filters';
import type { PanelModel } from '../src/types';
import { all, type Resolved } from '../src/variables';

const variable = (name: string, value: string[], part = {}): Resolved =>
  ({ model: { type: 'query', name, label: name, includeAll: true, ...part }, options: [{ text: 'a', value: 'a' }], value });
const panel = (sql: string) => ({ targets: [{ rawSql: sql }] }) as unknown as PanelModel;
const frame = (...values: Array<number | string | null>) => toDataFrame({ fields: [
  { name: 'time', type: FieldType.time, values: values.map((_, i) => i) }, { name: 'value', type: FieldType.number, values },
] });

test('the filters of a panel are those that its statements name and that have something chosen', () => {
  const names = (sql: string, ...variables: Resolved[]) => narrowing(panel(sql), variables).map((v) => v.model.name);
  assert.deepEqual(names('x IN (${tenant:sqlstring}) AND $__conditionalAll(m, $model)', variable('tenant', ['a']), variable('model', ['a']), variable('mod', ['a'])), ['tenant', 'model']);
  assert.deepEqual(names('$tenant', variable('tenant', [all])), []);
  assert.deepEqual(names('$tenant', variable('tenant', ['a'], { includeAll: false }), variable('tenant', ['a'], { hide: 2 })), []);
});

test('a filter of values that do not exist matches nothing, if there is nothing', () => {
  const gone = variable('tenant', ['gone', 'lost']);
  assert.equal(nothingMatches([gone], []), 'Nothing in this range matches tenant gone or lost.');
  assert.equal(nothingMatches([gone], [frame(0, null, 0)]), 'Nothing in this range matches tenant gone or lost.');
  assert.equal(nothingMatches([gone], [frame(0, 1)]), undefined);
  assert.equal(nothingMatches([variable('tenant', ['gone', 'a'])], []), undefined);
  assert.equal(chosenText([variable('tenant', ['a']), gone]), 'Filtered by tenant a, tenant gone or lost');
  assert.equal(chosenText([]), '');
});
