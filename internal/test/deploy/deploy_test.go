// Package deploy reads what a deployment reads: docker-compose.yml and every file it mounts or builds from.
//
// No container runs here. What can be held without one is held: the files are well formed and where the compose file
// says, images are pinned, ports are on loopback, services say when they are healthy, and the commands, flags and
// environment variables of Tidemark's own services are those of the program.
package deploy

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tidemark/internal/cli"
	"tidemark/internal/test/env"
)

// composeFile is what the tests look at of docker-compose.yml.
type composeFile struct {
	Services map[string]service
	Volumes  map[string]any
	Secrets  map[string]struct{ File string }
}

type service struct {
	Image       string
	Build       *struct{ Context, Dockerfile string }
	Command     []string
	Environment map[string]any
	Ports       []string
	Volumes     []string
	Restart     string
	DependsOn   map[string]struct{ Condition string } `json:"depends_on"`
	Healthcheck *struct{ Test []string }
	Profiles    []string
	Secrets     []any // A name, or an object with source and target.
	MemLimit    any   `json:"mem_limit"`
	CPUs        any   `json:"cpus"`
	Logging     struct {
		Driver  string
		Options map[string]string
	}
}

// oneShot is a service that ends when its work is done.
func (s service) oneShot() bool { return s.Restart == "no" }

func readCompose(t *testing.T) composeFile {
	t.Helper()
	var file composeFile
	env.YAML(t, filepath.Join(env.ModuleRoot(t), "docker-compose.yml"), &file)
	for _, name := range []string{"kafka", "clickhouse", "grafana", "migrate", "ingest", "rollup", "audit", "collect", "generate", "prometheus"} {
		if _, ok := file.Services[name]; !ok {
			t.Errorf("no service %s", name)
		}
	}
	return file
}

func TestDockerComposeAccepts(t *testing.T) {
	command := []string{"docker-compose"}
	if _, err := exec.LookPath(command[0]); err != nil && exec.CommandContext(t.Context(), "docker", "compose", "version").Run() == nil {
		command = []string{"docker", "compose"}
	} else {
		env.Require(t, "docker-compose", err == nil, "apt-get install docker-compose")
	}
	args := slices.Concat(command[1:], []string{"--profile", "generate", "--profile", "metrics", "config", "--quiet"})
	cmd := exec.CommandContext(t.Context(), command[0], args...)
	cmd.Dir = env.ModuleRoot(t)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
	}
}

func TestServices(t *testing.T) {
	file := readCompose(t)
	for _, problem := range problems(file) {
		t.Error(problem)
	}
}

// pinned is an image with a tag that names one version (three numbers at least for what others publish).
var pinned = regexp.MustCompile(`^[a-z0-9./-]+:v?[0-9]+\.[0-9]+(\.[0-9]+)*(-[a-z0-9.]+)?$`)

// secretVariable is a variable with a secret or the path of one, and optional a value that comes from the user or is empty.
var (
	secretVariable = regexp.MustCompile(`PASSWORD|SECRET|TOKEN`)
	optional       = regexp.MustCompile(`^\$\{[A-Z_]+:-\}$`)
)

// problems are the faults that need nothing but the compose file.
func problems(file composeFile) []string {
	var found []string
	bad := func(service, format string, args ...any) {
		found = append(found, service+": "+fmt.Sprintf(format, args...))
	}
	for name, s := range file.Services {
		if s.Build == nil && !pinned.MatchString(s.Image) {
			bad(name, "image %q is not pinned to a version", s.Image)
		}
		switch {
		case s.oneShot() && s.Healthcheck != nil:
			bad(name, "runs once and has a health check")
		case !s.oneShot() && (s.Healthcheck == nil || len(s.Healthcheck.Test) < 2):
			bad(name, "has no health check")
		}
		if s.MemLimit == nil || s.CPUs == nil {
			bad(name, "has no limit of memory or of CPU")
		}
		if s.Logging.Driver != "json-file" || s.Logging.Options["max-size"] == "" || s.Logging.Options["max-file"] == "" {
			bad(name, "has a log without an end")
		}
		for variable, value := range s.Environment {
			if text := fmt.Sprint(value); secretVariable.MatchString(variable) && text != "" && !strings.HasPrefix(text, "/run/secrets/") && !optional.MatchString(text) {
				bad(name, "has the secret %s in its environment", variable)
			}
		}
		for _, port := range s.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				bad(name, "port %q is not on loopback", port)
			}
		}
		for other, on := range s.DependsOn {
			target, ok := file.Services[other]
			switch {
			case !ok:
				bad(name, "depends on %s, which is not there", other)
			case target.oneShot() && on.Condition != "service_completed_successfully":
				bad(name, "depends on %s, which runs once, with condition %q", other, on.Condition)
			case !target.oneShot() && on.Condition != "service_healthy":
				bad(name, "depends on %s with condition %q", other, on.Condition)
			}
		}
		for _, mount := range s.Volumes {
			source, _, _ := strings.Cut(mount, ":")
			_, named := file.Volumes[source]
			switch bind := strings.HasPrefix(source, "./"); {
			case !bind && !named:
				bad(name, "mounts %q, neither a named volume nor a path of this repository", mount)
			case bind && !strings.HasSuffix(mount, ":ro"):
				bad(name, "mounts %q writable", mount)
			}
		}
	}
	slices.Sort(found)
	return found
}

