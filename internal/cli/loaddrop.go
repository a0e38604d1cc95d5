package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	consumerkafka "tidemark/consumers/kafka"
	"tidemark/consumers/namespaces"
	"tidemark/schemas"
)

// dropFlags say what becomes of the namespace of a load test.
type dropFlags struct {
	DropNamespace bool `help:"Remove the namespace with all that is in it after the run. It has to be one without records and rows before the run." group:"Load"`
}

// validateDrop returns why the namespace cannot be removed.
func (c *loadCmd) validateDrop() error {
	switch {
	case !c.DropNamespace:
		return nil
	case c.Namespace == schemas.DefaultNamespace:
		return fmt.Errorf("--drop-namespace: %s is the namespace of production: name one of the test's own with --namespace", c.Namespace)
	case c.calibrateFlags.on():
		return errors.New("--drop-namespace: --generator-only and --discard leave nothing in the namespace")
	}
	return nil
}

// dropped opens the connections of a drop and calls work with the dropper and what there is of the namespace.
func (c *loadCmd) dropped(ctx context.Context, work func(*namespaces.Dropper, namespaces.Plan) error) (err error) {
	db, client, closeAll, err := openBoth(ctx, c.kafkaFlags, c.clickhouseFlags)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	log := consumerkafka.NamespaceLog{Client: client}
	dropper := &namespaces.Dropper{DB: db, Log: log, Groups: log}
	plan, err := dropper.Plan(ctx, c.Namespace)
	if err != nil {
		return err
	}
	return work(dropper, plan)
}

// unused returns an error if the namespace is to be removed and holds what the run did not make.
func (c *loadCmd) unused(ctx context.Context) error {
	if !c.DropNamespace {
		return nil
	}
	return c.dropped(ctx, func(dropper *namespaces.Dropper, plan namespaces.Plan) error {
		what, err := dropper.Used(ctx, plan)
		if err == nil && what != "" {
			err = fmt.Errorf("--drop-namespace: %s, and only a namespace that was empty before the run is removed: take a new one, or leave out --drop-namespace", what)
		}
		return err
	})
}

// dropTime is how long the removal of a namespace may take. The end of a run that was interrupted does not end it.
const dropTime = 5 * time.Minute

// drop removes the namespace if that was asked for. One of a run that is wrong stays, for whoever wants to know why.
func (c *loadCmd) drop(ctx context.Context, s Streams, wrong bool) error {
	if !c.DropNamespace {
		return nil
	}
	if wrong {
		fmt.Fprintf(s.Err, "namespace %s stays, since the run is wrong; to remove it: tidemark namespaces drop %s\n", c.Namespace, c.Namespace)
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTime)
	defer cancel()
	err := c.dropped(ctx, func(dropper *namespaces.Dropper, plan namespaces.Plan) error {
		progress := newProgress(s.Err)
		defer progress.end()
		dropper.Hooks.Dropped = func(what string) { progress.line("%s", what) }
		return dropper.Drop(ctx, plan)
	})
	if err != nil {
		return fmt.Errorf("--drop-namespace: %w (to drop the rest: tidemark namespaces drop %s)", err, c.Namespace)
	}
	_, err = fmt.Fprintf(c.told(s).Out, "namespace %s was dropped\n", c.Namespace)
	return err
}
