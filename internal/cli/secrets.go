package cli

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
)

// secret returns a password: from the file if one is named, else from the environment variable.
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

// tlsConfig loads certificates. which is the prefix of the flags' names, for errors.
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
		errs = append(errs, fmt.Errorf("--%s-tls-cert and --%s-tls-key: give both or none", which, which))
	case cert != "":
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			errs = append(errs, fmt.Errorf("--%s-tls-cert: %w", which, err))
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, errors.Join(errs...)
}

// redact hides the part of an address in which user and password stand.
func redact(address string) string {
	if i := strings.LastIndex(address, "@"); i >= 0 {
		return "***" + address[i:]
	}
	return address
}
