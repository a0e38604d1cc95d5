package cli

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"tidemark/consumers/clickhouse"
	"tidemark/internal/kafka"
	"tidemark/schemas"
)

// usageError is a configuration that cannot work; it lists every fault at once.
type usageError struct{ err error }

func (e *usageError) Error() string {
	var many interface{ Unwrap() []error }
	if !errors.As(e.err, &many) {
		return "configuration: " + e.err.Error()
	}
	lines := []string{"configuration:"}
	for _, err := range many.Unwrap() {
		lines = append(lines, "  "+strings.ReplaceAll(err.Error(), "\n", "\n  "))
	}
	return strings.Join(lines, "\n")
}

func (e *usageError) Unwrap() error { return e.err }

// invalid joins what is wrong with a configuration; nil when nothing is.
func invalid(errs ...error) error {
	var found []error
	for _, err := range errs {
		if err != nil {
			found = append(found, err)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return &usageError{err: errors.Join(found...)}
}

// commonFlags are the flags of every command that works on a namespace.
type commonFlags struct {
	Namespace string `help:"The isolated pipeline to work on: name of the database, prefix of the topics, consumer group." default:"tidemark" placeholder:"NAME"`
	LogLevel  string `help:"Log level: debug, info, warn, error." default:"info" placeholder:"LEVEL"`
	LogFormat string `help:"Log format: console or json." default:"console" placeholder:"FORMAT"`
}

func (c commonFlags) validate() error {
	var errs []error
	if err := schemas.ValidNamespace(c.Namespace); err != nil {
		errs = append(errs, fmt.Errorf("--namespace: %w", err))
	}
	if _, err := zapcore.ParseLevel(c.LogLevel); err != nil {
		errs = append(errs, fmt.Errorf("--log-level: %q is not debug, info, warn or error", c.LogLevel))
	}
	if c.LogFormat != "console" && c.LogFormat != "json" {
		errs = append(errs, fmt.Errorf("--log-format: %q is not console or json", c.LogFormat))
	}
	return errors.Join(errs...)
}

// logger writes to standard error, so that the output of a command stays clean.
func (c commonFlags) logger(s Streams) *zap.Logger {
	level, err := zapcore.ParseLevel(c.LogLevel)
	if err != nil {
		level = zapcore.InfoLevel
	}
	encoding := zap.NewProductionEncoderConfig()
	encoding.EncodeTime = zapcore.RFC3339TimeEncoder
	var encoder zapcore.Encoder
	if c.LogFormat == "json" {
		encoder = zapcore.NewJSONEncoder(encoding)
	} else {
		encoding.EncodeLevel = zapcore.CapitalLevelEncoder
		encoder = zapcore.NewConsoleEncoder(encoding)
	}
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(s.Err)), level))
}

// kafkaFlags say how to reach the brokers.
type kafkaFlags struct {
	Brokers           []string `help:"Kafka bootstrap addresses." default:"127.0.0.1:9092" placeholder:"HOST:PORT" group:"Kafka"`
	KafkaTLS          bool     `name:"kafka-tls" help:"Use TLS to the brokers." group:"Kafka"`
	KafkaTLSCA        string   `name:"kafka-tls-ca" help:"PEM file with the brokers' certificate authority; the system's when empty." placeholder:"FILE" group:"Kafka"`
	KafkaTLSCert      string   `name:"kafka-tls-cert" help:"PEM file with the client certificate." placeholder:"FILE" group:"Kafka"`
	KafkaTLSKey       string   `name:"kafka-tls-key" help:"PEM file with the client key." placeholder:"FILE" group:"Kafka"`
	KafkaSASL         string   `name:"kafka-sasl" help:"SASL mechanism: plain, scram-sha-256 or scram-sha-512." placeholder:"MECHANISM" group:"Kafka"`
	KafkaUser         string   `help:"SASL user. The password comes from TIDEMARK_KAFKA_PASSWORD or --kafka-password-file." placeholder:"USER" group:"Kafka"`
	KafkaPasswordFile string   `help:"File that holds the SASL password." placeholder:"FILE" group:"Kafka"`
}

