import com.clickhouse.client.api.Client;
import com.clickhouse.client.api.ServerException;
import com.clickhouse.data.ClickHouseFormat;
import java.io.ByteArrayInputStream;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;

/** What the JDBC driver and client-v2 do by default, with each compression, and in a session. Arguments: host:port, database. */
public class Smoke {
    static String address, database;
    static int checks;

    static void check(String what, Object got, Object want) {
        checks++;
        if (!Objects.equals(got, want)) throw new AssertionError(what + ": got " + got + ", want " + want);
    }

    static void jdbc(String options) throws Exception {
        Properties properties = new Properties();
        properties.setProperty("user", "default");
        try (Connection c = DriverManager.getConnection("jdbc:clickhouse://" + address + "/" + database + options, properties); Statement s = c.createStatement()) {
            check(options + ": valid", c.isValid(10), true);
            check(options + ": version", c.getMetaData().getDatabaseProductVersion(), first(s, "SELECT version()"));
            s.execute("DROP TABLE IF EXISTS jdbc SYNC");
            s.execute("CREATE TABLE jdbc (a UInt32, b String, c Nullable(Int64), d Array(String), e DateTime64(3), f Decimal(18, 4), g Map(String, UInt8), "
                + "h UUID DEFAULT toUUID('00000000-0000-0000-0000-000000000001'), i Bool, j Date32, k Float64, l UInt64, m Enum8('x' = 1), n JSON) ENGINE = MergeTree ORDER BY a");
            check(options + ": insert", s.executeUpdate("INSERT INTO jdbc (a, b, d, g, j, l, m, n) VALUES (100, 'v', ['p', 'q'], {'k': 1}, '1950-01-01', 18446744073709551615, 'x', '{\"z\": 1}')"), 1);
            try (PreparedStatement p = c.prepareStatement("INSERT INTO jdbc (a, b, c, e, f, i, k) VALUES (?, ?, ?, ?, ?, ?, ?)")) {
                for (int i = 0; i < 3; i++) {
                    p.setInt(1, i);
                    p.setString(2, "it's\n" + i);
                    p.setNull(3, java.sql.Types.BIGINT);
                    p.setTimestamp(4, new Timestamp(1000L * i + 123));
                    p.setBigDecimal(5, new BigDecimal("1.5"));
                    p.setBoolean(6, true);
                    p.setDouble(7, 0.25);
                    p.addBatch();
                }
                check(options + ": batch", Arrays.stream(p.executeBatch()).sum(), 3);
            }
            check(options + ": once each", first(s, "SELECT count(), sum(a) FROM jdbc") , "4");
            try (ResultSet r = s.executeQuery("SELECT * FROM jdbc WHERE a IN (2, 100) ORDER BY a")) {
                check(options + ": a row", r.next(), true);
                check(options + ": String", r.getString("b"), "it's\n2");
                check(options + ": Nullable", r.getObject("c"), null);
                check(options + ": DateTime64", r.getTimestamp("e"), new Timestamp(2123));
                check(options + ": Decimal", r.getBigDecimal("f").compareTo(new BigDecimal("1.5")), 0);
                check(options + ": UUID", String.valueOf(r.getObject("h")), "00000000-0000-0000-0000-000000000001");
                check(options + ": Bool", r.getBoolean("i"), true);
                check(options + ": Float64", r.getDouble("k"), 0.25);
                check(options + ": a second row", r.next(), true);
                check(options + ": Array", Arrays.toString((Object[]) r.getArray("d").getArray()), "[p, q]");
                check(options + ": Map", String.valueOf(r.getObject("g")), "{k=1}");
                check(options + ": Date32", r.getDate("j").toString(), "1950-01-01");
                check(options + ": UInt64", r.getObject("l"), new BigInteger("18446744073709551615"));
                check(options + ": Enum8", r.getString("m"), "x");
                check(options + ": JSON", String.valueOf(r.getObject("n")), "{z=1}");
                check(options + ": no row", r.next(), false);
            }
            try (PreparedStatement p = c.prepareStatement("SELECT ? + 1, ?")) {
                p.setInt(1, 5);
                p.setString(2, "it's\t");
                ResultSet r = p.executeQuery();
                r.next();
                check(options + ": parameters", r.getInt(1) + r.getString(2), "6it's\t");
            }
            try (ResultSet r = s.executeQuery("SELECT number FROM numbers(300000)")) {
                long sum = 0;
                while (r.next()) sum += r.getLong(1);
                check(options + ": streaming", sum, 299999L * 150000);
            }
            try {
                s.executeQuery("SELECT nosuch");
                throw new AssertionError(options + ": no error");
            } catch (SQLException e) {
                check(options + ": error", e.getErrorCode(), 47);
            }
            try (ResultSet r = c.getMetaData().getColumns(null, database, "jdbc", "%")) {
                int n = 0;
                while (r.next()) n++;
                check(options + ": columns", n, 14);
            }
            if (options.contains("session_id")) {
                s.execute("CREATE TEMPORARY TABLE tmp (a UInt8)");
                s.execute("INSERT INTO tmp VALUES (1), (2)");
                s.execute("SET max_threads = 3");
                check("session: temporary table", first(s, "SELECT sum(a) FROM tmp"), "3");
                check("session: SET", first(s, "SELECT getSetting('max_threads')"), "3");
            }
        }
    }

