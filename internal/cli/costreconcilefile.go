package cli

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"

	"tidemark/producers/formats/container"
	"tidemark/schemas/billing"
)

// readBillingFile returns the content of a file and the SHA-256 of it in hex. Parquet becomes a JSON object a row.
func readBillingFile(s Streams, name string) (content []byte, sum string, err error) {
	in, done, err := openPlain(s, name)
	if err != nil {
		return nil, "", err
	}
	defer done()
	content, err = io.ReadAll(io.LimitReader(in, billing.MaxFile+1))
	switch {
	case err != nil:
		return nil, "", fmt.Errorf("%s: %w", name, err)
	case len(content) > billing.MaxFile:
		return nil, "", fmt.Errorf("%s: it has more than %d MiB", name, billing.MaxFile>>20)
	}
	hash := sha256.Sum256(content)
	if bytes.HasPrefix(content, []byte("PAR1")) {
		if content, err = parquetRows(content); err != nil {
			return nil, "", fmt.Errorf("%s: %w", name, err)
		}
	}
	return content, hex.EncodeToString(hash[:]), nil
}

// openPlain opens a file, or standard input for "-", and unpacks it if its name ends in .gz.
func openPlain(s Streams, name string) (in io.Reader, done func(), err error) {
	in, done = s.In, func() {}
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, nil, err
		}
		in, done = bufio.NewReader(file), func() { _ = file.Close() } // It was only read.
	}
	if strings.HasSuffix(name, ".gz") {
		unpacked, err := gzip.NewReader(in)
		if err != nil {
			done()
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		in = unpacked
	}
	return in, done, nil
}

// parquetRows returns the rows of a Parquet file as JSON lines.
func parquetRows(content []byte) ([]byte, error) {
	p, err := container.OpenParquet(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, err
	}
	defer p.Close()
	rows, err := io.ReadAll(io.LimitReader(p, billing.MaxFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(rows) > billing.MaxFile:
		return nil, fmt.Errorf("its rows have more than %d MiB as text", billing.MaxFile>>20)
	}
	return rows, nil
}
