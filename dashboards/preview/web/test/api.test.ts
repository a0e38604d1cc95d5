import assert from 'node:assert/strict';
import test from 'node:test';
import { api, ApiError, Gate } from '../src/api';

test('a gate lets so many through, in order, and forgets who left', async () => {
  const gate = new Gate(2);
  const signal = new AbortController().signal;
  const leaver = new AbortController();
  const begun: string[] = [];
  const finish = new Map<string, () => void>();
  const work = (name: string, s: AbortSignal) => gate.run(s, () => new Promise<void>((resolve) => {
    begun.push(name);
    finish.set(name, resolve);
  }));
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const all = [work('a', signal), work('b', signal), work('c', leaver.signal).catch((e: unknown) => e), work('d', signal), work('e', signal)];
  await turn();
  assert.deepEqual(begun, ['a', 'b']);
  leaver.abort(new Error('left'));
  finish.get('a')!();
  await turn();
  assert.deepEqual(begun, ['a', 'b', 'd']);
  finish.get('b')!();
  finish.get('d')!();
  await turn();
  finish.get('e')!();
  const done = await Promise.all(all);
  assert.deepEqual(begun, ['a', 'b', 'd', 'e']);
  assert.equal((done[2] as Error).message, 'left');
  await assert.rejects(gate.run(leaver.signal, () => Promise.resolve()), /left/);
});

test('a failure within leaves the gate open', async () => {
  const gate = new Gate(1);
  const { signal } = new AbortController();
  await assert.rejects(gate.run(signal, () => Promise.reject(new Error('x'))), /x/);
  assert.equal(await gate.run(signal, () => Promise.resolve(1)), 1);
});

test('what a server may answer', async () => {
  const real = globalThis.fetch;
  const { signal } = new AbortController();
  const answer = (body: string | Error, status = 200) => {
    globalThis.fetch = () => (typeof body === 'string' ? Promise.resolve(new Response(body, { status })) : Promise.reject(body));
    return api.health(signal).then((value) => value, (error: unknown) => error);
  };
  try {
    assert.deepEqual(await answer('{"clickhouse":"ok"}'), { clickhouse: 'ok' });
    const refused = await answer('{"error":"no","hint":"do this"}', 503) as ApiError;
    assert.deepEqual([refused.message, refused.hint, refused.away], ['no', 'do this', false]);
    assert.match((await answer('<html>', 502) as ApiError).message, /502/);
    assert.match((await answer('', 200) as ApiError).message, /empty answer/);
    const gone = await answer(new TypeError('fetch failed')) as ApiError;
    assert.ok(gone.away);
  } finally {
    globalThis.fetch = real;
  }
});
