package preview

import (
	"net/http"

	"tidemark/internal/webguard"
)

// policy lets the page load its own scripts and data and nothing else. Styles are inline, since Grafana's libraries make
// them as they go.
const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; " +
	"connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// guard refuses requests of other sites and sets the headers that restrict the page itself. A link on another site may lead
// to the page.
func (s *server) guard(next http.Handler) http.Handler {
	next = s.Guard.Handler(next, true, func(w http.ResponseWriter, r *webguard.Refusal) {
		refuse(w, problem{http.StatusForbidden, r.Reason, r.Hint})
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("X-Frame-Options", "DENY")
		next.ServeHTTP(w, r)
	})
}
