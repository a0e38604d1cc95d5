package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	consumerkafka "tidemark/consumers/kafka"
	"tidemark/consumers/namespaces"
	"tidemark/schemas"
)

type namespacesDropCmd struct {
	kafkaFlags
	clickhouseFlags
	outputFlags
	Name string `arg:"" help:"The namespace."`
	Yes  bool   `help:"Remove the namespace. Without it, nothing is changed."`
}

// Help implements kong.HelpProvider.
func (namespacesDropCmd) Help() string {
	return `Removes the topics, the consumer groups and the database of the namespace, and nothing else. This cannot be undone.

Stop all processes of the namespace first; any that still run will fail because their topics are gone. A database without
Tidemark's record of migrations is refused. If the command is interrupted, run it again.`
}

// Example implements exampler.
func (namespacesDropCmd) Example() string { return "tidemark namespaces drop tidemark_replayed --yes" }

// Run shows what the namespace consists of, and removes it with --yes.
func (c *namespacesDropCmd) Run(ctx context.Context, s Streams) (err error) {
	nameErr := schemas.ValidNamespace(c.Name)
	if err := invalid(c.kafkaFlags.validate(), c.clickhouseFlags.validate(), nameErr); err != nil {
		return err
	}
	db, client, closeAll, err := openBoth(ctx, c.kafkaFlags, c.clickhouseFlags)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	log := consumerkafka.NamespaceLog{Client: client}
	dropper := &namespaces.Dropper{DB: db, Log: log, Groups: log}
	plan, err := dropper.Plan(ctx, c.Name)
	if err != nil {
		return err
	}
	if plan.Empty() {
		return answerNo(fmt.Errorf("there is no namespace %s", c.Name))
	}
	told := c.told(s)
	printPlan(told, plan)
	if !c.Yes {
		fmt.Fprintln(told.Out, "nothing was dropped; add --yes to drop all of this")
		return c.result(s, plan)
	}
	report := newProgress(s.Err)
	dropper.Hooks.Dropped = func(what string) { report.line("%s", what) }
	if err := dropper.Drop(ctx, plan); err != nil {
		report.end()
		return fmt.Errorf("%w (run it again to drop the rest)", err)
	}
	report.end()
	fmt.Fprintf(told.Out, "namespace %s was dropped\n", c.Name)
	return c.result(s, plan)
}

// result prints what was dropped, or would be, if that is asked for as JSON.
func (c *namespacesDropCmd) result(s Streams, plan namespaces.Plan) error {
	if !c.json() {
		return nil
	}
	return printJSON(s.Out, droppedOutput(plan, c.Yes))
}

func printPlan(s Streams, p namespaces.Plan) {
	if p.Database {
		fmt.Fprintf(s.Out, "database %s: %s (views included), %s, %s\n", p.Name, count(p.Tables, "table"), count(p.Rows, "row"), size(p.Bytes))
	}
	if len(p.Foreign) > 0 {
		fmt.Fprintf(s.Out, "  including tables that this version of Tidemark did not create: %s\n", strings.Join(p.Foreign, ", "))
	}
	for _, name := range slices.Sorted(maps.Keys(p.Topics)) {
		t := p.Topics[name]
		fmt.Fprintf(s.Out, "topic %s: %s, %s\n", name, count(t.Partitions, "partition"), count(t.Records, "record"))
	}
	for _, g := range p.Groups {
		fmt.Fprintf(s.Out, "consumer group %s: %s\n", g.Name, count(g.Members, "member"))
	}
	for _, g := range p.Groups {
		if g.Members > 0 {
			fmt.Fprintf(s.Err, "warning: group %s has %s, or had until some seconds ago: stop them first\n", g.Name, count(g.Members, "member"))
		}
	}
}
