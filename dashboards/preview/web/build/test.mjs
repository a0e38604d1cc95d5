// Bundles test/*.test.ts as the page is bundled and runs them with node's test runner.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { grafana } from './plugins.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const out = fs.mkdtempSync(path.join(os.tmpdir(), 'preview-test-'));
const names = fs.readdirSync(path.join(root, 'test')).filter((name) => name.endsWith('.test.ts')).sort();
try {
  await build({
    absWorkingDir: root,
    entryPoints: names.map((name) => path.join('test', name)),
    outdir: out,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    mainFields: ['module', 'main'],
    format: 'esm',
    target: 'node20',
    jsx: 'automatic',
    preserveSymlinks: true,
    sourcemap: 'inline',
    logLevel: 'warning',
    define: { 'process.env.NODE_ENV': '"production"' },
    loader: { '.css': 'empty' },
    // @grafana/data looks at the window when it is loaded; CommonJS modules in the bundle ask for node's by require.
    banner: {
      js: `import { createRequire as $r } from 'node:module'; const require = $r(import.meta.url);
globalThis.window ??= globalThis; globalThis.location ??= new URL('http://localhost/'); globalThis.navigator ??= { userAgent: '', platform: '', language: 'en', languages: ['en'] };
globalThis.localStorage ??= { getItem: () => null, setItem() {}, removeItem() {} };`,
    },
    plugins: [grafana(path.join(root, 'node_modules'))],
  });
  const files = names.map((name) => path.join(out, name.replace(/\.ts$/, '.mjs')));
  const { status } = spawnSync(process.execPath, ['--enable-source-maps', '--test', ...files], { stdio: 'inherit' });
  process.exitCode = status ?? 1;
} finally {
  fs.rmSync(out, { recursive: true, force: true });
}
