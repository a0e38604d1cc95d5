"""What clickhouse-connect does by default, and with each compression. Arguments: host, port, database."""
import datetime
import decimal
import gzip
import ipaddress
import sys
import threading
import uuid
import zlib

import brotli
import clickhouse_connect
import lz4.frame
from backports import zstd
from clickhouse_connect.driver.exceptions import DatabaseError
from clickhouse_connect.driver.external import ExternalData
from sqlalchemy import create_engine, text

HOST, PORT, DATABASE = sys.argv[1], int(sys.argv[2]), sys.argv[3]
checks = 0


def check(what, got, want):
    global checks
    checks += 1
    if got != want:
        sys.exit(f"{what}: got {got!r}, want {want!r}")


def code_of(what, call):
    try:
        call()
    except DatabaseError as e:
        return e.code
    sys.exit(f"{what}: no error")


CODINGS = {None: bytes, "lz4": lz4.frame.compress, "zstd": zstd.compress, "br": brotli.compress, "gzip": gzip.compress, "deflate": zlib.compress}
COLUMNS = {
    "a": "UInt32", "b": "String", "c": "DateTime64(3, 'UTC')", "d": "Nullable(Int64)", "e": "Array(LowCardinality(String))",
    "f": "Map(String, UInt8)", "g": "Decimal(18, 4)", "h": "UUID", "i": "Enum8('x' = 1)", "j": "Tuple(UInt8, String)", "k": "IPv4",
    "l": "Bool", "m": "Date32", "n": "Float64", "o": "FixedString(3)", "p": "UInt256", "q": "IPv6", "r": "Array(Tuple(UInt8, Nullable(String)))",
}


def row(i):
    return [
        i, f"it's {i}\n", datetime.datetime(2020, 1, 1, 0, 0, i, 123000, tzinfo=datetime.timezone.utc), None if i % 2 else -i, ["a", "b"],
        {"k": 1}, decimal.Decimal("1.5000"), uuid.UUID(int=i), "x", (1, "z"), ipaddress.IPv4Address("1.2.3.4"), True,
        datetime.date(1950, 1, 1), 0.25, b"abc", 2**200, ipaddress.IPv6Address("::2"), [(1, None), (2, "x")],
    ]


def types(client, how):
    client.command("DROP TABLE IF EXISTS py SYNC")
    client.command("CREATE TABLE py (" + ", ".join(f"{n} {t}" for n, t in COLUMNS.items()) + ") ENGINE = MergeTree ORDER BY a")
    rows = [row(i) for i in range(50)]
    client.insert("py", rows)
    got = client.query("SELECT * FROM py ORDER BY a", column_formats={"c": "native"}, query_tz="UTC").result_rows
    check(how + ": rows", len(got), 50)
    want = [v.replace(tzinfo=None) if isinstance(v, datetime.datetime) else v for v in rows[7]]
    check(how + ": all types", [v.replace(tzinfo=None) if isinstance(v, datetime.datetime) else v for v in got[7]], want)
    for i, (coding, compress) in enumerate(CODINGS.items()):
        client.raw_insert("py", ["a", "b"], compress(b"%d,zz\n" % (100 + i)), fmt="CSV", compression=coding)
    check(how + ": raw insert", client.query("SELECT count(), sum(a) FROM py").first_row, (56, 1225 + 615))


