package chhttp

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"tidemark/internal/stack/chdb"
)

// incoming is the body of a request on its way in.
type incoming struct {
	handler  *Handler
	live     *liveBody
	spooled  bool // all of it is here
	tables   []*externalTable
	memory   decoderMemory
	releases []func()

	formRead, formLimit int // bytes of a form's fields
}

// open returns a reader of the body without its codings; nil for a form, whose fields become parameters. What has to be
// decoded is read to its end first, so that no decoder waits for a client.
func (in *incoming) open(r *http.Request, query url.Values) (io.Reader, error) {
	in.memory.all = in.handler.decoders
	if media := r.Header.Get("Content-Type"); strings.HasPrefix(strings.ToLower(media), "multipart/") && !isForm(r) {
		return nil, notImplemented("bodies of type " + media + " are not served, only multipart/form-data")
	}
	coding, err := codingOf(r.Header.Get("Content-Encoding"))
	if err != nil {
		return nil, err
	}
	framed := isTrue(query.Get("decompress"))
	if coding != nil || framed {
		if n := r.ContentLength; n < 0 || n > pieceBytes { // No statement is as long; what is in it is not known before it is here.
			if err := in.handler.room(); err != nil {
				return nil, err
			}
		}
		if err := in.spool(); err != nil {
			return nil, err
		}
	}
	body, err := decodeBody(r.Context(), in.live, coding, framed, &in.memory)
	if err != nil || !isForm(r) {
		return body, err
	}
	return nil, in.readForm(r, query, body)
}

// spool reads the body to its end.
func (in *incoming) spool() error {
	if in.spooled {
		return nil
	}
	in.spooled = true
	release, err := in.live.spool(in.handler.bodies, in.handler.options.SpoolDir)
	in.releases = append(in.releases, release)
	return err
}

// release gives back what the body takes.
func (in *incoming) release() {
	in.memory.release()
	for _, release := range in.releases {
		release()
	}
}

// takeStatement makes room for a long statement, of which as many as the budget has room for are read at one moment.
func takeStatement(budget *budget) (release func(), err error) {
	if !budget.take(maxQueryBytes) {
		return nil, chdb.NewError(codeMemoryLimit, "MEMORY_LIMIT_EXCEEDED", "other requests with long statements are on their way, send it again; data belongs into an INSERT ... FORMAT, which may be as long as it likes")
	}
	return sync.OnceFunc(func() { budget.give(maxQueryBytes) }), nil
}
