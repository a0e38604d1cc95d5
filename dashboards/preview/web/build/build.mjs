// Builds the page into the folder given. Usage: node build/build.mjs OUT
//
// The result depends on the sources and the lock file alone: no times, no paths, no hashes in names.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { licenses } from './licenses.mjs';
import { countries, grafana } from './plugins.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const out = path.resolve(process.argv[2] ?? path.join(root, '../dist'));
const modules = path.join(root, 'node_modules');

// What goes into the bundle as data (fonts, what build/plugins.mjs reads), which esbuild does not count as bundled.
const copied = ['@fontsource/inter', 'i18n-iso-countries'];

const common = {
  absWorkingDir: root,
  bundle: true,
  write: false,
  minify: true,
  metafile: true,
  format: 'esm',
  target: 'es2022',
  jsx: 'automatic',
  // The folder of the modules may be a link; names of files must not depend on where it points.
  preserveSymlinks: true,
  legalComments: 'none',
  define: { 'process.env.NODE_ENV': '"production"', 'process.env': '{}', global: 'globalThis' },
  loader: { '.svg': 'dataurl', '.woff2': 'dataurl' },
  outdir: out,
  logLevel: 'warning',
};

// Two bundles rather than one split: they share nothing but a few helpers, and their names stay.
const results = [
  await build({
    ...common,
    entryPoints: { app: 'src/main.tsx' },
    plugins: [grafana(modules)],
  }),
  await build({ ...common, entryPoints: { echarts: 'src/echarts/index.ts' }, plugins: [countries()] }),
];

const files = new Map([['index.html', fs.readFileSync(path.join(root, 'src/index.html'))]]);
for (const result of results) {
  for (const file of result.outputFiles) {
    // mtime is 0 in zlib's gzip; byte 9 names the system.
    const packed = gzipSync(file.contents, { level: 9 });
    packed[9] = 255;
    files.set(`${path.basename(file.path)}.gz`, packed);
  }
}
const inputs = results.flatMap((result) =>
  Object.values(result.metafile.outputs).flatMap((output) =>
    Object.entries(output.inputs).filter(([, use]) => use.bytesInOutput > 0).map(([name]) => name)));
files.set('licenses.txt', licenses(modules, inputs, copied));

fs.rmSync(out, { recursive: true, force: true });
fs.mkdirSync(out, { recursive: true });
let total = 0;
for (const [name, contents] of files) {
  fs.writeFileSync(path.join(out, name), contents);
  const size = name.endsWith('.gz') ? contents.length : gzipSync(contents, { level: 9 }).length;
  total += size;
  console.log(`${name.padEnd(16)} ${String(Math.ceil(size / 1024)).padStart(5)} KiB gzipped`);
}
const limit = 1500 * 1000;
console.log(`${'total'.padEnd(16)} ${String(Math.ceil(total / 1024)).padStart(5)} KiB of ${Math.floor(limit / 1024)}`);
if (total > limit) throw new Error(`the page is ${total} bytes gzipped, over the limit of ${limit}`);

if (process.argv.includes('--packages')) {
  const sizes = {};
  for (const result of results) {
    for (const output of Object.values(result.metafile.outputs)) {
      for (const [name, use] of Object.entries(output.inputs)) {
        const pkg = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(name)?.[1] ?? 'own';
        sizes[pkg] = (sizes[pkg] ?? 0) + use.bytesInOutput;
      }
    }
  }
  for (const [pkg, size] of Object.entries(sizes).sort((a, b) => b[1] - a[1])) {
    console.log(`${String(Math.ceil(size / 1024)).padStart(6)} KiB ${pkg}`);
  }
}