    static String first(Statement s, String sql) throws SQLException {
        try (ResultSet r = s.executeQuery(sql)) {
            r.next();
            return r.getString(1);
        }
    }

    public static class Row {
        private int a;
        private String b;
        public int getA() { return a; }
        public void setA(int a) { this.a = a; }
        public String getB() { return b; }
        public void setB(String b) { this.b = b; }
    }

    static void clientV2(boolean request, boolean response, boolean http) throws Exception {
        String how = "client-v2 " + request + " " + response + " " + http;
        try (Client c = new Client.Builder().addEndpoint("http://" + address).setUsername("default").setPassword("").setDefaultDatabase(database)
                .compressClientRequest(request).compressServerResponse(response).useHttpCompression(http).build()) {
            check(how + ": ping", c.ping(), true);
            c.execute("DROP TABLE IF EXISTS v2 SYNC").get().close();
            c.execute("CREATE TABLE v2 (a UInt32, b String) ENGINE = MergeTree ORDER BY a").get().close();
            c.register(Row.class, c.getTableSchema("v2"));
            List<Row> rows = new ArrayList<>();
            for (int i = 0; i < 100_000; i++) {
                Row row = new Row();
                row.setA(i);
                row.setB("z" + i);
                rows.add(row);
            }
            c.insert("v2", rows).get().close();
            c.insert("v2", new ByteArrayInputStream("5,q\n".getBytes()), ClickHouseFormat.CSV).get().close();
            var counted = c.queryAll("SELECT count() AS n, sum(a) AS s FROM v2").get(0);
            check(how + ": rows", counted.getLong("n"), 100_001L);
            check(how + ": sum", counted.getLong("s"), 99_999L * 50_000 + 5);
            check(how + ": parameters", c.queryAll("SELECT {a:UInt32} AS n", Map.of("a", 5)).get(0).getLong("n"), 5L);
            try {
                c.queryAll("SELECT nosuch");
                throw new AssertionError(how + ": no error");
            } catch (Exception e) {
                Throwable cause = e;
                while (!(cause instanceof ServerException) && cause.getCause() != null) cause = cause.getCause();
                check(how + ": error", cause instanceof ServerException s ? s.getCode() : cause, 47);
            }
        }
    }

    public static void main(String[] args) throws Exception {
        address = args[0];
        database = args[1];
        for (String options : List.of("", "?decompress=true", "?compress=false", "?compress=true&decompress=true&client.use_http_compression=true",
                "?clickhouse_setting_session_id=java-" + database)) {
            jdbc(options);
        }
        clientV2(false, true, false);
        clientV2(true, true, false);
        clientV2(true, true, true);
        clientV2(false, false, false);
        System.out.println(checks + " checks passed");
    }
}
