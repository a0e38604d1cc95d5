// Package stored reads answers of model APIs that programs have stored as JSON, one object per answer.
//
//	object -> the answer in it, and the time beside it -> calls.Report
//
// Only the id, the model, the time, the user and the usage are decoded: prompts and answers stay the bytes that they are.
package stored

import (
	"tidemark/producers/calls"
	"tidemark/producers/formats/jsonpath"
	"tidemark/producers/formats/times"
)

// SkipNoUsage is why an answer without counts is no event. It is the name of a counter.
const SkipNoUsage = "no usage is in it"

// answer returns the object at the first of the paths that has one of the keys; o itself comes last.
func answer(o jsonpath.Object, keys []string, paths ...string) jsonpath.Object {
	for _, path := range paths {
		inner := o.Inner(path)
		for _, key := range keys {
			if _, ok := inner[key]; ok {
				return inner
			}
		}
	}
	return o
}

// report returns a report of an answer at a time.
func report(us int64) *calls.Report {
	scope := *calls.ScopeOf("")
	return &calls.Report{Scope: &scope, Log: true, Operation: "chat", Start: us, End: us}
}

// stamp returns the time at the first of the paths that is there, in microseconds since 1970. The problem is to be read after
// the first path.
func stamp(o jsonpath.Object, paths ...string) (us int64, problem string) {
	return times.Stamp(o.First(paths...), 1)
}
