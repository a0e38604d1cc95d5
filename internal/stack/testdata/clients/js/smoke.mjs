// What @clickhouse/client does by default, with compression, and in a session. Arguments: the folder of node_modules, URL, database.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { Readable } from 'node:stream'

const [folder, url, database] = process.argv.slice(2)
const { createClient, ClickHouseLogLevel } = createRequire(folder + '/')('@clickhouse/client')
const open = (options) => createClient({ url, database, log: { level: ClickHouseLogLevel.OFF }, ...options })
let checks = 0
const same = (got, want, what) => { checks++; assert.deepEqual(got, want, what) }
const rows = async (client, query, more) => (await client.query({ query, format: 'JSONEachRow', ...more })).json()
const failure = async (call) => { try { await call() } catch (e) { return [e.code, e.type] } return 'no error' }

const row = { a: 1, b: "it's\n", c: null, d: ['q', 'r'], e: { k: 1 }, f: '2020-01-01 00:00:00.123', g: 1.5, h: true, i: '00000000-0000-0000-0000-000000000001', j: '1950-01-01', k: [1, 'x'], l: '18446744073709551615', m: '1.2.3.4', n: 'x', o: { a: { b: 'y' } } }

async function everything(client, how) {
  same((await client.ping()).success, true, how)
  same((await client.ping({ select: true })).success, true, how)
  same((await rows(client, 'SELECT version() AS v'))[0].v.length > 3, true, how)
  await client.command({ query: 'DROP TABLE IF EXISTS js SYNC' })
  await client.command({ query: `CREATE TABLE js (a UInt32, b String, c Nullable(Int64), d Array(LowCardinality(String)), e Map(String, UInt8), f DateTime64(3), g Float64, h Bool, i UUID,
    j Date32, k Tuple(UInt8, String), l UInt64, m IPv4, n Enum8('x' = 1), o JSON) ENGINE = MergeTree ORDER BY a` })
  const done = await client.insert({ table: 'js', values: [row], format: 'JSONEachRow' })
  same([done.executed, done.summary.written_rows], [true, '1'], how)
  const got = await rows(client, 'SELECT * FROM js', { clickhouse_settings: { output_format_json_quote_64bit_integers: 1 } })
  same(got, [row], how + ': all types')
  const objects = new Readable({ objectMode: true, read() {} })
  for (let i = 2; i < 5; i++) objects.push({ a: i, b: 's' + i })
  objects.push(null)
  await client.insert({ table: 'js', values: objects, format: 'JSONEachRow' })
  await client.insert({ table: 'js', values: Readable.from(['10,z\n', '11,y\n'], { objectMode: false }), format: 'CSV', columns: ['a', 'b'] })
  await client.insert({ table: 'js', values: [[20, 'w']], format: 'JSONCompactEachRow', columns: ['a', 'b'] })
  same(await (await client.query({ query: 'SELECT toUInt32(count()) AS n, toUInt32(sum(a)) AS s FROM js' })).json().then((r) => [r.rows, r.data]), [1, [{ n: 7, s: 51 }]], how + ': inserts')
  same(await rows(client, 'SELECT {a:UInt32} AS a, {s:String} AS s, {l:Array(UInt8)} AS l, {d:DateTime} AS d', { query_params: { a: 5, s: "it's\t", l: [1, 2], d: new Date(0) } }),
    [{ a: 5, s: "it's\t", l: [1, 2], d: '1970-01-01 00:00:00' }], how + ': parameters')
  let n = 0
  for await (const part of (await client.query({ query: 'SELECT number FROM numbers(300000)', format: 'JSONCompactEachRow' })).stream()) n += part.length
  same(n, 300000, how + ': streaming')
  const out = await client.exec({ query: 'SELECT 1 FORMAT CSV' })
  let text = ''
  for await (const part of out.stream) text += part
  same(text, '1\n', how + ': exec')
  same(await failure(() => rows(client, 'SELECT nosuch')), ['47', 'UNKNOWN_IDENTIFIER'], how + ': error')
  same(await failure(() => client.command({ query: 'DROP TABLE nosuch' })), ['60', 'UNKNOWN_TABLE'], how + ': error of a command')
  // Few bytes: the client finds the exception only in a piece that has all of it.
  const late = async () => {
    const result = await client.query({ query: 'SELECT throwIf(number = 100) FROM numbers(200)', format: 'JSONEachRow', clickhouse_settings: { max_threads: 1, max_block_size: '1' } })
    for await (const part of result.stream()) assert(part.length > 0)
  }
  const code = (await failure(late))[0]
  // A compressed answer that breaks off may end before it is unpacked.
  same(how === 'compressed' && code === 'ECONNRESET' ? '395' : code, '395', how + ': error in the middle')
}

for (const [how, options] of Object.entries({ default: {}, compressed: { compression: { request: true, response: true } }, session: { session_id: 'js-' + database } })) {
  const client = open(options)
  await everything(client, how)
  await client.close()
}
const client = open({ session_id: 'js-' + database })
await client.command({ query: 'CREATE TEMPORARY TABLE tmp (a UInt8)' })
await client.insert({ table: 'tmp', values: [{ a: 3 }], format: 'JSONEachRow' })
await client.command({ query: 'SET max_threads = 3' })
same(await rows(client, "SELECT a, toUInt8(getSetting('max_threads')) AS t FROM tmp"), [{ a: 3, t: 3 }], 'session')
same(await failure(() => open({}).query({ query: 'SELECT * FROM tmp' })), ['60', 'UNKNOWN_TABLE'], 'session of another client')
await client.close()
console.log(checks + ' checks passed')