def reads(client, how):
    check(how + ": parameters", client.query("SELECT {a:UInt32} + 1, {s:String}, {l:Array(String)}", parameters={"a": 5, "s": "it's\t", "l": ["x'", "y"]}).first_row, (6, "it's\t", ["x'", "y"]))
    check(how + ": client side parameters", client.query("SELECT %(a)s + 1, %(s)s", parameters={"a": 5, "s": "it's"}).first_row, (6, "it's"))
    check(how + ": a long parameter", client.query("SELECT length({s:String})", parameters={"s": "x" * 100_000}).first_row, (100_000,))
    with client.query_row_block_stream("SELECT number, toString(number) FROM numbers(300000)") as stream:
        check(how + ": streaming", sum(r[0] for block in stream for r in block), 299999 * 150000)
    dynamic = client.query("SELECT '{\"a\": 1, \"b\": {\"c\": [\"x\"]}}'::JSON, 2::Variant(UInt8, String), 'y'::Dynamic, [3::Dynamic]").first_row
    check(how + ": JSON, Variant, Dynamic", dynamic, ({"a": 1, "b": {"c": ["x"]}}, 2, "y", [3]))
    check(how + ": no rows", client.query("SELECT 1 WHERE 0").result_rows, [])
    check(how + ": columns only", client.query("SELECT 1 AS x LIMIT 0").column_names, ("x",))
    check(how + ": raw query", client.raw_query("SELECT 1", fmt="CSV"), b"1\n")
    check(how + ": command", client.command("SELECT 41 + 1"), 42)
    check(how + ": error", code_of(how, lambda: client.query("SELECT nosuch")), 47)
    check(how + ": error of a command", code_of(how, lambda: client.command("DROP TABLE nosuch")), 60)
    late = "SELECT throwIf(number = 2000000) FROM numbers(3000000)"
    check(how + ": error in the middle", code_of(how, lambda: client.query(late, settings={"max_threads": 1, "max_block_size": 1000})), 395)
    external = ExternalData(file_name="ext.csv", data=b"1,a\n2,b\n", fmt="CSV", structure=["x UInt8", "y String"])
    external.add_file(file_name="more.tsv", data=b"2\tc\n", types=["UInt8", "String"])
    got = client.query("SELECT x, y, _2 FROM ext JOIN more ON x = _1 WHERE x = {n:UInt8}", parameters={"n": 2}, external_data=external)
    check(how + ": external data", got.result_rows, [(2, "b", "c")])
    check(how + ": external data ends", code_of(how, lambda: client.query("SELECT * FROM ext")), 60)


def session():
    client = clickhouse_connect.get_client(host=HOST, port=PORT, database=DATABASE)
    client.command("SET max_threads = 3")
    client.command("CREATE TEMPORARY TABLE tmp (a UInt8)")
    client.insert("tmp", [[1], [2]], column_names=["a"])
    check("session: temporary table", client.query("SELECT sum(a) FROM tmp", settings={"max_threads": 5}).first_row, (3,))
    check("session: SET", client.command("SELECT getSetting('max_threads')"), 3)
    other = clickhouse_connect.get_client(host=HOST, port=PORT, database=DATABASE)
    check("session: of another client", code_of("session", lambda: other.query("SELECT * FROM tmp")), 60)
    name = client.params["session_id"]
    reads(client, "in a session with settings of its own")
    slow = clickhouse_connect.get_client(host=HOST, port=PORT, database=DATABASE, session_id=name)
    fast = clickhouse_connect.get_client(host=HOST, port=PORT, database=DATABASE, autogenerate_session_id=False)
    thread = threading.Thread(target=lambda: slow.query("SELECT sleep(2)"))
    thread.start()
    while fast.command("SELECT count() FROM system.processes WHERE query LIKE '%sleep(2)%' AND query NOT LIKE '%system.processes%'") == 0:
        pass
    check("session: two at once", code_of("session", lambda: client.query("SELECT 1")), 373)
    thread.join()
    check("session: after it", client.query("SELECT count() FROM tmp").first_row, (2,))
    client.close()


for options in ({}, {"compress": False}, {"compress": "lz4"}, {"compress": "zstd"}, {"compress": "br"}, {"compress": "gzip"}, {"form_encode_query_params": True}, {"autogenerate_session_id": False}):
    with clickhouse_connect.get_client(host=HOST, port=PORT, database=DATABASE, **options) as c:
        check(f"{options}: ping", c.ping(), True)
        check(f"{options}: version", c.server_version, c.command("SELECT version()"))
        types(c, str(options))
        reads(c, str(options))
with clickhouse_connect.get_client(host=HOST, port=PORT, database=DATABASE, compress="deflate") as c:
    reads(c, "deflate")
session()
engine = create_engine(f"clickhousedb://default@{HOST}:{PORT}/{DATABASE}")
with engine.connect() as connection:
    check("SQLAlchemy", connection.execute(text("SELECT 1 + 1")).fetchall(), [(2,)])
    check("SQLAlchemy: tables", "py" in engine.dialect.get_table_names(connection), True)
print(checks, "checks passed")
