package keys

import (
	"encoding/base64"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// made returns a new key and its line, changed by the pairs of texts.
func made(t *testing.T, tenant string, changes ...string) (text, line string) {
	t.Helper()
	text, line, err := New(tenant)
	if err != nil {
		t.Fatal(err)
	}
	return text, strings.NewReplacer(changes...).Replace(line)
}

func TestParse(t *testing.T) {
	text, line := made(t, "acme")
	id, _, _ := strings.Cut(strings.TrimPrefix(text, prefix), "_")
	for _, tt := range []struct{ name, content, want string }{
		{"nothing", "", ""},
		{"comments and blank lines", "# keys\n\n  \n" + line + "\n", ""},
		{"everything", strings.Replace(line, "}", `,"product":"api","rate":0.5,"endpoints":["traces","events"],"backfill":true,"disabled":true}`, 1), ""},
		{"no JSON", line + "\ntenant: acme", "line 2: not a key"},
		{"two objects", line + line, "something follows"},
		{"unknown name", strings.Replace(line, "}", `,"disable":true}`, 1), "disable"},
		{"an id twice", line + "\n" + line, "line 2: the id " + id + " is there twice"},
		{"no id", `{"sha256":"` + strings.Repeat("0", 64) + `","tenant":"acme"}`, "id must"},
		{"an id with an underscore", strings.Replace(line, id, "a_b", 1), "id must"},
		{"an id for which events have no room", strings.Replace(line, id, strings.Repeat("a", maxID+1), 1), "id must"},
		{"the longest id", strings.Replace(line, id, strings.Repeat("a", maxID), 1), ""},
		{"a short hash", `{"id":"a","sha256":"00","tenant":"acme"}`, "64 hexadecimal digits"},
		{"no tenant", strings.Replace(line, "acme", "", 1), "tenant is missing"},
		{"a tenant that no event can have", strings.Replace(line, "acme", `a\u0001`, 1), "tenant has a control character"},
		{"a negative rate", strings.Replace(line, "}", `,"rate":-1}`, 1), "rate must"},
		{"an endpoint that is none", strings.Replace(line, "}", `,"endpoints":["all"]}`, 1), "endpoints"},
	} {
		_, err := parse([]byte(tt.content))
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestFind(t *testing.T) {
	first, line1 := made(t, "acme", "}", `,"endpoints":["traces"]}`)
	second, line2 := made(t, "acme")
	off, line3 := made(t, "other", "}", `,"disabled":true}`)
	keys, err := parse([]byte(line1 + "\n" + line2 + "\n" + line3))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{first, second} {
		if key, err := keys.find(text); err != nil || key.Tenant != "acme" || !key.Allows("traces") || key.Allows("logs") != (text == second) {
			t.Errorf("%+v, %v", key, err)
		}
	}
	for text, want := range map[string]error{
		"": ErrUnknown, "tdm_": ErrUnknown, "tdm__": ErrUnknown, first + "0": ErrUnknown, strings.TrimPrefix(first, prefix): ErrUnknown,
		first[:25] + second[25:]: ErrUnknown, off[:len(off)-1]: ErrUnknown, off: ErrDisabled,
	} {
		if _, err := keys.find(text); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
}

func TestFromHeader(t *testing.T) {
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("key:"))
	for _, tt := range []struct{ name, value, want string }{
		{"Authorization", "Bearer key", "key"}, {"Authorization", "bearer  key ", "key"}, {"Authorization", basic, "key"},
		{"X-API-Key", "key", "key"}, {"Authorization", "key", ""}, {"Authorization", "Basic !", ""}, {"Cookie", "key", ""},
	} {
		h := http.Header{}
		h.Set(tt.name, tt.value)
		if got := FromHeader(h); got != tt.want {
			t.Errorf("%s: %s gives %q, want %q", tt.name, tt.value, got, tt.want)
		}
	}
}

// TestRing changes the file, breaks it, removes it and brings it back. Times are those of a test's clock, in which a
// change is seen after a second.
func TestRing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "keys.jsonl")
		age := 0
		write := func(content string) {
			t.Helper()
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			age++
			if err := os.Chtimes(path, time.Time{}, time.Unix(int64(age), 0)); err != nil {
				t.Fatal(err)
			}
		}
		first, line1 := made(t, "acme")
		second, line2 := made(t, "other")
		write(line1)
		var failures []error
		ring, err := Open(path, func(err error) { failures = append(failures, err) })
		if err != nil {
			t.Fatal(err)
		}
		check := func(when string, one, two error, failed int) {
			t.Helper()
			_, err1 := ring.Find(first)
			_, err2 := ring.Find(second)
			if !errors.Is(err1, one) || !errors.Is(err2, two) || len(failures) != failed {
				t.Errorf("%s: %v, %v, failures %v", when, err1, err2, failures)
			}
		}
		check("opened", nil, ErrUnknown, 0)
		write(line1 + "\n" + line2)
		check("changed just now", nil, ErrUnknown, 0)
		time.Sleep(checkEvery)
		check("changed", nil, nil, 0)
		write("broken")
		time.Sleep(checkEvery)
		check("broken", nil, nil, 1)
		time.Sleep(checkEvery)
		check("still broken", nil, nil, 1)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(checkEvery)
		check("removed", nil, nil, 2)
		write(line2)
		time.Sleep(checkEvery)
		check("back", ErrUnknown, nil, 2)
	})
	if _, err := Open(filepath.Join(t.TempDir(), "none"), nil); err == nil {
		t.Error("a file that is not there was opened")
	}
}

func TestNew(t *testing.T) {
	for _, tenant := range []string{"", "a\x01", strings.Repeat("a", 300)} {
		if _, _, err := New(tenant); err == nil {
			t.Errorf("%q was taken", tenant)
		}
	}
}
