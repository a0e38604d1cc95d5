package chhttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"tidemark/internal/stack/chdb"
)

// runQuery runs a statement and sends what it returns: block by block where the
// format allows, so that a large result is never whole in memory.
func (ex *exchange) runQuery(session *lease, req *request) error {
	if err := ex.ownIDs(session.Session, req); err != nil {
		return err
	}
	format := req.statement.format
	if format == "" {
		format = req.format
	}
	if format == "" {
		format = "TabSeparated"
	}
	if selects(req.keyword) && isStreamable(format) && !req.wait {
		stream, err := session.Stream(ex.r.Context(), req.text, format, req.params)
		if err == nil {
			defer stream.Close()
			return ex.sendStream(session, stream, req, format)
		}
		if !errors.Is(err, chdb.ErrNotStreamable) {
			return err
		}
	}
	result, err := session.Exec(ex.r.Context(), req.text, format, req.params)
	if err != nil {
		return err
	}
	defer result.Close()
	session.moved = req.keyword == "USE"
	session.Close() // The result stays, and is the client's to read.
	ex.served.Stats = result.Stats()
	if err := checkNative(result.Bytes(), req, format); err != nil {
		return err
	}
	ex.begin(req, format, len(result.Bytes()))
	return ex.whileWriting(ex.r.Context(), nil, func() error {
		if err := ex.send(result.Bytes(), req, format); err != nil {
			return err
		}
		return ex.end()
	})
}

// sendStream sends a result as the engine makes it. The first piece is waited
// for before the status is sent, since most errors come before it.
func (ex *exchange) sendStream(session *lease, stream *chdb.Stream, req *request, format string) error {
	ctx := ex.r.Context()
	for {
		piece, err := stream.Next(ctx)
		if err != nil {
			return err
		}
		if !ex.begun {
			length := -1
			if piece == nil {
				length = 0
			} else {
				if err := checkNative(piece.Bytes(), req, format); err != nil {
					piece.Close()
					return err
				}
				ex.served.Stats.Add(piece.Stats())
			}
			ex.begin(req, format, length)
		} else if piece != nil {
			ex.served.Stats.Add(piece.Stats())
		}
		if piece == nil {
			return ex.end()
		}
		err = ex.whileWriting(ctx, session.Session, func() error { return ex.send(piece.Bytes(), req, format) })
		piece.Close()
		if err != nil {
			return err
		}
	}
}

// send writes a piece of a result.
func (ex *exchange) send(data []byte, req *request, format string) error {
	var err error
	if strings.EqualFold(format, nativeFormat) {
		err = reframeNative(ex.out, data, req.revision)
	} else {
		_, err = ex.out.Write(data)
	}
	if err != nil && ex.r.Context().Err() != nil {
		err = fmt.Errorf("%w: %w", errClientGone, err)
	}
	return err
}

// chunkBytes is how much of an INSERT's data goes to the engine at once.
const chunkBytes = 1 << 20

// runInsert gives the data of an INSERT to the engine.
func (ex *exchange) runInsert(session *lease, req *request) error {
	if err := ex.insert(session, req); err != nil {
		return err
	}
	session.Close()
	ex.begin(req, "TabSeparated", 0)
	return ex.end()
}

func (ex *exchange) insert(session *lease, req *request) error {
	var err error
	ex.served.Stats, err = feed(ex.r.Context(), session, req.head, req.statement.format, req.params, req.data)
	return err
}

// feed gives data in a format to an INSERT.
func feed(ctx context.Context, session *lease, head, format string, params []chdb.Parameter, data io.Reader) (chdb.Stats, error) {
	insert, err := session.Insert(ctx, head, format, params)
	if err != nil {
		return chdb.Stats{}, err
	}
	defer insert.Cancel()
	buffer := chunks.get()
	defer chunks.put(buffer)
	for {
		n, end, err := fill(data, buffer)
		if err != nil {
			return chdb.Stats{}, err
		}
		if err := insert.Append(ctx, buffer[:n]); err != nil {
			return chdb.Stats{}, err
		}
		if end {
			return insert.Done(ctx)
		}
	}
}
