// Package kafka is what the two Kafka adapters share: the connection settings, the pooled transport of kafka-go, and
// requests in bytes over it with routing by metadata of our own.
//
// kafka-go's Transport keeps the connections, does TLS and SASL, and knows the brokers. Everything that depends on topics
// (leaders, partition counts, topic ids) is asked for here, when it is needed and for the topics that are used: the
// transport's own topic metadata is switched off, because it fetches all topics of the cluster, is not refreshed when a
// leader moves, and has no topic ids.
package kafka

import (
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

// DefaultClientID is what brokers see in their logs and quotas unless Config says otherwise.
const DefaultClientID = "tidemark"

// Config says how to reach a cluster.
type Config struct {
	Brokers  []string    // host:port, at least one; any of the cluster's brokers
	ClientID string      // default DefaultClientID
	TLS      *tls.Config // nil: no TLS; an empty ServerName is set to the host dialed
	// SASLMechanism is "" (none), "PLAIN", "SCRAM-SHA-256" or "SCRAM-SHA-512".
	SASLMechanism  string
	User, Password string
}

// Validate reports every setting that is wrong, by name, joined; it never includes the password.
func (c Config) Validate() error {
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
	return errors.Join(errs...)
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
