#!/usr/bin/env bash
# Finding: from the fourth run of the same statement on, min and max of a DateTime64 with GROUP BY take times before 1970
# for the latest of all. Nothing is raised.
#
# Seen with the npm package chdb 3.4.0, whose engine is ClickHouse 26.7.2.1. The engine compiles aggregate functions once
# a statement has run min_count_to_compile_aggregate_expression (3) times; the compiled code compares the number behind a
# DateTime64 without its sign. A group with the times 1950 and 2020 has the maximum 2020 three times, then 1950, for as long
# as the process lives. With compile_aggregate_expressions = 0 it is 2020 each time. ClickHouse 26.9 is right.
#
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
session.query("CREATE TABLE d.events (name String, t DateTime64(6, 'UTC')) ENGINE = MergeTree ORDER BY name");
session.query("INSERT INTO d.events SELECT 'a', toDateTime64(if(number % 2, '1950-01-01', '2020-01-01'), 6, 'UTC') FROM numbers(80)");
const latest = (settings) => {
  const seen = [];
  for (let run = 1; run <= 6; run++) {
    seen.push(session.query("SELECT name, toYear(max(t)), toYear(min(t)) FROM d.events GROUP BY name" + settings, "TSV").trim().split("\t")[1]);
  }
  return seen.join(" ");
};
console.log("version:", session.query("SELECT version()", "TSV").trim());
console.log("compiled:", latest(""));
console.log("not compiled:", latest(" SETTINGS compile_aggregate_expressions = 0"));
session.cleanup();
JS
got=$(node run.cjs)
echo "$got"
want="version: 26.7.2.1
compiled: 2020 2020 2020 1950 1950 1950
not compiled: 2020 2020 2020 2020 2020 2020"
[ "$got" = "$want" ] || { echo "this has changed; it was:"; echo "$want"; exit 1; }
