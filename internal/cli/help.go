package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// exampler is a command whose help ends with an example: one command line per line.
type exampler interface{ Example() string }

// printHelp prints the help of a command, and an example at its end.
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil {
		return err
	}
	node := ctx.Selected()
	if node == nil {
		node = ctx.Model.Node
	}
	if text := exampleOf(node); text != "" && !options.Summary {
		fmt.Fprintf(ctx.Stdout, "\nExample:\n  %s\n", strings.ReplaceAll(text, "\n", "\n  "))
	}
	return nil
}

// connectionGroups are the groups of flags that nearly every command has, in the order of the help: after the command's own.
var connectionGroups = []string{"Operations", "Kafka", "ClickHouse"}

// ownFlagsFirst puts the flags about connections behind those of the command itself.
func ownFlagsFirst() kong.Option {
	rank := func(flag *kong.Flag) int {
		if flag.Group == nil {
			return -1
		}
		return slices.Index(connectionGroups, flag.Group.Key)
	}
	var order func(node *kong.Node)
	order = func(node *kong.Node) {
		slices.SortStableFunc(node.Flags, func(a, b *kong.Flag) int { return rank(a) - rank(b) })
		for _, child := range node.Children {
			order(child)
		}
	}
	return kong.PostBuild(func(k *kong.Kong) error {
		order(k.Model.Node)
		return nil
	})
}

// exampleOf returns the example of a command, or of its first subcommand that has one.
func exampleOf(node *kong.Node) string {
	if node.Target.CanAddr() {
		if command, ok := node.Target.Addr().Interface().(exampler); ok {
			return command.Example()
		}
	}
	for _, child := range node.Children {
		if text := exampleOf(child); text != "" {
			return text
		}
	}
	return ""
}

// describe is the help text of a flag: what it does, its default, its environment variable, its range.
func describe(value *kong.Value) string {
	var notes []string
	if value.HasDefault && value.Default != "" {
		notes = append(notes, "default "+value.Default)
	}
	if value.Tag != nil {
		for _, env := range value.Tag.Envs {
			notes = append(notes, "$"+env)
		}
		if span := value.Tag.Get(rangeTag); span != "" {
			notes = append(notes, strings.NewReplacer("..", " to ", "0,", "0 or ").Replace(span))
		}
	}
	if len(notes) == 0 {
		return value.Help
	}
	return value.Help + " (" + strings.Join(notes, "; ") + ")"
}
