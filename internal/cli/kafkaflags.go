package cli

import (
	"errors"
	"fmt"
	"net"
	"strings"

	consumerkafka "tidemark/consumers/kafka"
	"tidemark/internal/kafka"
	producerkafka "tidemark/producers/kafka"
)

// kafkaFlags are the connection to the brokers.
type kafkaFlags struct {
	Brokers           []string `help:"Kafka bootstrap addresses." default:"127.0.0.1:9092" placeholder:"HOST:PORT" group:"Kafka"`
	KafkaTLS          bool     `name:"kafka-tls" help:"Connect to the brokers with TLS." group:"Kafka"`
	KafkaTLSCA        string   `name:"kafka-tls-ca" help:"PEM file with the brokers' certificate authority. Empty: the system's authorities." placeholder:"FILE" group:"Kafka"`
	KafkaTLSCert      string   `name:"kafka-tls-cert" help:"PEM file with the client certificate." placeholder:"FILE" group:"Kafka"`
	KafkaTLSKey       string   `name:"kafka-tls-key" help:"PEM file with the client key." placeholder:"FILE" group:"Kafka"`
	KafkaSASL         string   `name:"kafka-sasl" help:"SASL mechanism: plain, scram-sha-256 or scram-sha-512." placeholder:"MECHANISM" group:"Kafka"`
	KafkaUser         string   `help:"SASL user. The password comes from TIDEMARK_KAFKA_PASSWORD or --kafka-password-file." placeholder:"USER" group:"Kafka"`
	KafkaPasswordFile string   `help:"File that holds the SASL password." placeholder:"FILE" group:"Kafka"`
}

func (k kafkaFlags) validate() error {
	var errs []error
	if len(k.Brokers) == 0 {
		errs = append(errs, errors.New("--brokers: give at least one host:port"))
	}
	for _, b := range k.Brokers {
		if _, _, err := net.SplitHostPort(b); err != nil {
			errs = append(errs, fmt.Errorf("--brokers: %q is not host:port", b))
		}
	}
	switch strings.ToLower(k.KafkaSASL) {
	case "":
		if k.KafkaUser != "" {
			errs = append(errs, errors.New("--kafka-user: needs --kafka-sasl with the mechanism"))
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

// conn returns the connection settings of validated flags.
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

// client opens a connection that reads the log and asks the brokers. The caller closes it.
func (k kafkaFlags) client(clientID string) (*consumerkafka.Client, error) {
	conn, err := k.conn(clientID)
	if err != nil {
		return nil, err
	}
	return consumerkafka.NewClient(consumerkafka.Config{Conn: conn})
}

// writer opens a connection that writes to the log. The caller closes it.
func (k kafkaFlags) writer(clientID, compression string) (*producerkafka.Writer, error) {
	return k.writerWith(clientID, compression, producerkafka.Hooks{})
}

// writerWith is writer with hooks.
func (k kafkaFlags) writerWith(clientID, compression string, hooks producerkafka.Hooks) (*producerkafka.Writer, error) {
	conn, err := k.conn(clientID)
	if err != nil {
		return nil, err
	}
	return producerkafka.NewWriter(producerkafka.Config{Conn: conn, Compression: compression, Hooks: hooks})
}
