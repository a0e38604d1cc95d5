package stack_test

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	stacktest "tidemark/internal/test/stack"
)

// outside is what statements must not reach: a file, a folder that stays empty, and a server that counts who connects.
type outside struct {
	file, folder, address string
	connections           atomic.Int64
}

const secret = "what the file says"

func newOutside(t *testing.T) *outside {
	t.Helper()
	o := &outside{file: filepath.Join(t.TempDir(), "secret"), folder: t.TempDir()}
	if err := os.WriteFile(o.file, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it takes no time
	if err != nil {
		t.Fatal(err)
	}
	o.address = listener.Addr().String()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			o.connections.Add(1)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return o
}

// statements are ways to the outside. FILE, FOLDER and HOST stand for what newOutside made.
var statements = []string{
	"SELECT * FROM file('FILE', 'LineAsString')", "SELECT * FROM file('FILE')", "SELECT * FROM 'FILE'", "SELECT count() FROM `FILE`", "DESCRIBE TABLE file('FILE')",
	"SELECT * FROM fileCluster('default', 'FILE', 'LineAsString')", "SELECT * FROM filesystem('FOLDER')", "CREATE TABLE o AS file('FILE', 'LineAsString')",
	"INSERT INTO FUNCTION file('FOLDER/x', 'CSV', 'a UInt8') SELECT 1", "INSERT INTO FUNCTION file('FOLDER/x', 'CSV', 'a UInt8') VALUES (1)",
	"SELECT 1 INTO OUTFILE 'FOLDER/x'", "select 1 into/**/outfile 'FOLDER/x' FORMAT CSV", "SELECT 1 INTO --\n OUTFILE 'FOLDER/x' TRUNCATE", "EXPLAIN SELECT 1 INTO OUTFILE 'FOLDER/x'",
	"SELECT $'$'$'$, ‘'’, '' INTO OUTFILE 'FOLDER/x'", "SELECT ‘'’, 1 INTO OUTFILE 'FOLDER/x' --'", "SELECT 1 INTO\u00a0OUTFILE 'FOLDER/x'",
	"INSERT INTO u FROM INFILE 'FILE' FORMAT LineAsString", "INSERT INTO u (s) from infile 'FILE'",
	// The function file, by every way to a function's name.
	"SELECT file('FILE')", "SELECT file('FILE', 'd')", "SELECT file('FILE', NULL)", "SELECT `f\\x69le`('FILE')", "SELECT \"file\"('FILE')", "SELECT “file”('FILE')",
	"SELECT file/**/('FILE') SETTINGS enable_analyzer = 0", "SELECT arrayMap(x -> file(x), ['FILE']) SETTINGS enable_analyzer = 0", "SELECT arrayMap(file, ['FILE'])",
	"SELECT * APPLY file FROM (SELECT 'FILE')", "WITH (x -> file(x)) AS g SELECT g('FILE')", "INSERT INTO u VALUES (file('FILE'))", "INSERT INTO u VALUES (concat('', file('FILE', 'd')))",
	"SELECT * FROM format(JSONEachRow, 'x UInt8, y String DEFAULT file(\\'FILE\\')', '{\"x\":1}')",
	"SELECT * FROM format(JSONEachRow, concat('x UInt8, y String DEFAULT fi', 'le(\\'FILE\\')'), '{\"x\":1}')",
	"SELECT * FROM u SETTINGS additional_table_filters = {'u': 's = file(\\'FILE\\')'}", "SELECT 1 SETTINGS additional_result_filter = 'length(file(\\'FILE\\')) > 0'",
	"SELECT * FROM eval('SELECT file(\\'FILE\\')') SETTINGS allow_experimental_eval_table_function = 1", "SET dialect = 'prql'", "SELECT 1 SETTINGS dialect = 'kusto'",
	"CREATE OR REPLACE FUNCTION file AS (x) -> x", "DROP FUNCTION file", "DROP FUNCTION IF EXISTS file", "SELECT catboostEvaluate('FILE', 1)",
	"SELECT 1 FORMAT Protobuf SETTINGS format_schema = 'FILE:M'", "SELECT 1 FORMAT CapnProto SETTINGS output_format_schema = 'FOLDER/x'",
	"SELECT 1 FORMAT Template SETTINGS format_template_row = 'FILE'", "SELECT 1 FORMAT Template SETTINGS format_template_resultset = 'FILE'",
	// Other servers and their stores.
	"SELECT * FROM url('http://HOST/x', 'LineAsString', 's String')", "INSERT INTO FUNCTION url('http://HOST/x', 'CSV', 'a UInt8') SELECT 1", "SELECT * FROM remote('HOST', 'system.one')",
	"SELECT * FROM remoteSecure('HOST', 'system.one')", "SELECT * FROM mysql('HOST', 'a', 'b', 'c', 'd')", "SELECT * FROM postgresql('HOST', 'a', 'b', 'c', 'd')",
	"SELECT * FROM mongodb('HOST', 'a', 'b', 'c', 'd', 'e String')", "SELECT * FROM redis('HOST', 'k', 'k String')", "SELECT * FROM s3('http://HOST/bucket/y', 'CSV', 'a String')",
	"SELECT * FROM gcs('http://HOST/bucket/y', 'CSV', 'a String')", "SELECT * FROM hdfs('hdfs://HOST/x', 'CSV', 'a String')", "SELECT * FROM sqlite('FILE', 't')",
	"SELECT * FROM azureBlobStorage('http://HOST', 'x', 'y', 'z', 'k', 'CSV', 'auto', 'a String')", "SELECT * FROM deltaLakeLocal('FOLDER')", "SELECT * FROM icebergLocal('FOLDER')",
	"SELECT * FROM icebergS3('http://HOST/bucket/y')", "SELECT * FROM executable('x', 'CSV', 'a String')", "SELECT * FROM ytsaurus('http://HOST', 'x', 'y', 'a String')",
	"SELECT aiGenerate('x', 'y') SETTINGS allow_experimental_ai_functions = 1", "SELECT 1 SETTINGS format_avro_schema_registry_url = 'http://HOST'",
	// Tables, databases, dictionaries, disks and backups elsewhere.
	"CREATE TABLE o (s String) ENGINE = File(CSV)", "CREATE TABLE o (s String) ENGINE = URL('http://HOST', 'CSV')", "CREATE TABLE o (s String) ENGINE = S3('http://HOST/bucket/y', 'CSV')",
	"CREATE TABLE o (s String) ENGINE = MySQL('HOST', 'a', 'b', 'c', 'd')", "CREATE TABLE o (s String) ENGINE = Kafka('HOST', 'a', 'b', 'CSV')", "CREATE TABLE o (s String) ENGINE = SQLite('FILE', 't')",
	"CREATE TABLE o (s String) ENGINE = Distributed('default', 'a', 'b')", "CREATE TABLE o (s String) ENGINE = EmbeddedRocksDB(0, 'FOLDER') PRIMARY KEY s",
	"CREATE TABLE o (query String) ENGINE = QueryRunner", "CREATE TABLE o (s String) ENGINE = `Execut\\x61ble`('x', 'CSV')",
	"CREATE TABLE IF NOT EXISTS o (s String) engine/**/ExecutablePool('x', 'CSV')", "ATTACH TABLE o (s String) ENGINE \"FileLog\"('FOLDER', 'CSV')", "CREATE OR REPLACE TABLE o ENGINE = EmbeddedRocksDB(0, 'FOLDER') PRIMARY KEY s AS SELECT 1 AS s",
	"CREATE MATERIALIZED VIEW o ENGINE = Executable('x', 'CSV') AS SELECT 1", "REPLACE TABLE u ENGINE = Executable('x', 'CSV') AS SELECT 1", "CREATE TEMPORARY TABLE o (s String) ENGINE = File(CSV)",
	"CREATE TABLE o (s String) ENGINE = MergeTree ORDER BY s SETTINGS disk = disk(type = web, endpoint = 'http://HOST/')",
	"CREATE TABLE o (s String) ENGINE = MergeTree ORDER BY s SETTINGS disk = disk(type = local, path = 'FOLDER/')",
	"CREATE DATABASE o ENGINE = Filesystem('FOLDER')", "CREATE DATABASE o ENGINE = SQLite('FILE')", "CREATE DATABASE o ENGINE = MySQL('HOST', 'a', 'b', 'c')", "CREATE DATABASE o ENGINE = S3('http://HOST/')",
	"CREATE DATABASE o ENGINE = PostgreSQL('HOST', 'a', 'b', 'c')", "CREATE DATABASE IF NOT EXISTS o ENGINE `Backup`('a', S3('http://HOST/bucket/y'))", "ATTACH DATABASE o ENGINE = Backup('a', File('FILE'))",
	"CREATE DATABASE o ENGINE = DataLakeCatalog('http://HOST/') SETTINGS warehouse = 'w', catalog_type = 'rest'",
	"CREATE DICTIONARY o (x UInt64) PRIMARY KEY x SOURCE(FILE(path 'FILE' format 'CSV')) LAYOUT(FLAT()) LIFETIME(0)",
	"CREATE DICTIONARY o (x UInt64) PRIMARY KEY x SOURCE(HTTP(url 'http://HOST' format 'CSV')) LAYOUT(FLAT()) LIFETIME(0)",
	"CREATE NAMED COLLECTION o AS url = 'http://HOST'", "BACKUP TABLE u TO File('FOLDER/x')", "BACKUP TABLE u TO S3('http://HOST/bucket/y')", "RESTORE TABLE u FROM File('FILE')",
	"/* c */ RESTORE TABLE u FROM S3('http://HOST/bucket/y', 'a', 'b')", "ATTACH TABLE o FROM 'FOLDER' (s String) ENGINE = MergeTree ORDER BY s",
	// The rules themselves, and the process.
	"GRANT ALL ON *.* TO default", "CREATE USER o", "CREATE ROLE o", "SYSTEM SHUTDOWN", "SYSTEM KILL",
}

// TestStatementsStayInside runs statements that lead out of the data folder. Each is refused whatever the session may
// write, and nothing outside is read, written or connected to.
func TestStatementsStayInside(t *testing.T) {
	f, o := newFront(t), newOutside(t)
	f.query(t, "CREATE TABLE u (s String) ENGINE = MergeTree ORDER BY s")
	f.post(t, "SET max_threads = 3", f.in("kept")...).want(t, 200, "")
	for _, text := range statements {
		sql := strings.NewReplacer("FILE'", o.file+"'", "FILE\\'", o.file+"\\'", "FILE`", o.file+"`", "FILE:", o.file+":", "FOLDER", o.folder, "HOST", o.address).Replace(text)
		for how, a := range map[string]answer{
			"POST": f.post(t, sql), "GET": f.get(t, sql), "readonly": f.post(t, sql, "readonly", "2"), "param": f.do(t, http.MethodPost, values("query", sql), http.NoBody),
			"session": f.post(t, sql, f.in("kept")...), "first of a session": f.post(t, sql, f.in("first", "close_session", "1")...), "form": f.form(t, nil, "query", sql),
		} {
			if a.status < 400 || a.header.Get("X-ClickHouse-Exception-Code") == "" || strings.Contains(a.body, secret) {
				t.Errorf("%s by %s: HTTP %d %.200q", text, how, a.status, a.body)
			}
		}
	}
	for _, name := range []string{"format_schema", "dialect", "additional_result_filter", "format_avro_schema_registry_url", "output_format_schema"} {
		f.post(t, "SELECT 1", name, "x").wantError(t, 500, 452, "SETTING_CONSTRAINT_VIOLATION")
	}
	if n := o.connections.Load(); n > 0 {
		t.Errorf("%d connections to the server outside", n)
	}
	if entries, err := os.ReadDir(o.folder); err != nil || len(entries) > 0 {
		t.Errorf("the folder outside holds %v, %v", entries, err)
	}
	if got := f.query(t, "SELECT count() FROM u"); got != "0" {
		t.Errorf("%s rows were stored", got)
	}
}

// TestStatementsInsideWork runs what has to go on working beside those.
func TestStatementsInsideWork(t *testing.T) {
	f := newFront(t)
	for _, c := range []struct{ sql, want string }{
		{"CREATE TABLE w (file String, outfile UInt8, infile UInt8) ENGINE = ReplacingMergeTree ORDER BY file", ""},
		{"INSERT INTO w VALUES ('INTO OUTFILE ''x''', 1 + 1, 3)", ""},
		{"INSERT INTO w SELECT 'file(''x'')', outfile, infile FROM w", ""},
		{"SELECT file, outfile, infile FROM w ORDER BY file /* INTO OUTFILE 'x' */ -- FROM INFILE 'x'", "INTO OUTFILE \\'x\\'\t2\t3\nfile(\\'x\\')\t2\t3\n"},
		{"ALTER TABLE w DELETE WHERE file LIKE 'file(%' SETTINGS mutations_sync = 1", ""},
		{"CREATE VIEW wv AS SELECT count() AS n FROM w", ""},
		{"CREATE MATERIALIZED VIEW wm ENGINE = SummingMergeTree ORDER BY n AS SELECT 1 AS n FROM w", ""},
		{"SELECT n FROM wv", "1\n"},
		{"CREATE VIEW we AS SELECT name FROM system.tables WHERE engine = 'URL' AND engine = name", ""},
		{"CREATE DATABASE IF NOT EXISTS stays_inside ENGINE = Atomic", ""},
		{"CREATE DATABASE IF NOT EXISTS stays_inside_too", ""},
		{"SELECT sum(number) FROM numbers(4)", "6\n"},
		{"SELECT * FROM format(CSV, 'a UInt8', '1')", "1\n"},
		{"SELECT * FROM values('a UInt8', 1, 2) ORDER BY a", "1\n2\n"},
		{"SYSTEM STOP MERGES w", ""},
		{"SYSTEM START MERGES w", ""},
		{"OPTIMIZE TABLE w FINAL SETTINGS optimize_throw_if_noop = 0", ""},
		{"EXISTS TABLE w", "1\n"},
		{"TRUNCATE TABLE w", ""},
		{"RENAME TABLE w TO w2", ""},
		{"DROP DATABASE stays_inside SYNC", ""},
		{"DROP DATABASE stays_inside_too SYNC", ""},
	} {
		f.post(t, c.sql).want(t, 200, c.want)
	}
}

// TestOtherSites sends what a browser sends for pages of other sites. None of it runs.
func TestOtherSites(t *testing.T) {
	f := newFront(t)
	f.query(t, "CREATE TABLE victim (a UInt8) ENGINE = MergeTree ORDER BY a")
	_, port, err := net.SplitHostPort(f.stack.HTTPAddr())
	if err != nil {
		t.Fatal(err)
	}
	for _, headers := range [][]string{
		{"Origin", "https://evil.example"}, {"Origin", "null"}, {"Origin", "http://localhost:3000"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"},
		{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, {"Referer", "http://evil.example/"},
		{"Origin", "https://evil.example", "Content-Type", "text/plain"}, {"Origin", "https://evil.example", "Access-Control-Request-Method", "POST"},
		{"Host", "evil.example:" + port}, {"Host", "127.0.0.1.evil.example"}, {"Host", "0.0.0.0:" + port},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodOptions} {
			a := f.do(t, method, values("query", "INSERT INTO victim SELECT 1"), http.NoBody, headers...)
			a.wantError(t, http.StatusForbidden, 497, "ACCESS_DENIED")
			if a.header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%q: a page may read the answer", headers)
			}
		}
		ping := doTo(t, f.stack.HTTPURL()+"/ping", "", http.MethodGet, nil, http.NoBody, headers...)
		ping.wantError(t, http.StatusForbidden, 497, "ACCESS_DENIED")
	}
	if got := f.query(t, "SELECT count() FROM victim"); got != "0" {
		t.Errorf("%s statements of other sites' pages ran", got)
	}
	f.do(t, http.MethodPost, nil, strings.NewReader("SELECT 1"), "Host", "localhost:"+port, "User-Agent", "Grafana/12").want(t, 200, "1\n")
	stacktest.Query(t, f.stack, f.database, "DROP TABLE victim SYNC")
}
