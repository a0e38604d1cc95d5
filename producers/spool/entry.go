package spool

import (
	"bytes"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protodelim"

	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// Encode returns a payload for Append: who sent the events, and the events. Each message has its length before it, and each
// event its type before that.
func Encode(from *usagev1.Run, events []schemas.Event) ([]byte, error) {
	var b bytes.Buffer
	if _, err := protodelim.MarshalTo(&b, from); err != nil {
		return nil, fmt.Errorf("encode a request for the spool: %w", err)
	}
	for _, e := range events {
		t, ok := schemas.TypeOf(e)
		if !ok {
			return nil, fmt.Errorf("encode a request for the spool: %T is no event", e)
		}
		b.WriteByte(byte(t))
		if _, err := protodelim.MarshalTo(&b, e); err != nil {
			return nil, fmt.Errorf("encode a request for the spool: %w", err)
		}
	}
	return b.Bytes(), nil
}

// Decode returns what Encode was given.
func Decode(payload []byte) (from *usagev1.Run, events []schemas.Event, err error) {
	options := protodelim.UnmarshalOptions{MaxSize: int64(len(payload))} // No message in it is larger.
	r := bytes.NewReader(payload)
	from = new(usagev1.Run)
	if err := options.UnmarshalFrom(r, from); err != nil {
		return nil, nil, fmt.Errorf("read a request of the spool: %w", err)
	}
	for r.Len() > 0 {
		t, err := r.ReadByte()
		if err == nil && int(t) >= schemas.NumTypes {
			err = errors.New("it has an event of an unknown type")
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read a request of the spool: %w", err)
		}
		e := schemas.NewEvent(schemas.Type(t))
		if err := options.UnmarshalFrom(r, e); err != nil {
			return nil, nil, fmt.Errorf("read a request of the spool: %w", err)
		}
		events = append(events, e)
	}
	return from, events, nil
}
