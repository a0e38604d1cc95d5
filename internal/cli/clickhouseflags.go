package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"go.uber.org/zap"

	"tidemark/consumers/clickhouse"
	"tidemark/internal/app"
)

// clickhouseUser is the user whom commands send to ClickHouse, and whom the embedded ClickHouse asks for.
type clickhouseUser struct {
	ClickHouseUser         string `name:"clickhouse-user" env:"TIDEMARK_CLICKHOUSE_USER" help:"User of ClickHouse. The password comes from TIDEMARK_CLICKHOUSE_PASSWORD or --clickhouse-password-file." default:"default" placeholder:"USER" group:"ClickHouse"`
	ClickHousePasswordFile string `name:"clickhouse-password-file" env:"TIDEMARK_CLICKHOUSE_PASSWORD_FILE" help:"File that holds the password of ClickHouse." placeholder:"FILE" group:"ClickHouse"`
}

// password returns the password, "" for none.
func (u clickhouseUser) password() (string, error) {
	password, err := secret("TIDEMARK_CLICKHOUSE_PASSWORD", u.ClickHousePasswordFile)
	if err != nil {
		return "", fmt.Errorf("--clickhouse-password-file: %w", err)
	}
	return password, nil
}

// clickhouseFlags are the connection to ClickHouse.
type clickhouseFlags struct {
	ClickHouse string `name:"clickhouse" env:"TIDEMARK_CLICKHOUSE" help:"Address of ClickHouse's HTTP interface: http://HOST:8123 or https://HOST:8443." default:"http://127.0.0.1:8123" placeholder:"URL" group:"ClickHouse"`
	clickhouseUser
	ClickHouseTLSCA   string `name:"clickhouse-tls-ca" env:"TIDEMARK_CLICKHOUSE_TLS_CA" help:"PEM file with the server's certificate authority. Empty: the system's authorities." placeholder:"FILE" group:"ClickHouse"`
	ClickHouseTLSCert string `name:"clickhouse-tls-cert" env:"TIDEMARK_CLICKHOUSE_TLS_CERT" help:"PEM file with the client certificate." placeholder:"FILE" group:"ClickHouse"`
	ClickHouseTLSKey  string `name:"clickhouse-tls-key" env:"TIDEMARK_CLICKHOUSE_TLS_KEY" help:"PEM file with the client key." placeholder:"FILE" group:"ClickHouse"`
}

func (c clickhouseFlags) validate() error {
	var errs []error
	address, err := url.Parse(c.ClickHouse)
	switch {
	case err != nil || address.Host == "" || (address.Scheme != "http" && address.Scheme != "https"):
		errs = append(errs, fmt.Errorf("--clickhouse: %q is not http://HOST:PORT or https://HOST:PORT", redact(c.ClickHouse)))
	case address.User != nil:
		errs = append(errs, errors.New("--clickhouse: the address must not contain user and password; use --clickhouse-user and TIDEMARK_CLICKHOUSE_PASSWORD"))
	case address.Scheme == "http" && (c.ClickHouseTLSCA != "" || c.ClickHouseTLSCert != "" || c.ClickHouseTLSKey != ""):
		errs = append(errs, errors.New("--clickhouse-tls-ca, --clickhouse-tls-cert, --clickhouse-tls-key: need an https:// address"))
	}
	if _, err := c.password(); err != nil {
		errs = append(errs, err)
	}
	if _, err := tlsConfig("clickhouse", c.ClickHouseTLSCA, c.ClickHouseTLSCert, c.ClickHouseTLSKey); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// open opens a pool of connections to a database, with validated flags. The caller closes it.
func (c clickhouseFlags) open(database string) (*clickhouse.DB, error) {
	password, err := c.password()
	if err != nil {
		return nil, err
	}
	cfg := clickhouse.Config{URL: c.ClickHouse, User: c.ClickHouseUser, Password: password, Database: database}
	if strings.HasPrefix(c.ClickHouse, "https:") {
		if cfg.TLS, err = tlsConfig("clickhouse", c.ClickHouseTLSCA, c.ClickHouseTLSCert, c.ClickHouseTLSKey); err != nil {
			return nil, err
		}
	}
	return clickhouse.Open(cfg)
}

// checkSchema returns an error unless the database has the schema of this program. A worker waits through an outage for as long as it
// lasts, until ctx ends; a batch run ends, as it does when no broker answers.
func (c clickhouseFlags) checkSchema(ctx context.Context, db *clickhouse.DB, log *zap.Logger, batch bool) error {
	if !batch {
		return app.WaitForSchema(ctx, db, log.With(zap.String("clickhouse", redact(c.ClickHouse))))
	}
	err := app.CheckSchema(ctx, db)
	if err == nil || clickhouse.IsSchema(err) || ctx.Err() != nil {
		return err
	}
	return fmt.Errorf("the database of --clickhouse, %s, does not tell its schema: %w", redact(c.ClickHouse), err)
}
