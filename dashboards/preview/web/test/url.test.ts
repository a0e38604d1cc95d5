import assert from 'node:assert/strict';
import test from 'node:test';
import { follow, formatUrl, isOwn, parseUrl, type UrlState } from '../src/url';

const round = (address: string) => {
  const [path = '', search = ''] = address.split('?');
  return formatUrl(parseUrl(path, search));
};

test('an address is read and written as Grafana writes it', () => {
  for (const address of [
    '/',
    '/d/usage',
    '/d/usage/usage-overview?from=now-6h&to=now&var-tenant=$__all&var-model=a&var-model=b&refresh=5s',
    '/d/usage?from=1764000000000&to=1764021600000&viewPanel=panel-3&theme=light&kiosk',
    '/d/usage?refresh=&inspect=panel-2&inspectTab=query',
    '/d/usage?var-empty=',
    '/d/usage?from=now-1h',
    '/d/usage?to=now-1h',
  ]) assert.equal(round(address), address);
});

test('what is not understood is left out', () => {
  assert.equal(round('/d/usage?orgId=1&theme=blue&viewPanel=x&var-=1&from='), '/d/usage');
  assert.equal(round('/elsewhere/x?from=now-1h&to=now'), '/?from=now-1h&to=now');
  assert.equal(parseUrl('/d/%E0%A4%A', '').uid, '%E0%A4%A');
});

test('values with any characters survive', () => {
  const state: UrlState = { uid: 'a b', slug: 'ü/?', kiosk: false, vars: { 'x&y': ["' OR 1=1 --", '%41', 'a+b', '日本'] } };
  const [path = '', search = ''] = formatUrl(state).split('?');
  const read = parseUrl(path, search);
  assert.deepEqual(read.vars, state.vars);
  assert.equal(read.uid, 'a b');
});

test('kiosk and theme stay when a link is followed, unless it says otherwise', () => {
  const now = parseUrl('/d/a', 'theme=dark&kiosk&from=now-1h&to=now&refresh=5s&var-x=1');
  const next = follow(now, new URL('http://h/d/b?from=now-2h&to=now'));
  assert.equal(formatUrl(next), '/d/b?from=now-2h&to=now&theme=dark&kiosk');
  assert.equal(formatUrl(follow(now, new URL('http://h/d/b?theme=light&kiosk=false'))), '/d/b?theme=light');
});

test('only addresses of the page are followed without a reload', () => {
  const own = (address: string) => isOwn(new URL(address, 'http://h/'), 'http://h');
  assert.ok(own('/'));
  assert.ok(own('/d/x?y'));
  assert.ok(!own('/assets/licenses.txt'));
  assert.ok(!own('http://other/d/x'));
});
