package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	consumerkafka "tidemark/consumers/kafka"
	"tidemark/consumers/namespaces"
)

type namespacesListCmd struct {
	kafkaFlags
	clickhouseFlags
	outputFlags
}

// Help implements kong.HelpProvider.
func (namespacesListCmd) Help() string {
	return `Lists the namespaces whose database 'tidemark migrate' made. The numbers of rows and the times come from the ledger, so
they include duplicates that were sent again after the window had passed.`
}

// Example implements exampler.
func (namespacesListCmd) Example() string { return "tidemark namespaces list" }

// Run lists.
func (c *namespacesListCmd) Run(ctx context.Context, s Streams) (err error) {
	if err := invalid(c.kafkaFlags.validate(), c.clickhouseFlags.validate()); err != nil {
		return err
	}
	db, client, closeAll, err := openBoth(ctx, c.kafkaFlags, c.clickhouseFlags)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	lister := namespaces.Lister{DB: db, In: serverOf(db), Log: consumerkafka.NamespaceLog{Client: client}}
	found := 0
	all := []namespaceJSON{}
	err = lister.List(ctx, func(info namespaces.Info) error {
		if c.json() {
			all = append(all, namespaceOutput(info))
			return nil
		}
		if found++; found > 1 {
			fmt.Fprintln(s.Out)
		}
		return printNamespace(s.Out, info)
	})
	switch {
	case err != nil:
	case c.json():
		return printJSON(s.Out, namespacesJSON{all})
	case found == 0:
		fmt.Fprintln(s.Out, "no namespace; 'tidemark migrate' creates one")
	}
	return err
}

// missingTopics returns the topics that a namespace lacks.
func missingTopics(info namespaces.Info) (missing []string) {
	for _, topic := range namespaces.TopicNames(info.Name) {
		if _, exists := info.Topics[topic]; !exists {
			missing = append(missing, topic)
		}
	}
	return missing
}

func printNamespace(w io.Writer, info namespaces.Info) error {
	missing := missingTopics(info)
	topics := fmt.Sprintf("%d of %d topics", len(info.Topics), len(info.Topics)+len(missing))
	if len(missing) > 0 && len(info.Topics) > 0 {
		topics += " (missing: " + strings.Join(missing, ", ") + ")"
	}
	fmt.Fprintf(w, "%s: %s, database of %s, %s\n", info.Name, topics, size(info.Bytes), auditLine(info.Audit))
	if info.Problem != "" {
		fmt.Fprintf(w, "  %s\n", info.Problem)
		return nil
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "type\trows\tfirst\tlast\t")
	for _, t := range info.Types {
		first, last := "-", "-"
		if t.Rows > 0 {
			first, last = t.First.Format(minuteForm), t.Last.Format(minuteForm)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t\n", t.Type, number(t.Rows), first, last)
	}
	return table.Flush()
}

func auditLine(a namespaces.Audit) string {
	switch at := a.At.UTC().Format(time.RFC3339); {
	case a.At.IsZero():
		return "never audited"
	case a.Differences > 0:
		return fmt.Sprintf("audit DIFFERENCE (%d) at %s", a.Differences, at)
	case a.Pending > 0:
		return fmt.Sprintf("audit OK with %s pending at %s", count(a.Pending, "check"), at)
	default:
		return "audit OK at " + at
	}
}
