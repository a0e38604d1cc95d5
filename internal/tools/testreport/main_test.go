package main

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	const (
		pass = `{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:1: hidden\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
{"Action":"pass","Package":"p"}
`
		fail = `{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:1: wrong\n"}
{"Action":"fail","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
{"Action":"fail","Package":"p"}
`
		skip = `{"Action":"output","Package":"p","Test":"TestC","Output":"=== RUN   TestC\n"}
{"Action":"output","Package":"p","Test":"TestC","Output":"    c_test.go:1: no broker\n"}
{"Action":"skip","Package":"p","Test":"TestC"}
`
		buildFailed = `{"ImportPath":"p [p.test]","Action":"build-output","Output":"p.go:1: undefined\n"}
{"ImportPath":"p [p.test]","Action":"build-fail"}
{"Action":"output","Package":"p","Output":"FAIL\tp [build failed]\n"}
{"Action":"fail","Package":"p","FailedBuild":"p [p.test]"}
`
		slow = `{"Action":"pass","Package":"p","Test":"TestLong","Elapsed":12.4}
{"Action":"pass","Package":"p","Test":"TestLongest/part","Elapsed":29}
{"Action":"pass","Package":"p","Test":"TestLongest","Elapsed":30}
{"Action":"pass","Package":"p","Test":"TestShort","Elapsed":9.9}
`
		died = `{"Action":"output","Package":"p","Test":"TestD","Output":"last words\n"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
{"Action":"fail","Package":"p"}
`
	)
	tests := map[string]struct {
		in         string
		requireAll bool
		good       bool
		want       []string
		not        string
	}{
		"pass":         {in: pass, good: true, want: []string{"ok  \tp", "\n1 passed, 0 failed, 0 skipped\n"}, not: "hidden"},
		"slow":         {in: slow, good: true, want: []string{"other tests beside them:\n    30 p.TestLongest\n    12 p.TestLong\n\n4 passed"}, not: "TestShort"},
		"fail":         {in: pass + fail, want: []string{"b_test.go:1: wrong", "1 passed, 1 failed, 0 skipped"}},
		"skip":         {in: pass + skip, good: true, want: []string{"SKIPPED p TestC: c_test.go:1: no broker", "1 passed, 0 failed, 1 skipped"}},
		"skip refused": {in: pass + skip, requireAll: true, want: []string{"makes a skipped test a failure"}},
		"build failed": {in: pass + buildFailed, want: []string{"undefined", "1 passed, 1 failed"}},
		"died":         {in: died, want: []string{"last words", "0 passed, 1 failed"}},
		"nothing ran":  {in: "go: no packages\n", want: []string{"go: no packages", "No test ran", "0 passed, 0 failed"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newReport()
			var out strings.Builder
			if err := r.read(strings.NewReader(tt.in), &out); err != nil {
				t.Fatal(err)
			}
			if good := r.print(&out, tt.requireAll); good != tt.good {
				t.Errorf("good = %v, want %v", good, tt.good)
			}
			for _, want := range tt.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("output lacks %q:\n%s", want, out.String())
				}
			}
			if tt.not != "" && strings.Contains(out.String(), tt.not) {
				t.Errorf("output has %q:\n%s", tt.not, out.String())
			}
		})
	}
}
