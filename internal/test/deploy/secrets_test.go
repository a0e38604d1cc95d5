package deploy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"tidemark/internal/test/env"
)

// madeSecrets is a folder in which scripts/compose-secrets has run, and what it printed.
func madeSecrets(t *testing.T, folder string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), filepath.Join(env.ModuleRoot(t), "scripts", "compose-secrets"), folder).CombinedOutput()
	if err != nil {
		t.Fatalf("compose-secrets: %v\n%s", err, out)
	}
	return string(out)
}

func readFile(t *testing.T, name ...string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(name...))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// TestSecrets: the script makes the files that docker-compose.yml names, with passwords of their own that stay, for whoever
// may enter the folder. ClickHouse gets the hashes of what the services read.
func TestSecrets(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "secrets")
	out := madeSecrets(t, folder)
	if info, err := os.Stat(folder); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v, %v", info.Mode(), err)
	}
	passwords := map[string]bool{}
	for name, s := range readCompose(t).Secrets {
		if filepath.Dir(s.File) != "deploy/secrets" && filepath.Dir(s.File) != "./deploy/secrets" {
			t.Errorf("the secret %s is in %s", name, s.File)
		}
		file := filepath.Base(s.File)
		text := readFile(t, folder, file)
		if info, err := os.Stat(filepath.Join(folder, file)); err != nil || info.Mode().Perm() != 0o444 || !strings.Contains(out, file+": made") {
			t.Errorf("%s: %v, %v, and the script printed\n%s", file, info.Mode(), err, out)
		}
		if strings.HasSuffix(file, "-password") {
			if len(text) < 32 || passwords[text] || strings.Contains(out, text) {
				t.Errorf("%s: a password of %d characters, or the one of another, or printed", file, len(text))
			}
			passwords[text] = true
		}
	}
	if len(passwords) != 3 {
		t.Errorf("%d passwords, want 3", len(passwords))
	}

	// A password of the user's own stays, and its line end is no part of it, as for the services.
	if err := os.Remove(filepath.Join(folder, "clickhouse-password")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "clickhouse-password"), []byte("my own\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	grafana := readFile(t, folder, "clickhouse-grafana-password")
	if out := madeSecrets(t, folder); strings.Count(out, "stays as it is") != 3 {
		t.Errorf("the second run:\n%s", out)
	}
	if text := readFile(t, folder, "clickhouse-password"); text != "my own\n" {
		t.Errorf("the password is now %q", text)
	}
	type user struct {
		Hash string `xml:"password_sha256_hex"`
	}
	var users struct {
		Tidemark user `xml:"users>tidemark"`
		Grafana  user `xml:"users>grafana"`
	}
	if err := xml.Unmarshal([]byte(readFile(t, folder, "clickhouse-users.xml")), &users); err != nil {
		t.Fatal(err)
	}
	if users.Tidemark.Hash != hashOf("my own") || users.Grafana.Hash != hashOf(grafana) {
		t.Errorf("the hashes are not those of the passwords: %+v", users)
	}
}

func hashOf(password string) string {
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:])
}

