// Package clickhouse is the adapter of the consumers to ClickHouse: statements and queries (DB), blocks and the ledger
// (Store), and the schema (Migrate).
//
//	ingest.Worker -> Store.Insert -> one INSERT of one Native block
//	              -> Store.Account -> one row of the ledger
//	rollup, audit -> DB.Exec, DB.Query
//	migrate       -> DB.Migrate
//
// It uses ClickHouse's HTTP interface, because only there the bytes of a block can be made once, column by column,
// without the driver's own copies.
//
// An error of this package is one of two kinds. IsRefused reports that the database refuses the data itself and will
// refuse it again. Any other error means that the outcome is unknown or that the cause may pass, so the caller sends the
// same again. Every statement that the package itself sends may be sent twice.
package clickhouse

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"time"

	chgo "github.com/ClickHouse/clickhouse-go/v2"

	"tidemark/consumers/limit"
)

// Config holds the settings of a pool of connections. Only URL and Database are required.
type Config struct {
	URL string // http://host:port or https://host:port, with an optional path. Required.
	// User and Password authenticate. Default "default" and "".
	User, Password string
	// Database is the namespace: unqualified names are looked up there. Required.
	Database string
	// TLS is used with https. Nil trusts the system's roots.
	TLS *tls.Config

	// DialTimeout bounds the time to connect, or to wait for a free connection. Default 10 s.
	DialTimeout time.Duration
	// AttemptTimeout bounds one attempt of a method of Store, from the first byte sent to the last one received.
	// Default 60 s.
	AttemptTimeout time.Duration
	// SilenceTimeout is how long the server may send nothing while a statement or a query is running. Default 5 min.
	SilenceTimeout time.Duration
	// MaxConns bounds the open connections. Default 32.
	MaxConns int
}

// withDefaults returns the configuration with defaults for what is 0. Its error reports every problem at once.
func (c Config) withDefaults() (Config, error) {
	var problems []error
	u, err := url.Parse(c.URL)
	switch {
	case err != nil:
		// The error of url.Parse quotes its input, which may hold a password.
		problems = append(problems, errors.New("the ClickHouse URL cannot be parsed"))
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		problems = append(problems, errors.New("the ClickHouse URL must be http://host:port or https://host:port"))
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		problems = append(problems, errors.New("the ClickHouse URL must not contain a user, a password or parameters: set them separately"))
	}
	if c.Database == "" {
		problems = append(problems, errors.New("the ClickHouse database is not named"))
	}
	problems = append(problems, limit.NotNegative("DialTimeout", c.DialTimeout), limit.NotNegative("AttemptTimeout", c.AttemptTimeout),
		limit.NotNegative("SilenceTimeout", c.SilenceTimeout), limit.NotNegative("MaxConns", c.MaxConns))
	c.User = cmp.Or(c.User, "default")
	c.DialTimeout = cmp.Or(c.DialTimeout, 10*time.Second)
	c.AttemptTimeout = cmp.Or(c.AttemptTimeout, 60*time.Second)
	c.SilenceTimeout = cmp.Or(c.SilenceTimeout, 5*time.Minute)
	c.MaxConns = cmp.Or(c.MaxConns, 32)
	return c, errors.Join(problems...)
}

// DB is a pool of connections to one database. It is safe for concurrent use.
type DB struct {
	config Config
	conn   chgo.Conn
}

// Open checks the configuration and makes a pool. It does not connect: see Ping.
func Open(cfg Config) (*DB, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("clickhouse configuration: %w", err)
	}
	u, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("clickhouse configuration: %w", err)
	}
	host, tlsConfig := u.Host, cfg.TLS
	if u.Scheme == "https" && tlsConfig == nil {
		tlsConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if u.Scheme == "http" {
		tlsConfig = nil
	}
	if u.Port() == "" {
		port := "80"
		if u.Scheme == "https" {
			port = "443"
		}
		host = net.JoinHostPort(u.Hostname(), port)
	}
	dialer := &net.Dialer{Timeout: cfg.DialTimeout, KeepAlive: 15 * time.Second}
	conn, err := chgo.Open(&chgo.Options{
		Protocol: chgo.HTTP,
		Addr:     []string{host},
		// The database is a parameter of each request (see settings): a connection bound to it could not create it.
		Auth:         chgo.Auth{Username: cfg.User, Password: cfg.Password},
		TLS:          tlsConfig,
		HttpUrlPath:  u.Path,
		DialTimeout:  cfg.DialTimeout,
		ReadTimeout:  cfg.SilenceTimeout,
		MaxOpenConns: cfg.MaxConns,
		// Making a connection costs a query, so none is dropped for being idle.
		MaxIdleConns: cfg.MaxConns,
		DialContext: func(ctx context.Context, addr string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, "tcp", addr)
			if err != nil {
				return nil, err
			}
			return &watchedConn{Conn: conn, silence: cfg.SilenceTimeout}, nil
		},
		Settings:      rightSettings,
		TransportFunc: func(t *http.Transport) (http.RoundTripper, error) { return proofTransport{next: t}, nil },
	})
	if err != nil {
		return nil, fmt.Errorf("clickhouse configuration: %w", err)
	}
	return &DB{config: cfg, conn: conn}, nil
}

