// Builds the page, and the script of load reports, into the folders given. Usage: node build/build.mjs OUT REPORT
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
const reportOut = path.resolve(process.argv[3] ?? path.join(root, '../../../producers/load/report/dist'));
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

// A report is one file that is opened from disk: its script stands in the page, where a module cannot be.
const reported = await build({ ...common, format: 'iife', entryPoints: { report: 'src/report/index.ts' } });

function packed(result) {
  return result.outputFiles.map((file) => {
    // mtime is 0 in zlib's gzip; byte 9 names the system.
    const contents = gzipSync(file.contents, { level: 9 });
    contents[9] = 255;
    return [`${path.basename(file.path)}.gz`, contents];
  });
}

const inputs = (result) => Object.values(result.metafile.outputs).flatMap((output) =>
  Object.entries(output.inputs).filter(([, use]) => use.bytesInOutput > 0).map(([name]) => name));

function write(dir, files, limit) {
  fs.rmSync(dir, { recursive: true, force: true });
  fs.mkdirSync(dir, { recursive: true });
  let total = 0;
  for (const [name, contents] of files) {
    fs.writeFileSync(path.join(dir, name), contents);
    const size = name.endsWith('.gz') ? contents.length : gzipSync(contents, { level: 9 }).length;
    total += size;
    console.log(`${name.padEnd(16)} ${String(Math.ceil(size / 1024)).padStart(5)} KiB gzipped`);
  }
  console.log(`${'total'.padEnd(16)} ${String(Math.ceil(total / 1024)).padStart(5)} KiB of ${Math.floor(limit / 1024)}`);
  if (total > limit) throw new Error(`${dir} has ${total} bytes gzipped, over the limit of ${limit}`);
}

write(out, new Map([
  ['index.html', fs.readFileSync(path.join(root, 'src/index.html'))],
  ...results.flatMap(packed),
  ['licenses.txt', licenses('the preview page', 'The page', modules, results.flatMap(inputs), copied)],
]), 1500 * 1000);
write(reportOut, new Map([
  ...packed(reported),
  ['licenses.txt', licenses('this report', 'Its script', modules, inputs(reported), [])],
]), 250 * 1000);

if (process.argv.includes('--packages')) {
  const sizes = {};
  for (const result of [...results, reported]) {
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
