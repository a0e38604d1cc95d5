package cli

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"runtime"

	"tidemark/producers/formats/fields"
	"tidemark/producers/replay"
)

// userFlags are how the users in files are hashed.
type userFlags struct {
	UserHash        string `help:"Files: how users are hashed. keyed: with the key of --user-hash-key-file. legacy: without a key, as versions before this flag did; use it only to match events that those versions stored." default:"keyed" placeholder:"RULE" group:"Events"`
	UserHashKeyFile string `help:"Files: file with the key that users are hashed with: at least 16 bytes, as hex, base64 or raw bytes. Empty: the key of this installation, user-hash.key in the configuration folder of Tidemark ($XDG_CONFIG_HOME/tidemark or ~/.config/tidemark on Linux), which Tidemark creates at its first use." placeholder:"FILE" group:"Events"`
}

const (
	hashKeyed  = "keyed"
	hashLegacy = "legacy"
)

// users returns the hasher that the flags ask for; nil if no user is hashed, or if the key is that of the installation.
func (f userFlags) users(needed bool) (*fields.Users, error) {
	switch {
	case f.UserHash != hashKeyed && f.UserHash != hashLegacy:
		return nil, fmt.Errorf("--user-hash: %q is not keyed or legacy", f.UserHash)
	case !needed:
		return nil, nil
	case f.UserHash == hashLegacy: // With or without a key in the environment.
		return fields.LegacyUsers(), nil
	case f.UserHashKeyFile == "":
		return nil, nil
	}
	key, err := readUserKey(f.UserHashKeyFile)
	if err != nil {
		return nil, fmt.Errorf("--user-hash-key-file: %w", err)
	}
	return fields.KeyedUsers(key), nil
}

// prepare sets the hasher of the installation if the flags name no other, and warns of an insecure one.
func (f userFlags) prepare(o *replay.Options, w io.Writer) (err error) {
	if o.Users == nil {
		o.Users, err = installedUsers(w)
	} else if f.UserHash == hashLegacy {
		fmt.Fprintln(w, "tidemark: --user-hash legacy hashes users without a key: anyone with a list of names can find each of them")
	}
	return err
}

// installedUsers returns the hasher with the key of this installation, and creates the key if there is none.
func installedUsers(w io.Writer) (*fields.Users, error) {
	folder, err := configFolder()
	if err != nil {
		return nil, fmt.Errorf("find the key that users are hashed with: %w; pass --user-hash-key-file", err)
	}
	path := filepath.Join(folder, "tidemark", "user-hash.key")
	key, err := readUserKey(path)
	if errors.Is(err, os.ErrNotExist) {
		if err := makeUserKey(path); err != nil {
			return nil, fmt.Errorf("create the key that users are hashed with: %w; pass --user-hash-key-file", err)
		}
		fmt.Fprintf(w, "tidemark: created the key %s, with which users are hashed. Keep it, and copy it to every machine: "+
			"with another key the same person becomes another user\n", path)
		key, err = readUserKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the key that users are hashed with: %w; or pass another with --user-hash-key-file", err)
	}
	return fields.KeyedUsers(key), nil
}

// configFolder returns the user's configuration folder, even if the environment does not name it, as in some services.
func configFolder() (string, error) {
	folder, err := os.UserConfigDir()
	if err == nil {
		return folder, nil
	}
	if one, unknown := user.Current(); unknown == nil && filepath.IsAbs(one.HomeDir) {
		return filepath.Join(one.HomeDir, ".config"), nil
	}
	return "", err
}

// Bounds of a key, in bytes: a shorter key can be guessed, and a longer file is not a key.
const (
	minUserKey  = 16
	madeUserKey = 32
	maxUserKey  = 4096
)

// readUserKey reads a key file. It refuses a file that others can read or change.
func readUserKey(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s is a folder, not a file with a key", path)
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o027 != 0:
		return nil, fmt.Errorf("%s has the permissions %04o, so others can read or change the key: run chmod 600 %s", path, info.Mode().Perm(), path)
	}
	content, err := io.ReadAll(io.LimitReader(file, maxUserKey+1))
	if err != nil {
		return nil, err
	}
	key, err := parseUserKey(content)
	if err != nil {
		return nil, fmt.Errorf("%s %w; make a good key with: openssl rand -hex 32", path, err)
	}
	return key, nil
}

// parseUserKey returns the key in the content of a key file: text is hex or base64, anything else is the key itself. The
// error continues a sentence that begins with the file's name.
func parseUserKey(content []byte) ([]byte, error) {
	key := content
	if text := bytes.Join(bytes.Fields(content), nil); isPrintable(text) {
		if key = decodeKey(string(text)); key == nil {
			return nil, errors.New("contains text that is neither hex nor base64")
		}
	}
	switch {
	case len(content) > maxUserKey:
		return nil, fmt.Errorf("has more than %d bytes", maxUserKey)
	case len(key) < minUserKey:
		return nil, fmt.Errorf("contains a key of %d bytes; the minimum is %d", len(key), minUserKey)
	case bytes.Count(key, key[:1]) == len(key):
		return nil, errors.New("contains the same byte over and over, which is not a secret")
	}
	return key, nil
}

func isPrintable(text []byte) bool {
	for _, c := range text {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

// decodeKey returns the bytes that a text encodes, nil if it is neither hex nor base64.
func decodeKey(text string) []byte {
	if key, err := hex.DecodeString(text); err == nil {
		return key
	}
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if key, err := encoding.DecodeString(text); err == nil {
			return key
		}
	}
	return nil
}

// makeUserKey creates a key file, whole or not at all. If another process creates it at the same time, that one stays.
func makeUserKey(path string) error {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(folder, ".user-hash.key-*") // It is for its owner alone.
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }() // It has two names then, or is not wanted.
	var key [madeUserKey]byte
	_, _ = rand.Read(key[:]) // It never fails.
	_, err = fmt.Fprintln(file, hex.EncodeToString(key[:]))
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Link(file.Name(), path); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}
