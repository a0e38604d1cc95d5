package kafka

import (
	"context"
	"errors"
	"fmt"

	"tidemark/consumers/namespace"
)

// NamespaceLog shows topics and consumer groups to the package namespace.
type NamespaceLog struct{ Client *Client }

var (
	_ namespace.Log    = NamespaceLog{}
	_ namespace.Groups = NamespaceLog{}
)

// Topics is part of namespace.Log.
func (l NamespaceLog) Topics(ctx context.Context, names []string) (map[string]namespace.Topic, error) {
	existing, err := l.Client.Existing(ctx, names)
	if err != nil {
		return nil, err
	}
	found := make(map[string]namespace.Topic, len(existing))
	for name, topic := range existing {
		t := namespace.Topic{Partitions: topic.Partitions}
		offsets, err := l.Client.Offsets(ctx, name)
		if errors.Is(err, ErrUnknownTopic) {
			continue // It has gone since.
		}
		if err != nil {
			return nil, err
		}
		for _, o := range offsets {
			t.Records += uint64(max(0, o.End-o.Start))
		}
		found[name] = t
	}
	return found, nil
}

// DeleteTopics is part of namespace.Log.
func (l NamespaceLog) DeleteTopics(ctx context.Context, names []string) error {
	return l.Client.DeleteTopics(ctx, names)
}

// Group is part of namespace.Groups.
func (l NamespaceLog) Group(ctx context.Context, name string) (members int, exists bool, err error) {
	g, err := l.Client.Group(ctx, name)
	return g.Members, g.Exists, err
}

// DeleteGroup is part of namespace.Groups.
func (l NamespaceLog) DeleteGroup(ctx context.Context, name string) error {
	err := l.Client.DeleteGroup(ctx, name)
	if errors.Is(err, ErrGroupInUse) {
		return fmt.Errorf("%w: %w", namespace.ErrInUse, err)
	}
	return err
}
