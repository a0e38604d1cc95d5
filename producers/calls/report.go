// Package calls finds out which reports are about one model call, and makes one event of them.
//
//	Report: what one span, log record or line of a gateway says -> Memory: which call -> event
//
// One call counts once, however often it is reported: by an SDK that traces itself and by an instrumentation of it, by a
// span and by the log record beside it, by two exporters, by a request that is sent again. Where no report says a class of
// tokens, it is absent, never 0; an event says how sure its counts are. What cannot be told apart counts and is marked.
package calls

import (
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Count is a number that may not be known.
type Count struct {
	N     uint64
	Known bool
}

// Of returns a known count.
func Of(n uint64) Count { return Count{N: n, Known: true} }

// OfPointer returns the count that n points to, unknown for nil.
func OfPointer(n *uint64) Count {
	if n == nil {
		return Count{}
	}
	return Of(*n)
}

// OperationEmbeddings is the operation that has no output.
const OperationEmbeddings = "embeddings"

// Report is what one source says about one model call. Texts that it does not say are empty.
type Report struct {
	Scope *Scope // What is known about the client; never nil.
	// Client and Version name the program that reports: an instrumentation scope, an agent, a gateway.
	Client, Version string
	Log             bool // It is a record beside a span that may say the same.
	// Trace, Span and Parent are the place in a trace; zero if there is none.
	Trace        [16]byte
	Span, Parent [8]byte
	// LogID tells a report that has no span from all others of its client.
	LogID string
	// Start and End are in microseconds since 1970, and equal where only one time is known.
	Start, End int64
	// Product is what made the call.
	Product             string
	Operation, Provider string
	// Requested is the model that was asked for, Served the one that answered.
	Requested, Served string
	// ResponseID is the provider's name of the answer, ReporterID the client's own name of the call.
	ResponseID, ReporterID string
	Tier, Region           string
	User                   string // As it is reported. Events have a hash of it.
	ErrorType              string
	Failed                 bool
	Streaming              bool
	// FirstToken is the time from the start to the first token, Latency that to the end where Start and End do not tell it.
	// Both are in microseconds.
	FirstToken, Latency Count
	Attempt             Count  // 1 is the first.
	Cost                string // In USD, as it is written.
	Estimated           bool   // The counts are a guess of the reporter.
	Difference          bool   // The counts are what came to a sum: of one call or of several.
	// The counts as they are reported: Settle finds out which of them include which.
	Input, Output, Total, Read, Write, Write5m, Write1h, Reasoning Count
	// Parts of all input and of all output.
	InputAudio, InputImage, OutputAudio, OutputImage Count

	place          int // The place of its item in the request.
	classes        classes
	userHash       uint64 // The hash of User, where only that is known.
	doubt          bool   // Another call may be the same one.
	inputs, spends uint64 // Sums of the known classes of input and of output, to compare reports by.
}

// classes are the disjoint classes of tokens of a call.
type classes struct {
	inputUncached, inputRead, inputWrite, outputVisible, outputReasoning Count
	exact                                                                bool // No class holds tokens of another one.
}

// hasUsage reports whether any class is known.
func (c *classes) hasUsage() bool {
	return c.inputUncached.Known || c.inputRead.Known || c.inputWrite.Known || c.outputVisible.Known || c.outputReasoning.Known
}

// hasSpan reports whether the report is about a span, or from one.
func (r *Report) hasSpan() bool { return r.Trace != [16]byte{} && r.Span != [8]byte{} }

// spanName names the span.
func (r *Report) spanName() string {
	return hex.EncodeToString(r.Trace[:]) + "/" + hex.EncodeToString(r.Span[:])
}

// settle makes disjoint classes of the counts as they are reported. Reporters differ in what a count includes: where the
// report has a total, the total tells; a part larger than its whole is not in it; otherwise the table of scopes decides,
// and the convention, by which input includes what a cache gave or took, and output includes reasoning.
func (r *Report) settle() {
	r.fit()
	r.settleIDs()
	r.dropUnknowns()
	in, out := r.Input, r.Output
	cached := r.Read.N + r.Write.N
	exclusive, apart := r.Scope.exclusive(r.Provider), r.Scope.Apart
	if r.Total.Known && in.Known && out.Known {
		switch r.Total.N {
		case in.N + out.N:
			exclusive, apart = exclusive && cached == 0, apart && r.Reasoning.N == 0
		case in.N + out.N + r.Reasoning.N:
			exclusive, apart = false, true
		case in.N + out.N + cached:
			exclusive, apart = true, false
		case in.N + out.N + cached + r.Reasoning.N:
			exclusive, apart = true, true
		}
	}
	c := classes{inputRead: r.Read, inputWrite: r.Write, outputReasoning: r.Reasoning}
	if in.Known {
		if !exclusive && cached <= in.N {
			in.N -= cached
		}
		c.inputUncached = in
	}
	if out.Known {
		if !apart && r.Reasoning.N <= out.N {
			out.N -= r.Reasoning.N
		}
		c.outputVisible = out
	}
	embeds := r.Operation == OperationEmbeddings
	c.exact = (r.Read.Known || embeds) && (r.Reasoning.Known || embeds) && c.inputUncached.Known && !r.Estimated && !r.Difference
	r.classes = c
	r.addUp()
}

// addUp sums up the classes.
func (r *Report) addUp() {
	c := &r.classes
	r.inputs = c.inputUncached.N + c.inputRead.N + c.inputWrite.N
	r.spends = c.outputVisible.N + c.outputReasoning.N
}

// maxText and maxID bound texts in bytes, as the contract does.
const (
	maxText = 256
	maxID   = 512
	maxCost = 64 // No cost has as many digits.
)

// fit makes the texts such that the contract takes them: an odd name costs no call. An id or a cost that does not fit is none.
func (r *Report) fit() {
	for _, text := range []*string{&r.Client, &r.Version, &r.Product, &r.Operation, &r.Provider, &r.Requested, &r.Served, &r.Tier, &r.Region} {
		*text = fitted(*text, maxText)
	}
	r.User, r.LogID = fitted(r.User, maxID), fitted(r.LogID, 4*maxID)
	if len(r.Cost) > maxCost {
		r.Cost = ""
	}
	if r.ErrorType != "" && !isName(r.ErrorType) {
		r.ErrorType = "error" // Some clients put the text of an error there.
	}
	for _, id := range []*string{&r.ResponseID, &r.ReporterID} {
		if fitted(*id, maxID) != *id {
			*id = ""
		}
	}
}

// fitted returns a text without control characters and without what is no UTF-8, cut to some bytes.
func fitted(text string, most int) string {
	if len(text) <= most && isPlain(text) {
		return text
	}
	bad := func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }
	if len(text) <= most && strings.IndexFunc(text, bad) < 0 {
		return text
	}
	text = strings.Map(func(r rune) rune {
		if bad(r) {
			return -1
		}
		return r
	}, text[:min(len(text), 2*most)])
	for len(text) > most {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return strings.Clone(text) // The memory would keep all of the long one.
}

// isPlain reports whether a text has printable ASCII alone.
func isPlain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// isName reports whether a text is a name, as types of errors have, and no sentence.
func isName(text string) bool {
	const marks = "_.:$/-"
	return len(text) <= 128 && strings.IndexFunc(text, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(marks, r)
	}) < 0
}

