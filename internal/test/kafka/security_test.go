package kafkatest_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	ckafka "tidemark/consumers/kafka"
	"tidemark/internal/kafka"
	kafkatest "tidemark/internal/test/kafka"
	pkafka "tidemark/producers/kafka"
)

// TestSecureConnections: everything works through TLS and each SASL mechanism, and a wrong secret is an error that is not
// tried again.
func TestSecureConnections(t *testing.T) {
	server, roots := certificate(t)
	tests := []struct{ name, mechanism string }{
		{"tls", ""}, {"plain", "PLAIN"}, {"scram 256", "SCRAM-SHA-256"}, {"scram 512", "SCRAM-SHA-512"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			opts := []kfake.Opt{kfake.TLS(&tls.Config{Certificates: []tls.Certificate{server}})}
			cfg := kafka.Config{TLS: &tls.Config{RootCAs: roots}}
			if test.mechanism != "" {
				opts = append(opts, kfake.EnableSASL(), kfake.Superuser(test.mechanism, "user,=", "secret"))
				cfg.SASLMechanism, cfg.User, cfg.Password = test.mechanism, "user,=", "secret"
			}
			b := kafkatest.StartDirect(t, opts...)
			cfg.Brokers = []string{b}
			ctx := testContext(t)
			c, err := ckafka.NewClient(ckafka.Config{Conn: cfg})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() })
			w, err := pkafka.NewWriter(pkafka.Config{Conn: cfg})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = w.Close() })
			topic := "topic"
			createTopic(t, c, topic, 2)
			if err := w.Append(ctx, numbered(topic, 2, 0, 100)); err != nil {
				t.Fatal(err)
			}
			wantOnce(t, c, topic, 100)
			group := ckafka.GroupConfig{Group: "group", Topics: []string{topic}}
			err = c.Consume(ctx, group, func(ctx context.Context, g ckafka.Generation) error {
				if err := c.Commit(ctx, "group", g, topic, 0, 1); err != nil {
					return err
				}
				return ckafka.ErrStop
			})
			if err != nil {
				t.Errorf("Consume = %v", err)
			}
			bad := cfg
			if test.mechanism == "" {
				bad.TLS = &tls.Config{RootCAs: x509.NewCertPool()}
			} else {
				bad.Password = "wrong"
			}
			wrong, err := ckafka.NewClient(ckafka.Config{Conn: bad})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = wrong.Close() }()
			_, err = wrong.Topics(ctx, []string{topic})
			if err == nil || ctx.Err() != nil {
				t.Errorf("with a wrong secret: %v (context: %v)", err, ctx.Err())
			}
			t.Log(err)
		})
	}
}

// certificate makes one for 127.0.0.1 that vouches for itself.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}
