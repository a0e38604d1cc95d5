package genai

import (
	"sync"
)

// readNames are the keys that Fill looks for in data: whole paths, and what they begin with.
var readNames = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{"unit": true, "tokens": true, "type": true, "token_type": true, "object": true, "role": true, "iterations": true}
	add := func(paths ...string) {
		for _, path := range paths {
			for i := range path {
				if path[i] == '.' {
					names[path[:i]] = true
				}
			}
			names[path] = true
		}
	}
	for _, of := range [][]alias{aliases, dollars} {
		for _, a := range of {
			add(a.path)
		}
	}
	add(usageRoots...)
	for _, of := range totalPaths {
		add(of...)
	}
	for i := range usageShapes {
		if shape := &usageShapes[i]; !shape.inside { // Of the data itself.
			for _, paths := range [][]string{shape.shows, shape.input, shape.output, shape.read, shape.write, shape.reasoning, shape.total, shape.more, inputModalities, outputModalities} {
				add(paths...)
			}
		}
	}
	for _, a := range details {
		add(a.path)
	}
	return names
})

// Reads reports whether a key of data may mean something to Fill.
func Reads(name string) bool { return readNames()[name] }
