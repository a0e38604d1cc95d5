import assert from 'node:assert/strict';
import test from 'node:test';
import { goesOn, sides } from '../src/panel/edges';

test('a table has a hint at the edges behind which it goes on', () => {
  const at = (scrollLeft: number, scrollWidth = 800, clientWidth = 400) => sides({ scrollLeft, scrollWidth, clientWidth });
  assert.deepEqual(at(0), { left: false, right: true });
  assert.deepEqual(at(200), { left: true, right: true });
  assert.deepEqual(at(400), { left: true, right: false });
  assert.deepEqual(at(399.4), { left: true, right: false });
  assert.deepEqual(at(0, 400), { left: false, right: false });
  assert.deepEqual(at(0, 401), { left: false, right: false });
  assert.deepEqual(sides(null), { left: false, right: false });
});

test('a table has a shadow where rows go on below', () => {
  const at = (scrollTop: number, scrollHeight = 900, clientHeight = 300) => goesOn({ scrollTop, scrollHeight, clientHeight });
  assert.deepEqual([at(0), at(300), at(599.5), at(600), at(0, 300), goesOn(null)], [true, true, false, false, false, false]);
});
