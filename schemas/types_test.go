package schemas

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

func TestSpecs(t *testing.T) {
	var got []string
	for _, s := range Specs() {
		got = append(got, s.Name)
		if s != SpecOf(s.Type) || s.Type.String() != s.Name || s.RawTable != s.Name+"_raw" || s.Topic != s.Name+".v1" {
			t.Errorf("spec %+v", s)
		}
		if byName, ok := SpecByName(s.Name); !ok || byName != s {
			t.Errorf("by name: %+v", byName)
		}
		if byTopic, ok := SpecByTopic(s.Topic); !ok || byTopic != s {
			t.Errorf("by topic: %+v", byTopic)
		}
		if typ, ok := TypeOf(NewEvent(s.Type)); !ok || typ != s.Type {
			t.Errorf("type of a new %s: %v", s.Name, typ)
		}
	}
	if want := "queries signups token_calls model_events reference_points runs"; strings.Join(got, " ") != want {
		t.Errorf("specs %v", got)
	}
	if _, ok := SpecByName("nothing"); ok {
		t.Error("a type called nothing")
	}
	if _, ok := SpecByTopic(DeadLettersTopic); ok {
		t.Error("dead letters are a type")
	}
	if got := TopicName("lab", "runs.v1"); got != "lab.runs.v1" {
		t.Errorf("topic %s", got)
	}
	if got := Type(99).String(); got != "type(99)" {
		t.Errorf("unknown type: %s", got)
	}
}

func TestValidNamespace(t *testing.T) {
	for name, valid := range map[string]bool{
		DefaultNamespace: true, "a": true, "load_2": true, strings.Repeat("x", 48): true,
		"": false, strings.Repeat("x", 49): false, "2a": false, "_a": false, "A": false, "a-b": false, "a.b": false, "é": false,
		"a b": false, "a`": false, "system": false, "information_schema": false, "INFORMATION_SCHEMA": false, "_system_overlay": false,
		"_temporary_and_external_tables": false, "systems": true, "default": true, // It is up to migrate.
	} {
		if err := ValidNamespace(name); (err == nil) != valid {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestIdentity holds identities to values worked out from their definition by other means: they are stored for ever.
func TestIdentity(t *testing.T) {
	id := IdentityOf("acme", "gateway-1", "evt_1")
	if got := hex.EncodeToString(id[:]); got != "0d85f7f19453a90d98a3a9112bc6496a" {
		t.Errorf("identity %s", got)
	}
	if got := id.Partition(8); got != 5 {
		t.Errorf("partition %d", got)
	}
	if got := id.Partition(1); got != 0 {
		t.Errorf("partition %d of 1", got)
	}
	id = IdentityOf("", strings.Repeat("x", 300), "")
	if got := hex.EncodeToString(id[:]); got != "d0b46430825a89f0301de60b64bbb0d6" {
		t.Errorf("identity of a long source %s", got)
	}
	if IdentityOf("ab", "c", "d") == IdentityOf("a", "bc", "d") {
		t.Error("identities mix up where one part ends and the next begins")
	}
}

func TestPartitionsAreEven(t *testing.T) {
	const n, each = 8, 2000
	var counts [n]int
	for i := range n * each {
		counts[IdentityOf("t", "s", fmt.Sprint(i)).Partition(n)]++
	}
	for p, c := range counts {
		if c < each*8/10 || c > each*12/10 {
			t.Errorf("partition %d has %d of %d", p, c, n*each)
		}
	}
}

func TestMinuteOf(t *testing.T) {
	for us, want := range map[int64]int32{
		0: 0, 59_999_999: 0, 60_000_000: 1, -1: -1, -60_000_000: -1, -60_000_001: -2,
		minTime: -36_816_480, maxTime: 173_563_199,
	} {
		if got := MinuteOf(us); got != want {
			t.Errorf("minute of %d: %d, want %d", us, got, want)
		}
	}
}
