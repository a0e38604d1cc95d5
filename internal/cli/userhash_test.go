package cli

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"tidemark/internal/test/env"
)

func TestParseUserKey(t *testing.T) {
	secret := "0123456789abcdef0123456789ABCDE\xff"
	f := func(content, want, problem string) {
		t.Helper()
		key, err := parseUserKey([]byte(content))
		switch {
		case problem == "" && (err != nil || string(key) != want):
			t.Errorf("%q: got %q, %v, want %q", content, key, err, want)
		case problem != "" && (err == nil || err.Error() != problem):
			t.Errorf("%q: got %q, %v, want %s", content, key, err, problem)
		}
	}
	f(secret, secret, "")
	f(secret+"\n", secret+"\n", "") // Of raw bytes each counts.
	f("30313233343536373839616263646566\n", "0123456789abcdef", "")
	f("30313233343536373839616263646566", "0123456789abcdef", "")
	f(base64.StdEncoding.EncodeToString([]byte(secret))+"\r\n", secret, "")
	f(base64.RawURLEncoding.EncodeToString([]byte(secret)), secret, "")
	wrapped := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(secret, 4)))
	f(wrapped[:64]+"\n"+wrapped[64:]+"\n", strings.Repeat(secret, 4), "")
	f("", "", "contains a key of 0 bytes; the minimum is 16")
	f(" \n", "", "contains a key of 0 bytes; the minimum is 16")
	f("313233", "", "contains a key of 3 bytes; the minimum is 16")
	f(secret[17:], "", "contains a key of 15 bytes; the minimum is 16")
	f("correct horse battery staple!", "", "contains text that is neither hex nor base64")
	f(strings.Repeat("\x00", 32), "", "contains the same byte over and over, which is not a secret")
	f(strings.Repeat("\xff", 32), "", "contains the same byte over and over, which is not a secret")
	f(strings.Repeat(secret, 200), "", "has more than 4096 bytes")
}

func TestReadUserKey(t *testing.T) {
	folder := t.TempDir()
	f := func(mode os.FileMode, content, problem string) {
		t.Helper()
		path := filepath.Join(folder, "key")
		_ = os.Remove(path) // There is none at first.
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := readUserKey(path)
		if problem == "" && err != nil || problem != "" && (err == nil || !strings.Contains(err.Error(), problem)) {
			t.Errorf("%04o %q: %v, want %q", mode, content, err, problem)
		}
	}
	const key = "30313233343536373839616263646566"
	f(0o600, key, "")
	f(0o400, key, "")
	f(0o440, key, "") // As secrets of containers are mounted for a group.
	f(0o600, "short", "key contains text that is neither hex nor base64; make a good key with: openssl rand -hex 32")
	if runtime.GOOS != "windows" {
		f(0o644, key, "has the permissions 0644, so others can read or change the key: run chmod 600 ")
		f(0o620, key, "has the permissions 0620")
	}
	if _, err := readUserKey(folder); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Error(err)
	}
}

// TestInstalledUserKey makes the key of an installation from several processes' worth of goroutines: all get the same.
func TestInstalledUserKey(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "a", "user-hash.key")
	keys := make([][]byte, 8)
	var group sync.WaitGroup
	for i := range keys {
		group.Go(func() {
			if err := makeUserKey(path); err != nil {
				t.Error(err)
			}
			keys[i], _ = readUserKey(path)
		})
	}
	group.Wait()
	for _, key := range keys {
		if len(key) != madeUserKey || !bytes.Equal(key, keys[0]) {
			t.Errorf("got %x and %x", key, keys[0])
		}
	}
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("%v is left, %v", left, err)
	}
}

// TestReplayUserKey replays users without a flag: the key is made once, told, and used again.
func TestReplayUserKey(t *testing.T) {
	env.Require(t, "a folder of configuration that XDG_CONFIG_HOME names", runtime.GOOS == "linux", "run the tests on Linux")
	home := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", home)
	dry := func(file string, more ...string) (code int, errOut string) {
		t.Helper()
		code, _, errOut = command(t, append([]string{"replay", "burstgpt", file, "--start", "2026-03-02T00:00:00Z", "--dry-run", "--clickhouse", "http://127.0.0.1:1"}, more...)...)
		return code, errOut
	}
	file := filepath.Join(t.TempDir(), "f.csv")
	if err := os.WriteFile(file, []byte("Timestamp,Session ID,Model,Request tokens,Response tokens\n1,s-1,m,1,1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(home, "tidemark", "user-hash.key")
	given := filepath.Join(home, "given")
	if err := os.WriteFile(given, []byte("30313233343536373839616263646566"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, more := range [][]string{{"--user-hash-key-file", given}, {"--user-hash", "legacy"}} {
		if code, errOut := dry(file, more...); code != exitOK {
			t.Errorf("%v: exit code %d\n%s", more, code, errOut)
		}
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%v makes a key: %v", more, err)
		}
	}
	if code, errOut := dry(file); code != exitOK || !strings.Contains(errOut, path) {
		t.Errorf("exit code %d, and no word of %s\n%s", code, path, errOut)
	}
	first, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if code, errOut := dry(file); code != exitOK || strings.Contains(errOut, path) {
		t.Errorf("exit code %d\n%s", code, errOut)
	}
	if again, err := os.ReadFile(path); err != nil || !bytes.Equal(first, again) {
		t.Errorf("another key the second time: %v", err)
	}
	if err := os.Chmod(path, 0o604); err != nil {
		t.Fatal(err)
	}
	if code, errOut := dry(file); code != exitFailed || !strings.Contains(errOut, "chmod 600") {
		t.Errorf("exit code %d\n%s", code, errOut)
	}
	if code, errOut := dry(file, "--user-hash", "none", "--user-hash-key-file", given); code != exitUsage || !strings.Contains(errOut, `--user-hash: "none"`) {
		t.Errorf("exit code %d\n%s", code, errOut)
	}
	if code, errOut := dry(file, "--user-hash-key-file", "/no/such"); code != exitUsage || !strings.Contains(errOut, "--user-hash-key-file: open /no/such") {
		t.Errorf("exit code %d\n%s", code, errOut)
	}
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(given, "below-a-file"))
	if code, errOut := dry(file); code != exitFailed || !strings.Contains(errOut, "with --user-hash-key-file") {
		t.Errorf("exit code %d\n%s", code, errOut)
	}
}