// TestPasswordsReachBothSides holds the server's users, the data source and the secrets of the services together.
func TestPasswordsReachBothSides(t *testing.T) {
	t.Parallel()
	root := env.ModuleRoot(t)
	file := readCompose(t)
	services := file.Services
	for name, s := range services {
		for _, secret := range s.Secrets {
			if _, ok := file.Secrets[sourceOf(secret)]; !ok {
				t.Errorf("service %s has the secret %v, which is not there", name, secret)
			}
		}
		for variable, value := range s.Environment {
			path, ok := value.(string)
			if secret, found := strings.CutPrefix(path, "/run/secrets/"); ok && found && !has(s, secret) {
				t.Errorf("service %s reads %s from a secret that it does not have", name, variable)
			}
		}
	}
	for _, name := range []string{"migrate", "ingest", "rollup", "audit"} {
		if s := services[name]; s.Environment["TIDEMARK_CLICKHOUSE_PASSWORD_FILE"] != "/run/secrets/clickhouse-password" {
			t.Errorf("service %s does not know the password of ClickHouse", name)
		}
	}
	hashes := map[string]any{"source": "clickhouse-users", "target": "/etc/clickhouse-server/users.d/passwords.xml"}
	if s := services["clickhouse"]; !reflect.DeepEqual(s.Secrets, []any{hashes}) {
		t.Errorf("ClickHouse does not read the hashes of the passwords: %v", s.Secrets)
	}
	if users := readFile(t, root, "deploy", "clickhouse", "users.xml"); strings.Contains(users, "<password") {
		t.Error("users.xml has a password beside the one that compose-secrets makes")
	}

	var provisioning struct {
		Datasources []struct {
			Type           string
			JSONData       struct{ Host, Username string }
			SecureJSONData struct{ Password string }
		}
	}
	env.YAML(t, filepath.Join(root, "deploy", "grafana", "provisioning", "datasources", "clickhouse.yaml"), &provisioning)
	if len(provisioning.Datasources) != 1 {
		t.Fatalf("%d data sources, want 1", len(provisioning.Datasources))
	}
	source := provisioning.Datasources[0]
	if source.JSONData.Host != "clickhouse" || source.JSONData.Username != "grafana" ||
		source.SecureJSONData.Password != "$__file{/run/secrets/clickhouse-grafana-password}" || !has(services["grafana"], "clickhouse-grafana-password") {
		t.Errorf("the data source does not match the server: %+v", source)
	}
	plugin, _ := services["grafana"].Environment["GF_PLUGINS_PREINSTALL_SYNC"].(string)
	if !strings.HasPrefix(plugin, source.Type+"@") {
		t.Errorf("Grafana installs %q, the data source needs %s", plugin, source.Type)
	}
}

// sourceOf is the name of a secret in a service's list.
func sourceOf(secret any) string {
	if long, ok := secret.(map[string]any); ok {
		secret = long["source"]
	}
	name, _ := secret.(string)
	return name
}

func has(s service, secret string) bool {
	for _, one := range s.Secrets {
		if sourceOf(one) == secret {
			return true
		}
	}
	return false
}

// TestAlertsHaveAReader: every notification goes to a contact point of the file, which takes its address from a variable that
// Grafana has.
func TestAlertsHaveAReader(t *testing.T) {
	t.Parallel()
	var file struct {
		ContactPoints []struct {
			Name      string
			Receivers []struct {
				UID, Type string
				Settings  map[string]any
			}
		}
		Policies []struct {
			Receiver string
			Routes   []struct{ Receiver string }
		}
	}
	env.YAML(t, filepath.Join(env.ModuleRoot(t), "deploy", "grafana", "provisioning", "alerting", "contact.yaml"), &file)
	grafana := readCompose(t).Services["grafana"].Environment
	points := map[string]bool{}
	for _, point := range file.ContactPoints {
		points[point.Name] = len(point.Receivers) > 0
		for _, r := range point.Receivers {
			for _, setting := range r.Settings {
				variable, is := strings.CutPrefix(toText(setting), "$")
				if value, ok := grafana[variable]; is && (!ok || strings.HasSuffix(toText(value), ":-}")) {
					t.Errorf("%s: the variable %s is empty, and Grafana refuses to start", point.Name, variable)
				}
			}
		}
	}
	if len(file.Policies) != 1 || len(file.Policies[0].Routes) == 0 {
		t.Fatalf("policies: %+v", file.Policies)
	}
	for _, r := range append(file.Policies[0].Routes, struct{ Receiver string }{file.Policies[0].Receiver}) {
		if !points[r.Receiver] {
			t.Errorf("a policy notifies %q, who is not there", r.Receiver)
		}
	}
}

func toText(v any) string {
	text, _ := v.(string)
	return text
}
