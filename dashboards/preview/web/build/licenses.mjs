// The licences of everything that is bundled, from the list of bundled files.
import fs from 'node:fs';
import path from 'node:path';

const allowed = new Set([
  '0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'CC0-1.0', 'ISC', 'MIT', 'OFL-1.1', 'Unlicense',
]);

const heading = (where, what) => `Third-party software in ${where}

${what} bundles the packages below. Each is followed by its licence and, where it has one, its notice. Packages with
the same text share it.
`;

/** licenses returns the text for the packages of the inputs (paths of esbuild's metafile) and those named in copied. */
export function licenses(where, what, modules, inputs, copied) {
  const dirs = new Map();
  for (const input of inputs) {
    const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (match) dirs.set(match[1].slice(match[1].indexOf('node_modules/') + 'node_modules/'.length), true);
  }
  for (const name of copied) dirs.set(name, true);

  const byText = new Map();
  const refused = [];
  for (const name of [...dirs.keys()].sort()) {
    const dir = path.join(modules, name);
    const pkg = JSON.parse(fs.readFileSync(path.join(dir, 'package.json'), 'utf8'));
    const license = licenseOf(pkg);
    if (!acceptable(license)) refused.push(`${pkg.name} ${pkg.version}: ${license || 'no licence'}`);
    const text = textOf(dir);
    if (!text) refused.push(`${pkg.name} ${pkg.version}: no licence file`);
    const group = byText.get(text) ?? [];
    group.push(`${pkg.name} ${pkg.version} (${license})`);
    byText.set(text, group);
  }
  if (refused.length > 0) throw new Error(`licences: not accepted:\n  ${refused.join('\n  ')}`);

  const rule = '='.repeat(80);
  const parts = [...byText].map(([text, names]) => `${rule}\n${names.join('\n')}\n${rule}\n\n${text}`);
  return Buffer.from(`${heading(where, what)}\n${parts.join('\n\n')}\n`);
}

function licenseOf(pkg) {
  if (typeof pkg.license === 'string') return pkg.license;
  if (pkg.license?.type) return pkg.license.type;
  return (pkg.licenses ?? []).map((l) => l.type).join(' OR ');
}

// An "A OR B" is accepted for either, an "A AND B" for both.
function acceptable(license) {
  return license.replace(/[()]/g, '').split(' OR ').some((choice) => choice.split(' AND ').every((l) => allowed.has(l.trim())));
}

function textOf(dir) {
  const names = fs.readdirSync(dir).filter((name) => fs.statSync(path.join(dir, name)).isFile()).sort();
  const read = (name) => fs.readFileSync(path.join(dir, name), 'utf8').replace(/\r\n?/g, '\n').replace(/[ \t]+$/gm, '').trim();
  const files = names.filter((name) => /^(licen[cs]e|copying|notice|unlicense)/i.test(name)).map(read);
  if (files.length > 0) return files.join('\n\n');
  // Some have it at the end of their README.
  const readme = names.find((name) => /^readme/i.test(name));
  const section = readme && /^(#+ *licen[cs]e *$|licen[cs]e *\n[-=]+$)[\s\S]*/im.exec(read(readme));
  return section ? section[0] : '';
}
