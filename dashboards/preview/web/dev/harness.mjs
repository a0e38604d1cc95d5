// What the tests in the browser share: the development server, headless Chromium and one page in it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const out = process.argv[2];
const port = 8411;
export const base = `http://127.0.0.1:${port}`;
const server = spawn(process.execPath, [path.join(root, 'dev/server.mjs'), String(port)], { stdio: ['ignore', 'pipe', 'inherit'] });
await new Promise((resolve) => server.stdout.once('data', resolve));
if (out) fs.mkdirSync(out, { recursive: true });

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const only = process.argv[3] ?? '';
const trouble = [];
export let page;
let step = 0;

export async function open(where, viewport = { width: 1400, height: 900 }) {
  if (page) await page.close();
  page = await browser.newPage({ viewport });
  page.on('console', (message) => trouble.push(`console ${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => trouble.push(`error: ${error.stack}`));
  page.on('request', (request) => {
    if (!request.url().startsWith(base) && !/^(data|blob):/.test(request.url())) trouble.push(`request: ${request.url()}`);
  });
  await page.goto(base + where);
  await ready();
}

/** bare opens an address that may lead to no dashboard. */
export async function bare(where) {
  if (page) await page.close();
  page = await browser.newPage();
  await page.goto(base + where);
}

export const ready = () => page.waitForSelector('body[data-dashboard-state=ready]', { timeout: 15_000 });
export const panel = (id) => page.locator(`[data-panel-id="${id}"]`);
export const shoot = async (name) => out && page.screenshot({ path: path.join(out, `${String(++step).padStart(2, '0')}-${name}.png`) });
export const query = () => new URL(page.url()).searchParams;

// After a change the page is loading at once, so that waiting for it to be ready is enough.
export async function changes(action) {
  const before = page.url();
  await action();
  if (page.url() === before) await page.waitForFunction((url) => location.href !== url, before);
  await ready();
}

export async function test(name, work) {
  if (!name.includes(only)) return;
  trouble.length = 0;
  try {
    await work();
    assert.deepEqual(trouble, []);
    console.log(`ok   ${name}`);
  } catch (error) {
    process.exitCode = 1;
    console.log(`FAIL ${name}: ${error.message}`);
    if (out && page) await page.screenshot({ path: path.join(out, `failed-${name.replace(/\W+/g, '-')}.png`) }).catch(() => undefined);
  }
}

/** end stops what was started. */
export async function end() {
  await browser.close();
  server.kill();
}
