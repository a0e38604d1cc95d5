package kafka

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"

	"github.com/segmentio/kafka-go/sasl"
)

// maxScramIterations bounds the work that a server can ask a client to do for one connection.
const maxScramIterations = 1 << 20

// scram is the client side of SCRAM (RFC 5802, RFC 7677) without channel binding. Users and passwords are ASCII: the
// normalization of others (SASLprep) is not done, so they are refused in the configuration.
type scram struct {
	name           string
	hash           func() hash.Hash
	user, password string
	nonce          func() (string, error) // of the client; tests fix it
}

var _ sasl.Mechanism = (*scram)(nil)

func newScram(name string, h func() hash.Hash, user, password string) (*scram, error) {
	for _, s := range []string{user, password} {
		for i := range len(s) {
			if s[i] < ' ' || s[i] > '~' {
				return nil, fmt.Errorf("kafka sasl user and password: %s takes printable ASCII only", name)
			}
		}
	}
	return &scram{name: name, hash: h, user: user, password: password, nonce: randomNonce}, nil
}

func randomNonce() (string, error) {
	var b [24]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(b[:]), nil
}

// Name is part of sasl.Mechanism.
func (s *scram) Name() string { return s.name }

// Start is part of sasl.Mechanism: it gives the client's first message.
func (s *scram) Start(context.Context) (sasl.StateMachine, []byte, error) {
	nonce, err := s.nonce()
	if err != nil {
		return nil, nil, err
	}
	user := strings.NewReplacer("=", "=3D", ",", "=2C").Replace(s.user)
	c := &scramConversation{scram: s, nonce: nonce, first: "n=" + user + ",r=" + nonce}
	return c, []byte("n,," + c.first), nil
}

// scramConversation is one authentication: the server's first message, then its final one.
type scramConversation struct {
	*scram
	nonce, first string
	signature    []byte // of the server, expected; nil before its first message
}

// Next is part of sasl.StateMachine.
func (c *scramConversation) Next(_ context.Context, challenge []byte) (bool, []byte, error) {
	if c.signature == nil {
		answer, err := c.proof(string(challenge))
		return false, answer, err
	}
	fields := scramFields(string(challenge))
	if e, ok := fields["e"]; ok {
		return false, nil, fmt.Errorf("%s: the broker refused: %s", c.name, e)
	}
	signature, err := base64.StdEncoding.DecodeString(fields["v"])
	if err != nil || subtle.ConstantTimeCompare(signature, c.signature) != 1 {
		return false, nil, fmt.Errorf("%s: the broker did not prove that it knows the password", c.name)
	}
	return true, nil, nil
}

func (c *scramConversation) proof(serverFirst string) ([]byte, error) {
	fields := scramFields(serverFirst)
	nonce := fields["r"]
	if len(nonce) <= len(c.nonce) || !strings.HasPrefix(nonce, c.nonce) {
		return nil, fmt.Errorf("%s: the broker answered with a nonce that does not extend ours", c.name)
	}
	salt, err := base64.StdEncoding.DecodeString(fields["s"])
	if err != nil || len(salt) == 0 {
		return nil, errors.New(c.name + ": the broker sent no usable salt")
	}
	iterations, err := strconv.Atoi(fields["i"])
	if err != nil || iterations < 1 || iterations > maxScramIterations {
		return nil, fmt.Errorf("%s: the broker asks for %q iterations", c.name, fields["i"])
	}
	salted, err := pbkdf2.Key(c.hash, c.password, salt, iterations, c.hash().Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	final := "c=biws,r=" + nonce
	message := c.first + "," + serverFirst + "," + final
	clientKey := c.mac(salted, "Client Key")
	h := c.hash()
	h.Write(clientKey)
	proof := c.mac(h.Sum(nil), message)
	subtle.XORBytes(proof, proof, clientKey)
	c.signature = c.mac(c.mac(salted, "Server Key"), message)
	return append(bytes.NewBufferString(final+",p=").Bytes(), base64.StdEncoding.EncodeToString(proof)...), nil
}

func (c *scramConversation) mac(key []byte, message string) []byte {
	m := hmac.New(c.hash, key)
	m.Write([]byte(message))
	return m.Sum(nil)
}

func scramFields(message string) map[string]string {
	fields := map[string]string{}
	for f := range strings.SplitSeq(message, ",") {
		if key, value, ok := strings.Cut(f, "="); ok {
			fields[key] = value
		}
	}
	return fields
}
