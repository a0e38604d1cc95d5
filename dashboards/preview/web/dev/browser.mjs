// Uses the page as a person would, against the development server, in headless Chromium. Usage: node dev/browser.mjs [OUT [WORD]]
// WORD chooses tests. With OUT it leaves pictures there. It fails on any console message, any request elsewhere, and whatever is not as it should be.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { bare, base, changes, end, open, page, panel, query, ready, shoot, test } from './harness.mjs';

await test('the list leads to a dashboard', async () => {
  await open('/');
  await shoot('list');
  assert.equal(await page.locator('.list li').count(), 3);
  await page.locator('.list a', { hasText: 'Every kind' }).click();
  await page.waitForSelector('[data-panel-id="8"]');
  await ready();
  assert.equal(await page.evaluate(() => document.body.dataset.dashboardUid), 'kinds');
  assert.equal(await page.title(), 'Every kind - Tidemark');
});

await test('a broken, an empty and an unknown panel say so and the others work', async () => {
  await open('/d/kinds');
  await page.locator('[data-row-id="20"]').click();
  await panel(26).waitFor();
  await ready();
  await panel(26).scrollIntoViewIfNeeded();
  await page.waitForTimeout(300);
  await shoot('trouble');
  assert.equal(await panel(21).getAttribute('data-panel-state'), 'error');
  assert.match(await panel(21).getAttribute('data-panel-error'), /Unknown expression identifier 'tokns'/);
  assert.equal(await panel(22).getAttribute('data-panel-state'), 'empty');
  assert.match(await panel(22).innerText(), /No data/);
  assert.match(await panel(23).innerText(), /does not draw panels of the kind "newsfeed"/);
  assert.equal(await panel(24).getAttribute('data-panel-state'), 'error');
  assert.equal(await panel(24).locator('canvas').count(), 1);
  assert.equal(await panel(8).getAttribute('data-panel-state'), 'ready');
  await panel(21).getByText('Show the SQL').click();
  await page.locator('.inspect .sql').waitFor();
  await shoot('sql-of-error');
  assert.match(await page.locator('.inspect').innerText(), /SELECT time, model/);
  await page.keyboard.press('Escape');
  await page.locator('.inspect').waitFor({ state: 'detached' });
  assert.equal(query().get('inspect'), null);
});

await test('the menu shows data and saves CSV', async () => {
  await open('/d/kinds');
  await panel(15).hover();
  await panel(15).getByRole('button', { name: /Menu for panel/ }).click();
  await page.waitForTimeout(300);
  await shoot('menu');
  const saved = page.waitForEvent('download');
  await page.getByRole('menuitem', { name: 'Download CSV' }).click();
  const file = await (await saved).path();
  const lines = fs.readFileSync(file, 'utf8').split('\r\n');
  assert.equal(lines[0], 'model,weights,calls,Latency p95,share,errors,released');
  assert.equal(lines[1], 'claude-opus,closed,240500,954,0.45,0.012,2025-05-22T00:00:00.000Z');
  await panel(15).hover();
  await panel(15).getByRole('button', { name: /Menu for panel/ }).click();
  await page.getByRole('menuitem', { name: 'Data' }).click();
  await page.locator('.inspect [role=gridcell]').first().waitFor();
  await page.waitForTimeout(200);
  await shoot('data');
  assert.equal(query().get('inspect'), 'panel-15');
});

await test('a panel can be viewed alone and left again', async () => {
  await open('/d/kinds?viewPanel=panel-8');
  assert.equal(await page.locator('[data-panel-id]').count(), 1);
  await shoot('view');
  await changes(() => page.getByText('Back to the dashboard').click());
  assert.ok(await page.locator('[data-panel-id]').count() > 10);
});

await test('dragging over a time series sets the range, and back goes back', async () => {
  await open('/d/kinds?from=1764000000000&to=1764021600000');
  const over = await panel(8).locator('.u-over').boundingBox();
  await page.mouse.move(over.x + over.width * 0.25, over.y + 50);
  await page.mouse.down();
  await page.mouse.move(over.x + over.width * 0.5, over.y + 60, { steps: 5 });
  await changes(() => page.mouse.up());
  const [from, to] = [Number(query().get('from')), Number(query().get('to'))];
  assert.ok(Math.abs(from - (1764000000000 + 0.25 * 21600000)) < 120_000, `from ${from}`);
  assert.ok(Math.abs(to - (1764000000000 + 0.5 * 21600000)) < 120_000, `to ${to}`);
  await page.goBack();
  await ready();
  assert.equal(query().get('from'), '1764000000000');
});

