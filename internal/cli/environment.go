package cli

import (
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

const envPrefix = "TIDEMARK_"

// ownTwins are the flags that several commands have and that mean something else in each. Their environment variables have the name
// of the command, so that one for a load test does not change a replay.
var ownTwins = []string{
	"account", "allow-host", "at", "by", "deep", "duration", "format", "from", "http-listen", "limit", "listen", "out", "product", "profile", "provider", "rate",
	"run", "source", "start", "tenant", "timeout", "to", "type", "url",
}

// withoutTwin are the flags that have no environment variable: what they change or hold back is asked for once, on the command line.
var withoutTwin = []string{"close", "correct", "drop-namespace", "dry-run", "replace", "version", "yes"}

// secretVariables are the environment variables that are no flags.
var secretVariables = []string{"TIDEMARK_CLICKHOUSE_PASSWORD", "TIDEMARK_KAFKA_PASSWORD"}

// twins gives every flag its environment variable.
func twins() kong.Option {
	return kong.PostBuild(func(k *kong.Kong) error {
		nameTwins(k.Model.Node, nil)
		return nil
	})
}

// nameTwins names the variables of a command with that path and of its subcommands. A subcommand that runs without its name adds
// nothing to the path.
func nameTwins(node *kong.Node, path []string) {
	for _, flag := range node.Flags {
		var words []string
		switch {
		case flag.Name == "help" || slices.Contains(withoutTwin, flag.Name):
			flag.Envs, flag.Tag.Envs = nil, nil
			continue
		case len(flag.Envs) > 0:
			continue
		case slices.Contains(ownTwins, flag.Name):
			words = slices.Clone(path)
		}
		words = append(words, strings.ReplaceAll(flag.Name, "-", "_"))
		flag.Envs = []string{envPrefix + strings.ToUpper(strings.Join(words, "_"))}
		flag.Tag.Envs = flag.Envs
	}
	for _, child := range node.Children {
		if node.DefaultCmd == child {
			nameTwins(child, path)
			continue
		}
		nameTwins(child, append(slices.Clone(path), child.Name))
	}
}

// variables returns the names of all environment variables that commands read.
func variables(node *kong.Node) []string {
	var names []string
	for _, flag := range node.Flags {
		names = append(names, flag.Envs...)
	}
	for _, child := range node.Children {
		names = append(names, variables(child)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// serviceVariable is what Kubernetes sets in every container for a service that is called tidemark or tidemark-something.
var serviceVariable = regexp.MustCompile(`^TIDEMARK_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_\w+)?)$`)

// unknownVariables returns a warning for each TIDEMARK_ variable of an environment that nothing reads: it may be a mistyped setting.
func unknownVariables(environment []string) ([]string, error) {
	parser, err := newParser(Streams{})
	if err != nil {
		return nil, err
	}
	known := append(variables(parser.Model.Node), secretVariables...)
	var warnings []string
	for _, one := range environment {
		name, _, _ := strings.Cut(one, "=")
		if !strings.HasPrefix(name, envPrefix) || slices.Contains(known, name) || serviceVariable.MatchString(name) {
			continue
		}
		warning := "the environment variable " + name + " is unknown and has no effect"
		if likely := likelyNames(name, known); len(likely) > 0 {
			warning += "; did you mean " + strings.Join(likely, " or ") + "?"
		}
		warnings = append(warnings, warning)
	}
	slices.Sort(warnings)
	return warnings, nil
}

// maxLikely is how many names a warning offers.
const maxLikely = 6

// likelyNames returns the known names that end like a wrong one, such as TIDEMARK_LOAD_RATE for TIDEMARK_RATE, or those that differ
// least from it.
func likelyNames(wrong string, known []string) []string {
	var likely []string
	for _, name := range known {
		if strings.HasSuffix(name, "_"+strings.TrimPrefix(wrong, envPrefix)) {
			likely = append(likely, name)
		}
	}
	least := 1 + (len(wrong)-len(envPrefix))/4
	if len(likely) > 0 {
		known = nil
	}
	for _, name := range known {
		switch d := distance(wrong, name); {
		case d < least:
			likely, least = []string{name}, d
		case d == least:
			likely = append(likely, name)
		}
	}
	return likely[:min(len(likely), maxLikely)]
}

// distance is the number of letters to insert, remove or change to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := corner
			if a[i] != b[j] {
				change++
			}
			corner = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
