// Package keys holds the API keys of senders. A key is the text
//
//	tdm_<id>_<secret>
//
// and the file has one JSON object per line, with the id and the SHA-256 of the secret, never the secret:
//
//	{"id":"0f8e2d4c6b1a3957","sha256":"9f86d0...","tenant":"acme"}
//
// Further names are product, rate, endpoints, backfill, sends_once and disabled, see Key. Blank lines, and lines that begin with #,
// say nothing. A tenant may have several keys, so that it can change them one after the other.
package keys

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"

	"tidemark/producers/formats"
)

// prefix is how every key begins, so that a scanner of secrets finds one that was published.
const prefix = "tdm_"

// Endpoints are what a key can be allowed to use.
var Endpoints = []string{"traces", "logs", "metrics", "cloudevents", "events", "gateways"}

// Key is one key of the file.
type Key struct {
	// ID names the key in the file, in logs and in metrics.
	ID string `json:"id"`
	// SHA256 is the hash of the secret, in hexadecimal.
	SHA256 string `json:"sha256"`
	// Tenant is the tenant of all events that come with the key.
	Tenant string `json:"tenant"`
	// Product is that of events that name none. Default none.
	Product string `json:"product,omitempty"`
	// Rate is how many events per second the key may send in the long run. Default 0: as many as it likes.
	Rate float64 `json:"rate,omitempty"`
	// Endpoints are those of the package's Endpoints that the key may use. Default all.
	Endpoints []string `json:"endpoints,omitempty"`
	// Backfill lets events of any time through. Default: only those of the time that the collector accepts.
	Backfill bool `json:"backfill,omitempty"`
	// SendsOnce says that its senders do not send a refused request again.
	SendsOnce bool `json:"sends_once,omitempty"`
	// Disabled refuses the key.
	Disabled bool `json:"disabled,omitempty"`

	hash []byte
}

// maxID bounds ids. They are a part of the label of events, which has at most 256 bytes.
const maxID = 128

// Allows reports whether the key may use an endpoint.
func (k *Key) Allows(endpoint string) bool {
	return len(k.Endpoints) == 0 || slices.Contains(k.Endpoints, endpoint)
}

// The errors of a key that lets nobody in.
var (
	ErrUnknown  = errors.New("the API key is missing or not known")
	ErrDisabled = errors.New("the API key is disabled")
)

// set are the keys of one reading of the file, by id.
type set map[string]*Key

// parse reads a file. An error names the line.
func parse(content []byte) (set, error) {
	found := set{}
	lines := bufio.NewScanner(bytes.NewReader(content))
	lines.Buffer(nil, len(content)+1)
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		key, err := parseLine(line)
		if err == nil && found[key.ID] != nil {
			err = fmt.Errorf("the id %s is there twice", key.ID)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		found[key.ID] = key
	}
	return found, lines.Err()
}

func parseLine(line []byte) (*Key, error) {
	key := &Key{}
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(key); err != nil {
		return nil, fmt.Errorf("not a key: %w", err)
	}
	if decoder.More() {
		return nil, errors.New("something follows the object")
	}
	var err error
	key.hash, err = hex.DecodeString(key.SHA256)
	switch {
	case key.ID == "" || len(key.ID) > maxID || strings.Trim(key.ID, "abcdefghijklmnopqrstuvwxyz0123456789") != "":
		return nil, fmt.Errorf("id must consist of 1 to %d small letters a to z and digits", maxID)
	case err != nil || len(key.hash) != sha256.Size:
		return nil, errors.New("sha256 must have 64 hexadecimal digits")
	case key.Tenant == "":
		return nil, errors.New("tenant is missing")
	case key.Rate < 0 || math.IsInf(key.Rate, 0):
		return nil, errors.New("rate must be 0 or a number of events per second")
	}
	for _, endpoint := range key.Endpoints {
		if !slices.Contains(Endpoints, endpoint) {
			return nil, fmt.Errorf("endpoints: %q is not one of %s", endpoint, strings.Join(Endpoints, ", "))
		}
	}
	return key, ValidLabels(key.Tenant, key.Product)
}

// ValidLabels returns why no event can have the tenant or the product; nil if events can.
func ValidLabels(tenant, product string) error {
	return errors.Join(formats.Settings{Tenant: tenant, Product: product}.LabelErrors()...)
}

// nobody is compared with for an id that is not there, so that the answer takes as long as for one that is.
var nobody = &Key{hash: make([]byte, sha256.Size)}

// find returns the key of a text, which need not be one.
func (s set) find(text string) (*Key, error) {
	rest, isKey := strings.CutPrefix(text, prefix)
	id, secret, _ := strings.Cut(rest, "_")
	key := s[id]
	if key == nil {
		key = nobody
	}
	hash := sha256.Sum256([]byte(secret))
	same := subtle.ConstantTimeCompare(hash[:], key.hash) == 1
	switch {
	case !isKey || !same || key == nobody:
		return nil, ErrUnknown
	case key.Disabled:
		return nil, ErrDisabled
	}
	return key, nil
}

// FromHeader returns the text of the key that a request brings: a bearer token, the header X-API-Key, or the user of
// basic authentication. It is empty if there is none.
func FromHeader(h http.Header) string {
	authorization := h.Get("Authorization")
	if scheme, token, ok := strings.Cut(authorization, " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	if user, _, ok := (&http.Request{Header: h}).BasicAuth(); ok {
		return user
	}
	return h.Get("X-Api-Key")
}

// New returns a new key of a tenant: the text for the sender, which is not kept anywhere, and the line for the file.
func New(tenant string) (text, line string, err error) {
	if tenant == "" {
		return "", "", errors.New("tenant is missing")
	}
	if err := ValidLabels(tenant, ""); err != nil {
		return "", "", err
	}
	var id [8]byte
	var secret [16]byte
	_, _ = rand.Read(id[:]) // It never fails.
	_, _ = rand.Read(secret[:])
	text = prefix + hex.EncodeToString(id[:]) + "_" + hex.EncodeToString(secret[:])
	hash := sha256.Sum256([]byte(hex.EncodeToString(secret[:])))
	encoded, err := json.Marshal(Key{ID: hex.EncodeToString(id[:]), SHA256: hex.EncodeToString(hash[:]), Tenant: tenant})
	return text, string(encoded), err
}
