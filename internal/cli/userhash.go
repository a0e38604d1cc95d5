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

// userFlags say how the users of files are hashed.
type userFlags struct {
	UserHash        string `help:"Files: keyed hashes users under the key of --user-hash-key-file; legacy hashes them without a key, as the versions before this flag did, for rows that belong to what those stored." default:"keyed" placeholder:"RULE" group:"Events"`
	UserHashKeyFile string `help:"Files: the key that users are hashed with, of at least 16 bytes, as hex, base64 or raw bytes. Without it a key of this installation, made when it is first needed, in user-hash.key of tidemark's folder of configuration ($XDG_CONFIG_HOME/tidemark or ~/.config/tidemark on Linux)." placeholder:"FILE" group:"Events"`
}

const (
	hashKeyed  = "keyed"
	hashLegacy = "legacy"
)

// users returns how the flags say to hash users; nil if there are none, or if the key is that of the installation.
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

// prepare sets the users of the installation where the flags say nothing else, and tells what people should know.
func (f userFlags) prepare(o *replay.Options, w io.Writer) (err error) {
	if o.Users == nil {
		o.Users, err = installedUsers(w)
	} else if f.UserHash == hashLegacy {
		fmt.Fprintln(w, "tidemark: --user-hash legacy: users are hashed without a key, so that whoever has a list of names finds each of them")
	}
	return err
}

// installedUsers returns users hashed under the key of this installation, and makes the key if there is none.
func installedUsers(w io.Writer) (*fields.Users, error) {
	folder, err := configFolder()
	if err != nil {
		return nil, fmt.Errorf("find the key that users are hashed with: %w; give --user-hash-key-file", err)
	}
	path := filepath.Join(folder, "tidemark", "user-hash.key")
	key, err := readUserKey(path)
	if errors.Is(err, os.ErrNotExist) {
		if err := makeUserKey(path); err != nil {
			return nil, fmt.Errorf("make the key that users are hashed with: %w; give --user-hash-key-file", err)
		}
		fmt.Fprintf(w, "tidemark: users are hashed with a key made for this installation, %s: keep it, and give every machine the same one, "+
			"since under another key the same people are other users\n", path)
		key, err = readUserKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the key that users are hashed with: %w; or give another with --user-hash-key-file", err)
	}
	return fields.KeyedUsers(key), nil
}

// configFolder is the user's folder of configuration, also where the environment does not name it, as in some services.
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

// Bounds of a key, in bytes: one that is shorter can be guessed, and a file that is longer is no key.
const (
	minUserKey  = 16
	madeUserKey = 32
	maxUserKey  = 4096
)

// readUserKey reads a key that nobody else can read or change.
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
		return nil, fmt.Errorf("%s is a folder and not a file with a key", path)
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o027 != 0:
		return nil, fmt.Errorf("%s has the permissions %04o, so that others can read or change the key: chmod 600 %s", path, info.Mode().Perm(), path)
	}
	content, err := io.ReadAll(io.LimitReader(file, maxUserKey+1))
	if err != nil {
		return nil, err
	}
	key, err := parseUserKey(content)
	if err != nil {
		return nil, fmt.Errorf("%s %w; a good key is what openssl rand -hex 32 prints", path, err)
	}
	return key, nil
}

// parseUserKey reads the content of a key file: text is hex or base64, and all else the key itself. The error is to be
// read after the file's name.
func parseUserKey(content []byte) ([]byte, error) {
	key := content
	if text := bytes.Join(bytes.Fields(content), nil); isPrintable(text) {
		if key = decodeKey(string(text)); key == nil {
			return nil, errors.New("has a text that is neither hex nor base64")
		}
	}
	switch {
	case len(content) > maxUserKey:
		return nil, fmt.Errorf("has more than %d bytes", maxUserKey)
	case len(key) < minUserKey:
		return nil, fmt.Errorf("has a key of %d bytes, fewer than %d", len(key), minUserKey)
	case bytes.Count(key, key[:1]) == len(key):
		return nil, errors.New("has one byte over and over, which is no secret")
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

// decodeKey returns the bytes that a text stands for, nil if it is neither hex nor base64.
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

// makeUserKey puts a key there, whole or not at all, unless somebody else does at the same time: then theirs stays.
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
