// Opens addresses in headless Chromium, reports what the console and the panels say, and takes pictures.
// Usage: node dev/shots.mjs BASE OUT PATH... ; each PATH is taken wide and narrow, dark and light.
import fs from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';

const [base, out, ...paths] = process.argv.slice(2);
fs.mkdirSync(out, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });
let failed = false;
for (const [i, where] of paths.entries()) {
  for (const theme of ['dark', 'light']) {
    for (const width of [1600, 420]) {
      const page = await browser.newPage({ viewport: { width, height: 1000 } });
      page.on('console', (message) => {
        failed = true;
        console.log(`CONSOLE ${message.type()}: ${message.text()}`);
      });
      page.on('pageerror', (error) => {
        failed = true;
        console.log(`ERROR ${error.stack}`);
      });
      page.on('request', (request) => {
        if (!request.url().startsWith(base) && !request.url().startsWith('data:') && !request.url().startsWith('blob:')) {
          failed = true;
          console.log(`REQUEST ${request.url()}`);
        }
      });
      const begun = Date.now();
      await page.goto(`${base}${where}${where.includes('?') ? '&' : '?'}theme=${theme}`);
      await page.waitForSelector('body[data-dashboard-state=ready]', { timeout: 60_000 }).catch(() => console.log('NOT READY'));
      const took = Date.now() - begun;
      const states = await page.$$eval('[data-panel-id]', (all) => all.map((e) => `${e.dataset.panelId}:${e.dataset.panelState}`).join(' '));
      const file = path.join(out, `${i}-${theme}-${width}.png`);
      await page.screenshot({ path: file, fullPage: true });
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (overflow > 0) {
        failed = true;
        console.log(`WIDER than the window by ${overflow} px`);
      }
      console.log(`${where} ${theme} ${width}: ${took} ms; ${states}; ${file}`);
      await page.close();
    }
  }
}
await browser.close();
process.exit(failed ? 1 : 0);