await test('dragging over a state timeline sets the range', async () => {
  await open('/d/kinds?from=1764000000000&to=1764021600000');
  await panel(19).scrollIntoViewIfNeeded();
  const chart = await panel(19).locator('.chart').boundingBox();
  await page.mouse.move(chart.x + chart.width * 0.4, chart.y + 40);
  await page.mouse.down();
  await page.mouse.move(chart.x + chart.width * 0.6, chart.y + 45, { steps: 5 });
  await changes(() => page.mouse.up());
  assert.ok(Number(query().get('to')) - Number(query().get('from')) < 6_000_000);
});

await test('the tooltip tells, pins, and links', async () => {
  await open('/d/kinds?from=1764000000000&to=1764021600000');
  const over = await panel(8).locator('.u-over').boundingBox();
  await page.mouse.move(over.x + over.width * 0.6, over.y + over.height * 0.8, { steps: 3 });
  await page.waitForTimeout(300);
  await shoot('tooltip');
  // A click pins it where a line is near.
  const link = page.getByRole('link', { name: /^Only / }).first();
  for (let y = 0.9; y > 0.1 && !(await link.isVisible()); y -= 0.05) {
    await page.mouse.move(over.x + over.width * 0.6, over.y + over.height * y, { steps: 2 });
    await page.waitForTimeout(60);
    await page.mouse.click(over.x + over.width * 0.6, over.y + over.height * y);
    await page.waitForTimeout(150);
  }
  await shoot('pinned');
  await changes(() => link.click());
  assert.ok(['gpt-5', 'claude-opus', 'llama-4-70b', 'qwen3-32b', 'mistral-large'].includes(query().get('var-model')), page.url());
  assert.equal(query().get('from'), '1764000000000');
});

await test('data links: a stat, a table, a bar, a marker', async () => {
  await open('/d/kinds?from=1764000000000&to=1764021600000');
  await changes(() => panel(3).locator('a').first().click());
  assert.equal(new URL(page.url()).pathname, '/d/second');
  assert.match(query().get('var-value'), /^0\.\d+$/);
  await page.goBack();
  await ready();
  await changes(() => panel(15).getByRole('link', { name: 'llama-4-70b' }).click());
  assert.equal(query().get('var-model'), 'llama-4-70b');
  await page.goBack();
  await ready();
  await panel(12).scrollIntoViewIfNeeded();
  const bars = await panel(12).locator('canvas').boundingBox();
  await page.mouse.move(bars.x + bars.width * 0.2, bars.y + bars.height * 0.7);
  await page.waitForTimeout(300);
  await shoot('bar-tooltip');
  assert.match(await page.locator('.tip').innerText(), /chat[\s\S]*Click: Product chat/);
  await changes(() => page.mouse.click(bars.x + bars.width * 0.2, bars.y + bars.height * 0.7));
  assert.equal(query().get('var-product'), 'chat');
  await page.goBack();
  await ready();
  await panel(16).scrollIntoViewIfNeeded();
  const map = await panel(16).locator('canvas').boundingBox();
  // India, of which nothing else is near: the map fills its panel's width or height around the middle.
  const unit = Math.min(map.width / 360, map.height / 140);
  let found = false;
  for (let y = -10; y <= 60 && !found; y += 5) {
    for (let x = 60; x <= 100 && !found; x += 4) {
      await page.mouse.move(map.x + map.width / 2 + x * unit, map.y + map.height / 2 - y * unit + 20);
      await page.waitForTimeout(20);
      found = await page.locator('.tip-title', { hasText: 'India' }).isVisible();
    }
  }
  assert.ok(found, 'the marker of India was not found');
  await shoot('map-tooltip');
  await changes(() => page.mouse.down().then(() => page.mouse.up()));
  assert.equal(query().get('var-country'), 'IN');
});

await test('annotations have a card', async () => {
  await open('/d/kinds');
  await panel(8).locator('.annotation').first().hover();
  await page.locator('.annotation-card').waitFor();
  await page.waitForTimeout(200);
  await shoot('annotation');
  assert.match(await page.locator('.annotation-card').innerText(), /llama-4-70b[\s\S]*Open weights, 70B[\s\S]*release/);
  await page.mouse.move(0, 0);
  await page.locator('.annotation-toggle').click();
  await page.waitForFunction(() => document.querySelectorAll('.annotation').length === 0);
  await ready();
});

await test('a click in a legend isolates a series', async () => {
  await open('/d/kinds');
  await panel(8).locator('button[title="gpt-5"]').click();
  await page.waitForTimeout(200);
  await shoot('isolated');
  await panel(13).locator('button[title="open"]').click();
  await page.waitForTimeout(200);
  assert.equal(await panel(8).getAttribute('data-panel-state'), 'ready');
});

