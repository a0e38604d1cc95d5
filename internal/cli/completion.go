package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help implements kong.HelpProvider.
func (completionCmd) Help() string {
	return `The script completes commands, flags, and the values of flags that have a fixed set of them. For this session:

  bash: source <(tidemark completion bash)
  zsh:  source <(tidemark completion zsh)
  fish: tidemark completion fish | source

For all sessions, write it to ~/.local/share/bash-completion/completions/tidemark, to _tidemark in a folder of $fpath, or to
~/.config/fish/completions/tidemark.fish.`
}

// Example implements exampler.
func (completionCmd) Example() string { return "tidemark completion bash" }

// Run prints the script.
func (c completionCmd) Run(s Streams, line *kong.Context) error {
	script := map[string]string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}[c.Shell]
	_, err := fmt.Fprint(s.Out, strings.Replace(script, "WORDS", completionTable(line.Model.Node, ""), 1))
	return err
}

// completionTable returns a line "PATH<tab>WORDS" per command with its subcommands and flags, and per flag with a fixed set of values
// "PATH --FLAG<tab>VALUES". The path of the program itself is empty.
func completionTable(node *kong.Node, path string) string {
	var words []string
	var more strings.Builder
	for _, child := range node.Children {
		if child.Hidden {
			continue
		}
		words = append(words, child.Name)
		more.WriteString(completionTable(child, strings.TrimSpace(path+" "+child.Name)))
	}
	for _, arg := range node.Positional {
		words = append(words, fixedValues(arg)...)
	}
	flags := node.AllFlags(true)
	if node.DefaultCmd != nil {
		flags = node.DefaultCmd.AllFlags(true)
	}
	for _, flag := range slices.Concat(flags...) {
		words = append(words, "--"+flag.Name)
		if values := fixedValues(flag.Value); len(values) > 0 {
			fmt.Fprintf(&more, "%s\t%s\n", strings.TrimSpace(path+" --"+flag.Name), strings.Join(values, " "))
		}
	}
	return fmt.Sprintf("%s\t%s\n", path, strings.Join(words, " ")) + more.String()
}

// fixedValues returns the values that a flag or an argument may have, if there is a fixed set of them.
func fixedValues(value *kong.Value) []string {
	if value.Enum == "" {
		return nil
	}
	return value.EnumSlice()
}

// The scripts find the command in the words before the cursor: those that lead from one line of the table to the next. Behind a
// flag that takes a fixed set of values they offer these. Where the table has nothing, the shell offers files.
const bashScript = `# Completion of tidemark for bash.
_tidemark_table() {
  cat <<'END'
WORDSEND
}
_tidemark() {
  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} path='' key words line i table
  table=$(_tidemark_table)
  for ((i = 1; i < COMP_CWORD; i++)); do
    key="${path:+$path }${COMP_WORDS[i]}"
    case $'\n'"$table" in *$'\n'"$key"$'\t'*) case ${COMP_WORDS[i]} in -*) ;; *) path=$key ;; esac ;; esac
  done
  words=
  while IFS= read -r line; do
    case $line in
      "${path:+$path }$before"$'\t'*) case $before in -*) words=${line#*$'\t'}; break ;; esac ;;
    esac
    case $line in "$path"$'\t'*) words=${line#*$'\t'} ;; esac
  done <<<"$table"
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _tidemark tidemark
`

const zshScript = `#compdef tidemark
# Completion of tidemark for zsh.
_tidemark_table() {
  cat <<'END'
WORDSEND
}
_tidemark() {
  local path_='' key line i table before=${words[CURRENT-1]} found=''
  table=$(_tidemark_table)
  for ((i = 2; i < CURRENT; i++)); do
    key="${path_:+$path_ }${words[i]}"
    case $'\n'"$table" in *$'\n'"$key"$'\t'*) case ${words[i]} in -*) ;; *) path_=$key ;; esac ;; esac
  done
  while IFS= read -r line; do
    if [[ $before == -* && $line == "${path_:+$path_ }$before"$'\t'* ]]; then
      found=${line#*$'\t'}
      break
    fi
    [[ $line == "$path_"$'\t'* ]] && found=${line#*$'\t'}
  done <<<"$table"
  compadd -- ${=found} || _files
}
if [[ $funcstack[1] == _tidemark ]]; then _tidemark "$@"; else compdef _tidemark tidemark; fi
`

const fishScript = `# Completion of tidemark for fish.
function __tidemark_table
    echo 'WORDS'
end
function __tidemark_words
    set -l tokens (commandline -opc)
    set -l path ''
    set -l keys
    set -l values
    for line in (__tidemark_table)
        set -l parts (string split -m 1 \t $line)
        if test (count $parts) -eq 2
            set -a keys "x$parts[1]"
            set -a values "$parts[2]"
        end
    end
    for token in $tokens[2..-1]
        set -l key (string trim -- "$path $token")
        if not string match -q -- '-*' $token; and contains -- "x$key" $keys
            set path $key
        end
    end
    set -l key "x$path"
    if test (count $tokens) -gt 1
        set -l flag (string trim -- "$path $tokens[-1]")
        if string match -q -- '-*' $tokens[-1]; and contains -- "x$flag" $keys
            set key "x$flag"
        end
    end
    set -l at (contains -i -- $key $keys); and string split ' ' -- $values[$at]
end
complete -c tidemark -a '(__tidemark_words)'
`