// TestProblemsAreFound plants one fault a case.
func TestProblemsAreFound(t *testing.T) {
	tests := map[string]struct {
		plant func(s *service)
		want  string
	}{
		"latest":           {func(s *service) { s.Image = "apache/kafka:latest" }, "not pinned"},
		"no tag":           {func(s *service) { s.Image = "apache/kafka" }, "not pinned"},
		"major only":       {func(s *service) { s.Image = "apache/kafka:4" }, "not pinned"},
		"no health check":  {func(s *service) { s.Healthcheck = nil }, "no health check"},
		"all interfaces":   {func(s *service) { s.Ports = []string{"9092:9092"} }, "not on loopback"},
		"wildcard address": {func(s *service) { s.Ports = []string{"0.0.0.0:9092:9092"} }, "not on loopback"},
		"missing service":  {func(s *service) { s.DependsOn = depends("gone", "service_healthy") }, "not there"},
		"only started":     {func(s *service) { s.DependsOn = depends("other", "service_started") }, "condition"},
		"unfinished":       {func(s *service) { s.DependsOn = depends("once", "service_healthy") }, "runs once"},
		"unnamed volume":   {func(s *service) { s.Volumes = []string{"lost:/data"} }, "neither"},
		"path outside":     {func(s *service) { s.Volumes = []string{"/etc:/data:ro"} }, "neither"},
		"writable":         {func(s *service) { s.Volumes = []string{"./deploy:/data"} }, "writable"},
		"no memory limit":  {func(s *service) { s.MemLimit = nil }, "no limit"},
		"no CPU limit":     {func(s *service) { s.CPUs = nil }, "no limit"},
		"endless log":      {func(s *service) { s.Logging.Options = nil }, "without an end"},
		"password":         {func(s *service) { s.Environment = map[string]any{"DB_PASSWORD": "tidemark"} }, "secret DB_PASSWORD"},
		"default password": {func(s *service) { s.Environment = map[string]any{"DB_PASSWORD": "${DB:-tidemark}"} }, "secret DB_PASSWORD"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := service{
				Image: "apache/kafka:4.4.0", Ports: []string{"127.0.0.1:9092:9092"}, Volumes: []string{"data:/data", "./deploy:/deploy:ro"},
				Healthcheck: &struct{ Test []string }{[]string{"CMD", "true"}}, MemLimit: "1g", CPUs: 1,
				Environment: map[string]any{"DB_PASSWORD_FILE": "/run/secrets/db", "SMTP_PASSWORD": "${SMTP_PASSWORD:-}"},
			}
			s.Logging.Driver, s.Logging.Options = "json-file", map[string]string{"max-size": "1m", "max-file": "2"}
			once := service{Image: "once:1.0", Restart: "no", MemLimit: "1g", CPUs: 1, Logging: s.Logging}
			file := composeFile{
				Services: map[string]service{"kafka": s, "other": s, "once": once},
				Volumes:  map[string]any{"data": nil},
			}
			if found := problems(file); len(found) > 0 {
				t.Fatalf("a good file has problems: %q", found)
			}
			tt.plant(&s)
			file.Services["kafka"] = s
			if found := problems(file); len(found) != 1 || !strings.Contains(found[0], tt.want) {
				t.Errorf("got %q, want one with %q", found, tt.want)
			}
		})
	}
}

