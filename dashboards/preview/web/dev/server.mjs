// A server for work on the page: serves what is built, with the policy of the real one, and made-up answers.
// Usage: node dev/server.mjs [PORT] [DIST]; in the page's address, nothing is special. POST /dev/clickhouse?state=away|ok.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { answer, dashboards, failure, options, releases } from './canned.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const dist = process.argv[3] ?? path.join(root, '../dist');
const port = Number(process.argv[2] ?? 8410);
const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'";
const types = { '.js': 'text/javascript', '.css': 'text/css', '.txt': 'text/plain; charset=utf-8', '.html': 'text/html; charset=utf-8' };
let away = '';

const server = http.createServer((request, response) => {
  const url = new URL(request.url, 'http://localhost');
  const json = (body, status = 200) => {
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  const page = (name) => {
    const packed = path.join(dist, `${name}.gz`);
    const headers = { 'Content-Type': types[path.extname(name)] ?? 'application/octet-stream', 'Content-Security-Policy': policy, 'Cache-Control': 'no-cache' };
    if (fs.existsSync(packed)) {
      response.writeHead(200, { ...headers, 'Content-Encoding': 'gzip' });
      response.end(fs.readFileSync(packed));
    } else if (fs.existsSync(path.join(dist, name))) {
      response.writeHead(200, headers);
      response.end(fs.readFileSync(path.join(dist, name)));
    } else {
      response.writeHead(404);
      response.end('not found');
    }
  };
  if (url.pathname === '/' || url.pathname.startsWith('/d/')) return page('index.html');
  if (url.pathname.startsWith('/assets/')) return page(path.basename(url.pathname));
  if (url.pathname === '/dev/clickhouse') {
    away = url.searchParams.get('state') === 'away' ? 'dial tcp 127.0.0.1:8123: connect: connection refused' : '';
    return json({});
  }
  if (url.pathname === '/api/health') return json({ clickhouse: away || 'ok' });
  if (url.pathname === '/api/dashboards') return json({ dashboards: dashboards.map(({ uid, title, description, tags }) => ({ uid, title, description, tags })), version: 'dev', namespace: 'tidemark' });
  const one = /^\/api\/dashboards\/([^/]+)$/.exec(url.pathname);
  if (one) {
    const found = dashboards.find((d) => d.uid === decodeURIComponent(one[1]));
    return found ? json(found) : json({ error: `there is no dashboard "${one[1]}"`, hint: `it is one of ${dashboards.map((d) => d.uid).join(', ')}` }, 404);
  }
  let text = '';
  request.on('data', (chunk) => (text += chunk));
  request.on('end', () => {
    const body = JSON.parse(text || '{}');
    const sql = `-- ${url.pathname}\nSELECT time, model, sum(tokens) AS value\nFROM token_calls_1m\nWHERE minute >= fromUnixTimestamp64Milli(${body.from}) AND minute < fromUnixTimestamp64Milli(${body.to})\nGROUP BY time, model\nORDER BY time\n-- variables ${JSON.stringify(body.variables)}`;
    const later = (value) => setTimeout(() => json(value), 20 + Math.random() * 120);
    if (away) {
      if (url.pathname === '/api/variable') return later({ options: [], error: away });
      return later({ results: [{ refId: 'A', frames: [], error: away, sql }] });
    }
    if (url.pathname === '/api/variable') return later({ options: options(body.name), error: '' });
    if (url.pathname === '/api/annotations') return later({ results: [{ refId: 'Anno', frames: [releases(body.from, body.to)], error: '', sql }] });
    if (url.pathname !== '/api/query') return json({ error: 'no such call' }, 404);
    const all = dashboards.find((d) => d.uid === body.dashboard)?.panels.flatMap((p) => [p, ...(p.panels ?? [])]) ?? [];
    const panel = all.find((p) => p.id === body.panel);
    return later({ results: (panel?.targets ?? []).map(({ refId }) => {
      const error = failure(body.panel, refId);
      return { refId, frames: error ? [] : answer(body.dashboard, body.panel, body, refId), error, sql, tookMs: 12.3 };
    }) });
  });
});
server.listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}/`));