await test('variables: several, all, search, dependents', async () => {
  await open('/d/kinds');
  await page.locator('[data-variable=tenant] .value').click();
  await page.waitForTimeout(200);
  await shoot('variable');
  await page.locator('.popover .search').fill('tenant-1');
  await page.locator('.popover [data-value=t12]').click();
  await changes(() => page.locator('.popover [data-value=t13]').click());
  assert.deepEqual(query().getAll('var-tenant'), ['t12', 't13']);
  assert.deepEqual(query().getAll('var-model'), ['$__all']);
  await page.keyboard.press('Escape');
  assert.match(await page.locator('[data-variable=tenant] .value').innerText(), /tenant-12 \+ tenant-13/);
  assert.match(await page.locator('[data-row-id="1"]').innerText(), /At a glance \(tenant-12 \+ tenant-13\)/);
  await page.locator('[data-variable=tenant] .value').click();
  // A choice still counts when the box closes before it was asked for.
  await page.locator('.popover [data-value="$__all"]').click();
  await changes(() => page.keyboard.press('Escape'));
  assert.deepEqual(query().getAll('var-tenant'), ['$__all']);
  await page.locator('[data-variable=resolution] .value').click();
  await changes(() => page.locator('.popover [data-value="1d"]').click());
  assert.equal(query().get('var-resolution'), '1d');
  await page.locator('[data-variable=search] input').fill("x' OR 1=1");
  await changes(() => page.keyboard.press('Enter'));
  assert.equal(query().get('var-search'), "x' OR 1=1");
});

await test('a value in the address that is no option stays', async () => {
  await open('/d/kinds?var-tenant=gone');
  assert.match(await page.locator('[data-variable=tenant] .value').innerText(), /gone/);
  assert.match(await page.locator('[data-variable=tenant] .missing').innerText(), /no such tenant in this range/);
});

await test('the time range: quick, typed, wrong, stepped', async () => {
  await open('/d/kinds');
  await page.getByRole('button', { name: 'Time range' }).click();
  await page.waitForTimeout(200);
  await shoot('time');
  await changes(() => page.locator('.quick .option', { hasText: 'Last 24 hours' }).click());
  assert.deepEqual([query().get('from'), query().get('to')], ['now-24h', 'now']);
  await page.getByRole('button', { name: 'Time range' }).click();
  await page.locator('.time-picker input[name=from]').fill('2026-13-01');
  assert.match(await page.locator('.wrong').innerText(), /Cannot read "2026-13-01"/);
  await page.locator('.time-picker input[name=from]').fill('2025-11-20');
  await page.locator('.time-picker input[name=to]').fill('2025-11-21 12:00:00');
  await changes(() => page.keyboard.press('Enter'));
  assert.deepEqual([query().get('from'), query().get('to')], ['1763596800000', '1763726400000']);
  await changes(() => page.getByRole('button', { name: 'Zoom out' }).click());
  assert.equal(query().get('to'), '1763791200000');
  await changes(() => page.getByRole('button', { name: 'Earlier' }).click());
  await page.getByRole('button', { name: 'Time range' }).click();
  assert.match(await page.locator('.time-picker input[name=from]').inputValue(), /^2025-11-1\d \d\d:\d\d:\d\d$/);
});

await test('a range that cannot be read is told', async () => {
  await open('/d/kinds?from=garbage&to=now');
  await shoot('wrong-range');
  assert.match(await page.locator('.wrong-range').innerText(), /Cannot read "garbage"[\s\S]*Shown instead: Last 6 hours/);
  await page.getByRole('button', { name: 'Time range' }).click();
  await changes(() => page.locator('.quick .option', { hasText: 'Last 24 hours' }).click());
  assert.equal(await page.locator('.wrong-range').count(), 0);
});

await test('forty years', async () => {
  await open('/d/kinds?from=now-40y&to=now');
  await shoot('forty-years');
  assert.equal(await panel(8).getAttribute('data-panel-state'), 'ready');
});

await test('links carry time and variables, and need no reload', async () => {
  await open('/d/kinds?from=now-3h&to=now&var-tenant=t3&theme=light');
  await page.evaluate(() => { window.kept = true; });
  await page.locator('.sub').getByText('Tidemark').click();
  await page.waitForTimeout(200);
  await shoot('links');
  await page.locator('.popover a', { hasText: 'Models' }).click();
  await page.waitForFunction(() => location.pathname === '/d/second');
  await ready();
  assert.deepEqual([query().get('from'), query().get('var-tenant'), query().get('theme')], ['now-3h', 't3', 'light']);
  assert.equal(await page.evaluate(() => window.kept), true);
  await page.getByRole('button', { name: 'Choose a dashboard' }).click();
  await page.locator('.popover a', { hasText: 'Empty' }).click();
  await page.waitForSelector('body[data-dashboard-uid=empty][data-dashboard-state=ready]');
});