// settleIDs finds out what of the ids tells the call from all others.
func (r *Report) settleIDs() {
	if r.ResponseID != "" && r.Scope.invents(r.Provider, r.ResponseID) {
		r.ResponseID, r.ReporterID = "", r.ResponseID
	}
	if r.Failed && r.Scope.inventsIDs && r.ReporterID != "" {
		r.ReporterID += "/failed" // The attempt after it has the same id.
	}
}

// dropUnknowns clears counts that stand for "unknown": no model call has neither input nor output, so 0 and 0 are none;
// a call that failed, as a stream that was cut, has no final output; embeddings have no output at all.
func (r *Report) dropUnknowns() {
	if r.Input.N == 0 && r.Output.N == 0 && r.Read.N == 0 && r.Write.N == 0 {
		r.Input, r.Output, r.Total, r.Read, r.Write, r.Reasoning, r.Cost = Count{}, Count{}, Count{}, Count{}, Count{}, Count{}, ""
	}
	if r.Operation == OperationEmbeddings {
		r.Output, r.Reasoning = Count{}, Count{}
	}
	if r.Failed {
		r.Output, r.Reasoning, r.Total = Count{}, Count{}, Count{}
	}
	if !r.Write.Known && (r.Write5m.Known || r.Write1h.Known) {
		r.Write = Of(r.Write5m.N + r.Write1h.N)
	}
	if r.Write5m.N+r.Write1h.N > r.Write.N {
		r.Write5m, r.Write1h = Count{}, Count{}
	}
}
