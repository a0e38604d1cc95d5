// Package kafka holds what both Kafka adapters need: the connection settings, kafka-go's pooled transport, requests in
// bytes over it, which our own metadata routes, and the errors, grace and backoff of their retries.
//
// kafka-go's Transport keeps the connections, does TLS and SASL, and knows the brokers. This package asks for everything
// that depends on topics (leaders, partition counts, topic ids), when it is needed and for the topics that are used. The
// transport's own topic metadata is switched off, because it fetches all topics of the cluster, is not refreshed when a
// leader moves, and has no topic ids.
package kafka

import (
	"cmp"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
)

// Config holds the settings of a connection to a cluster.
type Config struct {
	// Brokers are any of the cluster's brokers as host:port. At least one is required.
	Brokers []string
	// ClientID is the name that brokers show in their logs and quotas. Default "tidemark".
	ClientID string
	// TLS is nil for connections without TLS. An empty ServerName is set to the host dialed.
	TLS *tls.Config
	// SASLMechanism is "" (none), "PLAIN", "SCRAM-SHA-256" or "SCRAM-SHA-512".
	SASLMechanism  string
	User, Password string
}

// Validate reports every setting that is wrong, by name, joined; it never includes the password.
func (c Config) Validate() error {
	_, err := c.withDefaults()
	return err
}

// withDefaults returns the settings with defaults for what is empty.
func (c Config) withDefaults() (Config, error) {
	c.ClientID = cmp.Or(c.ClientID, "tidemark")
	var errs []error
	if len(c.Brokers) == 0 {
		errs = append(errs, errors.New("kafka brokers: at least one host:port is needed"))
	}
	for _, b := range c.Brokers {
		if host, port, err := net.SplitHostPort(b); err != nil || host == "" || port == "" {
			errs = append(errs, fmt.Errorf("kafka brokers: %q is not host:port", b))
		}
	}
	if _, err := c.mechanism(); err != nil {
		errs = append(errs, err)
	}
	return c, errors.Join(errs...)
}

func (c Config) mechanism() (sasl.Mechanism, error) {
	name := strings.ToUpper(c.SASLMechanism)
	if name == "" {
		if c.User != "" || c.Password != "" {
			return nil, errors.New("kafka sasl mechanism: needed when a user or password is given (PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512)")
		}
		return nil, nil
	}
	if c.User == "" {
		return nil, fmt.Errorf("kafka sasl user: needed with %s", name)
	}
	if c.Password == "" {
		return nil, fmt.Errorf("kafka sasl password: needed with %s", name)
	}
	switch name {
	case "PLAIN":
		return plain.Mechanism{Username: c.User, Password: c.Password}, nil
	case "SCRAM-SHA-256":
		return newScram(name, sha256.New, c.User, c.Password)
	case "SCRAM-SHA-512":
		return newScram(name, sha512.New, c.User, c.Password)
	}
	return nil, fmt.Errorf("kafka sasl mechanism: %q is none of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512", c.SASLMechanism)
}
