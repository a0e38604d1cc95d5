#!/usr/bin/env bash
# Finding: `key IN (array)` uses the primary key when a function without a lambda makes the array, and reads the whole table
# when arrayMap makes the same array of the same constants.
#
# Seen with the npm package chdb 3.4.0, whose engine is ClickHouse 26.7.2.1. Both arrays are constants. splitByString and
# decodeURLComponent are worked out before the conditions are matched with the key; arrayMap is not, so that the condition
# becomes "true" and every granule is read. has(array, key) with arrayMap uses the key. No setting or error tells.
#
# Where it matters: values that a dashboard hands over encoded, to be split and decoded by the statement.
# Fails when that changes. Needs bash, node and npm; about 600 MB for the engine.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund chdb@3.4.0 >/dev/null

cat >run.cjs <<'JS'
const { Session } = require("chdb");
const session = new Session();
session.query("CREATE DATABASE d");
session.query("CREATE TABLE d.calls (tenant String, n UInt64) ENGINE = MergeTree ORDER BY tenant SETTINGS index_granularity = 100");
session.query("INSERT INTO d.calls SELECT leftPad(toString(number), 5, '0'), number FROM numbers(10000)");
const granules = (condition) => {
  const plan = session.query("EXPLAIN indexes = 1 SELECT sum(n) FROM d.calls WHERE " + condition, "TSVRaw");
  return [...plan.matchAll(/Granules: (\d+\/\d+)/g)].pop()[1];
};
const split = "splitByString('&', '00007&00012')";
console.log("version:", session.query("SELECT version()", "TSV").trim());
console.log("IN split:", granules(`tenant IN (${split})`));
console.log("IN arrayMap:", granules(`tenant IN (arrayMap(x -> decodeURLComponent(x), ${split}))`));
console.log("has arrayMap:", granules(`has(arrayMap(x -> decodeURLComponent(x), ${split}), tenant)`));
session.cleanup();
JS
got=$(node run.cjs)
echo "$got"
want="version: 26.7.2.1
IN split: 1/100
IN arrayMap: 100/100
has arrayMap: 1/100"
[ "$got" = "$want" ] || { echo "this has changed; it was:"; echo "$want"; exit 1; }
