package replay

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"tidemark/producers"
	"tidemark/producers/formats"
	"tidemark/producers/formats/fields"
	"tidemark/producers/formats/mapping"
	"tidemark/schemas"
)

const usersMapping = "source: s\ntime: {column: at, format: unix_s}\nid: at\nfields: {tenant: t, product: {constant: p}, model: m, user: u}\n"

// usersOf returns the users of the token calls in a text, and the first problem.
func usersOf(t *testing.T, o Options, data string) (users []uint64, problem string) {
	t.Helper()
	o.Files, o.Stdin, o.Run = []string{Stdin}, strings.NewReader(data), "test"
	if o.Format == "csv" || o.Format == "jsonl" {
		m, err := mapping.Parse("m.yaml", []byte(usersMapping))
		if err != nil {
			t.Fatal(err)
		}
		o.Mapping = m
	}
	if formats.Named(o.Format).NeedsStart {
		o.Start = start
	}
	log, result := replayed(t, o)
	for _, c := range log.calls {
		users = append(users, c.User)
	}
	for _, unread := range result.Unread { // The call counts without its user.
		problem = unread.Field + " " + unread.Example + " " + unread.Reason
	}
	if len(result.Problems) > 0 {
		problem = result.Problems[0].Text
	}
	return users, problem
}

func cloudUser(tenant, value string) string {
	return fmt.Sprintf(`{"specversion":"1.0","type":"token_call","time":"2024-05-10T00:00:00Z","source":"s","id":"1","data":{"tenant":"%s","product":"p","user":%s}}`, tenant, value)
}

func jsonUser(tenant, value string) string {
	return fmt.Sprintf(`{"at":1,"t":"%s","m":"m","u":%s}`, tenant, value)
}

// TestUserIsOne gives the same person in every form that a file may have.
func TestUserIsOne(t *testing.T) {
	hasher := schemas.NewUserHasher([]byte("a key for tests only"))
	users := fields.KeyedUsers([]byte("a key for tests only"))
	f := func(format, data string) {
		t.Helper()
		got, problem := usersOf(t, Options{Format: format, Tenant: "acme", Users: users}, data)
		if problem != "" || len(got) != 1 || got[0] != hasher.Hash("acme", "42") {
			t.Errorf("%s %s: got %d, want %d %s", format, data, got, hasher.Hash("acme", "42"), problem)
		}
	}
	f("csv", "at,t,m,u\n1,acme,m,42\n")
	f("csv", "at,t,m,u\n1,else,m, 42 \n") // The tenant is that of the options.
	f("agentic", "trace_id,t_s,model,input_tokens,output_tokens\n42,0,m,1,1\n")
	f("burstgpt", "Timestamp,Session ID,Model,Request tokens,Response tokens\n1,42,m,1,1\n")
	for _, value := range []string{`"42"`, `42`, `42.0`, `4.2e1`, `420E-1`, `" 42 "`} {
		f("jsonl", jsonUser("acme", value))
		f("cloudevents", cloudUser("acme", value))
	}
}

// TestUsersAreDistinct gives people that are not the same.
func TestUsersAreDistinct(t *testing.T) {
	seen := map[uint64]string{}
	f := func(key, data string) {
		t.Helper()
		got, problem := usersOf(t, Options{Format: "cloudevents", Users: fields.KeyedUsers([]byte(key))}, data)
		if len(got) != 1 || got[0] == 0 || seen[got[0]] != "" {
			t.Fatalf("%s: got %d, the same as %s: %s", data, got, seen[got[0]], problem)
		}
		seen[got[0]] = data
	}
	for _, key := range []string{"one key for tests", "another key for tests"} {
		f(key, cloudUser("org", `"team/alice"`))
		f(key, cloudUser("org/team", `"alice"`))
		f(key, cloudUser("org", `"alice"`))
		f(key, cloudUser("org", `42`))
		f(key, cloudUser("org", `-42`))
		f(key, cloudUser("org", `"042"`))
		f(key, cloudUser("org", `12345678901234567890`))
		f(key, cloudUser("org", `12345678901234567891`))
	}
}

