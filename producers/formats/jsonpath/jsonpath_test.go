package jsonpath

import (
	"encoding/json"
	"testing"
)

func TestLookup(t *testing.T) {
	var o Object
	err := json.Unmarshal([]byte(`{"usage.in": 1, "usage": {"in": 2, "out": 3}, "parts": [{"n": 4}, {"n": 5}], "text": "{\"a\": [6]}", "nothing": null}`), &o)
	if err != nil {
		t.Fatal(err)
	}
	f := func(path, want string) {
		t.Helper()
		value, ok := o.Lookup(path)
		if got := string(value); got != want || ok != (want != "") {
			t.Errorf("%s: got %q, %t, want %q", path, got, ok, want)
		}
	}
	f("usage.in", "1") // The key as it is goes before a path.
	f("usage.out", "3")
	f("parts.1.n", "5")
	f("parts.2.n", "")
	f("parts.n", "")
	f("text.a.0", "6") // JSON in a text.
	f("nothing", "null")
	f("usage.out.more", "")
}
