package collector

import (
	"bytes"
	"net/http"
	"strings"
)

// recordFormat takes the media types of JSON, and plain text: gateways call lines of JSON so.
func recordFormat(media string, _ http.Header) (format, bool) {
	switch {
	case media == "application/json", media == "text/plain", strings.HasPrefix(media, "application/") && (strings.HasSuffix(media, "ndjson") || strings.HasSuffix(media, "jsonl") || strings.HasSuffix(media, "jsonlines")):
		return records, true
	}
	return 0, false
}

// decodeRecords decodes records of gateways.
func decodeRecords(x *exchange) func([]byte) (Batch, *refusal) {
	return func(body []byte) (Batch, *refusal) {
		meaning := x.server.config.Gateways
		body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
		if len(body) == 0 {
			return Batch{}, nil
		}
		if meaning == nil {
			return Batch{}, badRequest("this collector takes no records of gateways")
		}
		if !x.hold.take(3 * len(body)) { // The records, and the parts of one of them at a time.
			return Batch{}, unavailable(errNoRoom.Error())
		}
		batch, tooMany, err := meaning.Records(x.origin, body)
		switch {
		case tooMany:
			return Batch{}, tooLarge("%v", err)
		case err != nil:
			return Batch{}, badRequest("%v", err)
		}
		return batch, nil
	}
}