await test('it refreshes by itself without dropping what it shows', async () => {
  await open('/d/second?refresh=1s');
  await page.evaluate(() => {
    window.canvas = document.querySelector('[data-panel-id="1"] canvas');
    window.bare = 0;
    new MutationObserver(() => { if (!document.querySelector('[data-panel-id="1"] canvas')) window.bare++; }).observe(document.body, { childList: true, subtree: true });
  });
  let asked = 0;
  page.on('request', (request) => request.url().endsWith('/api/query') && asked++);
  await page.waitForTimeout(3500);
  assert.ok(asked >= 2, `asked ${asked} times`);
  assert.equal(await page.evaluate(() => window.bare), 0);
  assert.equal(await page.evaluate(() => window.canvas === document.querySelector('[data-panel-id="1"] canvas')), true, 'the plot was built anew');
});

await test('a database that goes away and comes back', async () => {
  await open('/d/second?refresh=1s');
  await fetch(`${base}/dev/clickhouse?state=away`);
  await page.waitForSelector('[data-panel-state=error]');
  assert.equal(await panel(1).locator('canvas').count(), 1);
  assert.match(await panel(1).locator('.panel-stale').innerText(), /Not refreshed: /);
  await page.locator('.banner').waitFor({ timeout: 20_000 });
  await page.waitForTimeout(300);
  await shoot('away');
  assert.match(await page.locator('.banner').innerText(), /connection refused/);
  await fetch(`${base}/dev/clickhouse?state=ok`);
  await page.locator('.banner').waitFor({ state: 'detached', timeout: 10_000 });
  await page.waitForSelector('[data-panel-id="1"][data-panel-state=ready]');
});

await test('no database from the start', async () => {
  await fetch(`${base}/dev/clickhouse?state=away`);
  await open('/d/kinds?refresh=');
  await page.locator('.banner').waitFor();
  await shoot('no-database');
  assert.equal(await panel(8).getAttribute('data-panel-state'), 'error');
  await fetch(`${base}/dev/clickhouse?state=ok`);
  await page.waitForSelector('[data-panel-id="8"][data-panel-state=ready]', { timeout: 10_000 });
});

await test('light and dark', async () => {
  await open('/d/kinds?theme=dark');
  await page.getByRole('button', { name: 'Use the light theme' }).click();
  assert.equal(query().get('theme'), 'light');
  await page.waitForTimeout(400);
  await shoot('light');
  await open('/d/kinds?kiosk&theme=light');
  assert.equal(await page.locator('.top, .sub').count(), 0);
});

await test('a dashboard that does not exist', async () => {
  await bare('/d/nothing');
  await page.getByText('there is no dashboard "nothing"').waitFor();
  await shoot('nothing');
});

await test('narrow', async () => {
  await open('/d/kinds', { width: 420, height: 900 });
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0);
  await page.getByRole('button', { name: 'Time range' }).click();
  await page.waitForTimeout(200);
  await shoot('narrow-time');
  const box = await page.locator('.popover').boundingBox();
  assert.ok(box.x >= 0 && box.x + box.width <= 420, JSON.stringify(box));
});

await test('a table that is cut off shows where it goes on', async () => {
  await open('/d/kinds?viewPanel=panel-15', { width: 1400, height: 900 });
  const edges = panel(15).locator('.edges');
  const more = () => edges.evaluate((box) => ['left', 'right'].filter((side) => box.hasAttribute(`data-more-${side}`)).join(' '));
  const shown = (side) => edges.evaluate((box, which) => Number(getComputedStyle(box, which).opacity), side === 'left' ? '::before' : '::after');
  const becomes = async (want) => {
    for (let i = 0; i < 50 && await more() !== want; i++) await page.waitForTimeout(50);
    assert.equal(await more(), want);
  };
  await panel(15).locator('[role=gridcell]').first().waitFor();
  await becomes('');
  await page.setViewportSize({ width: 480, height: 900 });
  await becomes('right');
  await page.waitForTimeout(300);
  await shoot('cut-table');
  assert.deepEqual([await shown('left'), await shown('right')], [0, 1]);
  const scroll = (left) => panel(15).locator('.rdg').evaluate((grid, x) => { grid.scrollLeft = x; }, left);
  await scroll(60);
  await becomes('left right');
  await scroll(100_000);
  await becomes('left');
  await page.waitForTimeout(300);
  assert.deepEqual([await shown('left'), await shown('right')], [1, 0]);
  await scroll(0);
  await becomes('right');
  // It is no obstacle: the link in the first column is clicked through it.
  await changes(() => panel(15).getByRole('link', { name: 'llama-4-70b' }).click());
  assert.equal(query().get('var-model'), 'llama-4-70b');
});

await end();
