// Package boards is the content of Tidemark's dashboards and alert rules: one file per dashboard, one function per panel.
//
// Statements are SQL with names in braces, which package board resolves. SQL that several panels share has a name too: it
// stands in the Fragments of the dashboard that needs it most.
package boards

import (
	"maps"

	"tidemark/dashboards/board"
)

// All returns the dashboards, in the order in which people should meet them.
func All() []board.Board {
	return []board.Board{usage(), models(), cost(), pipeline(), sources(), tenant(), adoption(), sinceNineties(), launch()}
}

// Fragments returns the SQL by name that statements use as {:name}.
func Fragments() map[string]string {
	all := map[string]string{}
	for _, some := range []map[string]string{
		limitFragments(), wordingFragments(), logFragments(), workerFragments(), auditFragments(), blockFragments(),
		pipelineFragments(), usageFragments(), modelFragments(), tenantFragments(), spreadFragments(), makerFragments(),
		launchFragments(), sourceFragments(), silenceFragments(), alertFragments(), costFragments(), billFragments(),
	} {
		maps.Copy(all, some)
	}
	return all
}