// TestBadUsers gives users that cannot be told from others.
func TestBadUsers(t *testing.T) {
	f := func(format, data, want string) {
		t.Helper()
		if got, problem := usersOf(t, Options{Format: format, Users: testUsers}, data); len(got) > 0 && got[0] != 0 || !strings.HasSuffix(problem, want) {
			t.Errorf("%s %s: got %d, %q, want %q", format, data, got, problem, want)
		}
	}
	for value, want := range map[string]string{
		`1e17`:                 `"1e17" may have lost digits: write users as texts, in quotes`,
		`9007199254740993.0`:   `"9007199254740993.0" may have lost digits: write users as texts, in quotes`,
		`1e300`:                `"1e300" may have lost digits: write users as texts, in quotes`,
		`1.5`:                  `"1.5" is not a whole number: write users as texts, in quotes`,
		`true`:                 `"true" is not a number and no user`,
		"\"caf\xe9\"":          `"caf\xe9" is not UTF-8: convert the file`,
		`{"name":"x"}`:         "is an object and not a text or a number",
		`[1]`:                  "is an array and not a text or a number",
		`0.00000000000000001e`: "invalid character '}' in exponent of numeric literal",
	} {
		f("jsonl", jsonUser("t", value)+"\n", want)
		o := Options{Format: "cloudevents", Files: []string{Stdin}, Stdin: strings.NewReader(cloudUser("t", value) + "\n"), Users: testUsers, Run: "test"}
		log, result := replayed(t, o)
		if strings.HasPrefix(want, "invalid") { // It is no JSON.
			if len(log.calls) > 0 || result.Skipped != 1 {
				t.Errorf("cloudevents %s: %+v", value, result)
			}
			continue
		}
		// The call counts, without a user.
		if len(log.calls) != 1 || log.calls[0].User != 0 || len(result.Unread) != 1 || result.Unread[0].Field != fields.User || !strings.HasSuffix(want, result.Unread[0].Reason) {
			t.Errorf("cloudevents %s: got %v, %+v, want %q", value, log.calls, result.Unread, want)
		}
	}
	f("csv", "at,t,m,u\n1,t,m,caf\xe9\n", `"caf\xe9" is not UTF-8: convert the file`)
	f("agentic", "trace_id,t_s,model,input_tokens,output_tokens\ncaf\xe9,0,m,1,1\n", `trace_id "caf\xe9" is not UTF-8: convert the file`)
}

// TestLegacyUsers holds what the versions before made of users, which stays to be had.
func TestLegacyUsers(t *testing.T) {
	f := func(format, data string, want uint64) {
		t.Helper()
		got, problem := usersOf(t, Options{Format: format, Users: fields.LegacyUsers()}, data)
		if len(got) != 1 || got[0] != want {
			t.Errorf("%s %s: got %x, want %x %s", format, data, got, want, problem)
		}
	}
	f("cloudevents", cloudUser("tenant-42", `"u-1"`), 0x2d722ab6de56d4b8)
	f("cloudevents", cloudUser("acme", `18446744073709551615`), 0xffffffffffffffff)
	f("agentic", "trace_id,t_s,model,input_tokens,output_tokens\ntrace_0001,0,m,1,1\n", 0x2b1dceaf69443047)
	f("burstgpt", "Timestamp,Session ID,Model,Request tokens,Response tokens\n1,s-1,m,1,1\n", 0xf21461ded9f9c4c9)
	nested := uint64(0x69b7b66ac3ffb8db)
	f("csv", "at,t,m,u\n1,org,m,team/alice\n", nested)
	f("csv", "at,t,m,u\n1,org/team,m,alice\n", nested)
	f("jsonl", jsonUser("org/team", `"alice"`), nested)
	f("jsonl", jsonUser("t", `""`), 0)
}

// TestUsersAreRequired expects no replay of users without a word about how they are hashed.
func TestUsersAreRequired(t *testing.T) {
	m, err := mapping.Parse("m.yaml", []byte(usersMapping))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []Options{{Format: "cloudevents"}, {Format: "csv", Mapping: m}, {Format: "agentic", Start: start}} {
		o.Files, o.Stdin, o.Run = []string{Stdin}, strings.NewReader(""), "test"
		if _, err := Run(t.Context(), &producers.Sender{Log: &memory{}}, o); !errors.Is(err, errNoUsers) {
			t.Errorf("%s: %v", o.Format, err)
		}
	}
	if (Options{Format: "azure-llm"}).HasUsers() || (Options{Name: "scenario:x", Format: "agentic"}).HasUsers() {
		t.Error("users where there are none")
	}
}