func depends(on, condition string) map[string]struct{ Condition string } {
	return map[string]struct{ Condition string }{on: {condition}}
}

// TestMountedFiles reads every file that a container gets or an image is built from.
func TestMountedFiles(t *testing.T) {
	root := env.ModuleRoot(t)
	read := 0
	for name, s := range readCompose(t).Services {
		if s.Build != nil {
			checkFile(t, filepath.Join(root, s.Build.Context, s.Build.Dockerfile))
		}
		for _, mount := range s.Volumes {
			source, _, _ := strings.Cut(mount, ":")
			if !strings.HasPrefix(source, "./") {
				continue
			}
			files := 0
			err := filepath.WalkDir(filepath.Join(root, source), func(path string, entry fs.DirEntry, err error) error {
				if err != nil || entry.IsDir() {
					return err
				}
				files++
				checkFile(t, path)
				return nil
			})
			if err != nil || files == 0 {
				t.Errorf("service %s mounts %s: %d files, error %v", name, source, files, err)
			}
			read += files
		}
	}
	if read < 3 {
		t.Errorf("only %d mounted files were read", read)
	}
}

// checkFile fails the test if the file is not well formed in the language that its name says.
func checkFile(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
		return
	}
	switch name := filepath.Base(path); filepath.Ext(name) {
	case ".xml":
		err = wellFormed(content)
	case ".json":
		if !json.Valid(content) {
			err = errors.New("not JSON")
		}
	case ".yaml", ".yml":
		var document map[string]any
		env.YAML(t, path, &document)
	default:
		if name != "Dockerfile" {
			err = errors.New("no check for this kind of file")
			break
		}
		err = pinnedBases(content)
	}
	if err != nil {
		t.Errorf("%s: %v", path, err)
	}
}

func wellFormed(content []byte) error {
	decoder := xml.NewDecoder(bytes.NewReader(content))
	for {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// pinnedBases checks the FROM lines of a Dockerfile.
func pinnedBases(content []byte) error {
	bases := regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllSubmatch(content, -1)
	if len(bases) == 0 {
		return errors.New("no FROM")
	}
	for _, base := range bases {
		if !pinned.Match(base[1]) {
			return fmt.Errorf("base image %s is not pinned to a version", base[1])
		}
	}
	return nil
}

// TestOwnServices asks the program about the commands, flags and environment variables that the compose file uses.
func TestOwnServices(t *testing.T) {
	for name, s := range readCompose(t).Services {
		if s.Build == nil {
			continue
		}
		help := commandHelp(t, s.Command)
		for variable := range s.Environment {
			if !strings.Contains(help, "$"+variable+")") {
				t.Errorf("service %s sets %s, which its command does not know", name, variable)
			}
		}
		if s.Healthcheck != nil {
			binary := slices.Index(s.Healthcheck.Test, "/usr/local/bin/tidemark")
			if binary < 0 {
				t.Errorf("service %s: the health check does not call the program", name)
				continue
			}
			commandHelp(t, s.Healthcheck.Test[binary+1:])
		}
	}
}

// commandHelp is the help of a command line; it fails the test if the program does not know the command or a flag.
func commandHelp(t *testing.T, args []string) string {
	t.Helper()
	var out, errOut bytes.Buffer
	if code := cli.Main(append(slices.Clone(args), "--help"), strings.NewReader(""), &out, &errOut); code != 0 {
		t.Errorf("tidemark %s: exit code %d: %s", strings.Join(args, " "), code, errOut.String())
	}
	return out.String()
}

// TestVersionsAgree holds the compose file to the broker version that the tests run.
func TestVersionsAgree(t *testing.T) {
	pom, err := os.ReadFile(filepath.Join(env.ModuleRoot(t), "deploy", "kafka", "pom.xml"))
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(`<artifactId>kafka_[0-9.]+</artifactId>\s*<version>([0-9.]+)</version>`).FindSubmatch(pom)
	if match == nil {
		t.Fatal("deploy/kafka/pom.xml names no broker version")
	}
	if image, want := readCompose(t).Services["kafka"].Image, "apache/kafka:"+string(match[1]); image != want {
		t.Errorf("docker-compose.yml runs %s, the tests run %s", image, want)
	}
}
