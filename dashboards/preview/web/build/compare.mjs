// Fails if two builds differ, naming the files. What is gzipped is compared unpacked: another version of zlib may pack the
// same contents otherwise. Usage: node build/compare.mjs BUILT COMMITTED
import fs from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';

const [built, committed] = process.argv.slice(2);
const list = (dir) => (fs.existsSync(dir) ? fs.readdirSync(dir).sort() : []);
const read = (dir, name) => {
  const contents = fs.readFileSync(path.join(dir, name));
  return name.endsWith('.gz') ? gunzipSync(contents) : contents;
};

const problems = [];
for (const name of new Set([...list(built), ...list(committed)])) {
  const inBuilt = list(built).includes(name);
  const inCommitted = list(committed).includes(name);
  if (!inCommitted) problems.push(`${name} is missing`);
  else if (!inBuilt) problems.push(`${name} is not built any more`);
  else if (!read(built, name).equals(read(committed, name))) problems.push(`${name} is another`);
}
if (problems.length > 0) {
  console.error(`web: ${committed} is not what its sources give: ${problems.join(', ')}: run make web and commit it`);
  process.exit(1);
}
console.log(`web: ${committed} is what its sources give`);