// Close closes the idle connections and refuses new work.
func (db *DB) Close() error {
	if err := db.conn.Close(); err != nil {
		return fmt.Errorf("close the connections to ClickHouse: %w", err)
	}
	return nil
}

// Database is the name of the database that unqualified names are looked up in.
func (db *DB) Database() string { return db.config.Database }

// In returns the same pool for another database. Close the first DB, not this one.
func (db *DB) In(database string) *DB {
	config := db.config
	config.Database = database
	return &DB{config: config, conn: db.conn}
}

// Ping asks the server for one row. It does not need the database to exist.
func (db *DB) Ping(ctx context.Context) error {
	return wrap("ping ClickHouse", db.conn.Ping(withoutDeadline(ctx)))
}

// Exec runs one statement and waits for its end. An INSERT is synchronous and not deduplicated by the server. An error
// that is not an *Error leaves the outcome unknown. Nil means that ClickHouse itself reported success: see
// proofTransport.
func (db *DB) Exec(ctx context.Context, sql string) error {
	return wrap("run a statement", db.conn.Exec(db.context(ctx, execSettings), sql))
}

// Query runs a query and calls row once per row of its result, in order. The callback gets a function that copies the
// row into pointers to Go values of the columns' own types (UInt64 to *uint64 and so on). An error of the callback ends
// the query and is returned as it is.
func (db *DB) Query(ctx context.Context, sql string, row func(scan func(dest ...any) error) error) (err error) {
	// A query that is abandoned half-way is stopped, not read to its end.
	ctx, cancel := context.WithCancel(db.context(ctx, querySettings))
	defer cancel()
	rows, err := db.conn.Query(ctx, sql)
	if err != nil {
		return wrap("query", err)
	}
	defer func() {
		cancel()
		_ = rows.Close() // The result has been read or abandoned; Err has the error that matters.
	}()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return wrap("query", rows.Err())
}

// Format runs a query that may only read and copies its result to w in one of ClickHouse's output formats, such as
// "CSVWithNames", without holding it in memory. After an error part of the result may have been written.
func (db *DB) Format(ctx context.Context, sql, format string, w io.Writer) error {
	return db.FormatWith(ctx, sql, format, nil, w)
}

// FormatWith is Format with ClickHouse settings for this query, such as max_execution_time. They cannot replace the
// settings that keep a query from writing.
func (db *DB) FormatWith(ctx context.Context, sql, format string, settings map[string]any, w io.Writer) error {
	all := make(chgo.Settings, len(settings)+len(readOnlySettings))
	maps.Copy(all, settings)
	maps.Copy(all, readOnlySettings)
	return db.formatWith(ctx, sql, format, all, func(r io.Reader) error {
		if _, err := io.Copy(w, r); err != nil {
			return wrap("read the result", err)
		}
		return nil
	})
}

// format runs a query and hands the raw result to read.
func (db *DB) format(ctx context.Context, sql, format string, read func(io.Reader) error) error {
	return db.formatWith(ctx, sql, format, readOnlySettings, read)
}

func (db *DB) formatWith(ctx context.Context, sql, format string, settings chgo.Settings, read func(io.Reader) error) (err error) {
	ctx, cancel := context.WithCancel(db.context(ctx, settings))
	defer cancel()
	stream, err := db.conn.QueryFormat(ctx, format, sql)
	if err != nil {
		return wrap("query", err)
	}
	defer func() {
		cancel()
		_ = stream.Close() // Reading returned the error that matters.
	}()
	return read(stream)
}

// Every setting that matters is sent with every request: the servers' defaults differ between versions and profiles.
var (
	// execSettings: an INSERT is written when it is acknowledged, and a failure late in a statement is still a failure
	// of the request.
	execSettings = chgo.Settings{"async_insert": 0, "insert_deduplicate": 0, "wait_end_of_query": 1}
	// querySettings: the server stops when nobody reads any more.
	querySettings = chgo.Settings{"cancel_http_readonly_queries_on_client_close": 1}
	// readOnlySettings: 2 forbids writing but, unlike 1, not other settings.
	readOnlySettings = chgo.Settings{"cancel_http_readonly_queries_on_client_close": 1, "readonly": 2}
	// rightSettings are sent with every request, the driver's own too, and no other settings replace them. Up to 26.7 a
	// compiled min or max with GROUP BY takes a DateTime64 before 1970 for the latest of all; 26.9 does not.
	rightSettings = chgo.Settings{"compile_aggregate_expressions": 0}
)

// context returns ctx with the database and the settings of a request.
func (db *DB) context(ctx context.Context, settings chgo.Settings) context.Context {
	all := make(chgo.Settings, len(settings)+len(rightSettings)+1)
	maps.Copy(all, settings)
	maps.Copy(all, rightSettings)
	all["database"] = db.config.Database
	return chgo.Context(withoutDeadline(ctx), chgo.WithSettings(all))
}