func (k kafkaFlags) validate() error {
	var errs []error
	if len(k.Brokers) == 0 {
		errs = append(errs, errors.New("--brokers: at least one host:port is needed"))
	}
	for _, b := range k.Brokers {
		if _, _, err := net.SplitHostPort(b); err != nil {
			errs = append(errs, fmt.Errorf("--brokers: %q is not host:port", b))
		}
	}
	switch strings.ToLower(k.KafkaSASL) {
	case "":
		if k.KafkaUser != "" {
			errs = append(errs, errors.New("--kafka-user: needs --kafka-sasl to say which mechanism"))
		}
	case "plain", "scram-sha-256", "scram-sha-512":
		if k.KafkaUser == "" {
			errs = append(errs, errors.New("--kafka-sasl: needs --kafka-user"))
		}
		if password, err := secret("TIDEMARK_KAFKA_PASSWORD", k.KafkaPasswordFile); err != nil {
			errs = append(errs, fmt.Errorf("--kafka-password-file: %w", err))
		} else if password == "" {
			errs = append(errs, errors.New("--kafka-sasl: needs TIDEMARK_KAFKA_PASSWORD or --kafka-password-file"))
		}
	default:
		errs = append(errs, fmt.Errorf("--kafka-sasl: %q is not plain, scram-sha-256 or scram-sha-512", k.KafkaSASL))
	}
	if !k.KafkaTLS && (k.KafkaTLSCA != "" || k.KafkaTLSCert != "" || k.KafkaTLSKey != "") {
		errs = append(errs, errors.New("--kafka-tls-ca, --kafka-tls-cert, --kafka-tls-key: need --kafka-tls"))
	}
	if k.KafkaTLS {
		if _, err := tlsConfig("kafka", k.KafkaTLSCA, k.KafkaTLSCert, k.KafkaTLSKey); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// conn is the connection setting of a validated configuration.
func (k kafkaFlags) conn(clientID string) (kafka.Config, error) {
	conn := kafka.Config{Brokers: k.Brokers, ClientID: clientID, SASLMechanism: strings.ToLower(k.KafkaSASL), User: k.KafkaUser}
	var err error
	if conn.SASLMechanism != "" {
		if conn.Password, err = secret("TIDEMARK_KAFKA_PASSWORD", k.KafkaPasswordFile); err != nil {
			return conn, err
		}
	}
	if k.KafkaTLS {
		conn.TLS, err = tlsConfig("kafka", k.KafkaTLSCA, k.KafkaTLSCert, k.KafkaTLSKey)
	}
	return conn, err
}

// clickhouseUser is who asks ClickHouse, and whom the embedded one asks for.
type clickhouseUser struct {
	ClickHouseUser         string `name:"clickhouse-user" env:"TIDEMARK_CLICKHOUSE_USER" help:"User. The password comes from TIDEMARK_CLICKHOUSE_PASSWORD or --clickhouse-password-file." default:"default" placeholder:"USER" group:"ClickHouse"`
	ClickHousePasswordFile string `name:"clickhouse-password-file" env:"TIDEMARK_CLICKHOUSE_PASSWORD_FILE" help:"File that holds the password." placeholder:"FILE" group:"ClickHouse"`
}

// password returns the password, "" for none.
func (u clickhouseUser) password() (string, error) {
	password, err := secret("TIDEMARK_CLICKHOUSE_PASSWORD", u.ClickHousePasswordFile)
	if err != nil {
		return "", fmt.Errorf("--clickhouse-password-file: %w", err)
	}
	return password, nil
}

// clickhouseFlags say how to reach ClickHouse.
type clickhouseFlags struct {
	ClickHouse string `name:"clickhouse" env:"TIDEMARK_CLICKHOUSE" help:"Address of ClickHouse's HTTP interface: http://HOST:8123 or https://HOST:8443." default:"http://127.0.0.1:8123" placeholder:"URL" group:"ClickHouse"`
	clickhouseUser
	ClickHouseTLSCA   string `name:"clickhouse-tls-ca" env:"TIDEMARK_CLICKHOUSE_TLS_CA" help:"PEM file with the server's certificate authority; the system's when empty." placeholder:"FILE" group:"ClickHouse"`
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
		errs = append(errs, errors.New("--clickhouse: user and password do not belong into the address; use --clickhouse-user and TIDEMARK_CLICKHOUSE_PASSWORD"))
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

// open connects to the namespace's database with a validated configuration.
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

// secret reads a password: from file if one is named, else from the environment variable.
func secret(variable, file string) (string, error) {
	if file == "" {
		return os.Getenv(variable), nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(content), "\r\n"), nil
}

// tlsConfig loads certificates; which prefixes the flags' names in errors.
func tlsConfig(which, ca, cert, key string) (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	var errs []error
	if ca != "" {
		pem, err := os.ReadFile(ca)
		cfg.RootCAs = x509.NewCertPool()
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("--%s-tls-ca: %w", which, err))
		case !cfg.RootCAs.AppendCertsFromPEM(pem):
			errs = append(errs, fmt.Errorf("--%s-tls-ca: no PEM certificate in %s", which, ca))
		}
	}
	switch {
	case (cert == "") != (key == ""):
		errs = append(errs, fmt.Errorf("--%s-tls-cert and --%s-tls-key: one needs the other", which, which))
	case cert != "":
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			errs = append(errs, fmt.Errorf("--%s-tls-cert: %w", which, err))
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, errors.Join(errs...)
}

// redact hides what stands where a user and a password would in an address.
func redact(address string) string {
	if i := strings.LastIndex(address, "@"); i >= 0 {
		return "***" + address[i:]
	}
	return address
}
