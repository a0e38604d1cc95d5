package fields

import (
	"strings"
	"testing"

	"tidemark/schemas"
)

func TestFieldNames(t *testing.T) {
	for _, spec := range schemas.Specs() {
		for _, name := range Names(spec.Type) {
			if Named(spec.Type, name) == nil {
				t.Errorf("%s has no %s", spec.Name, name)
			}
		}
	}
	if got := strings.Join(Names(schemas.SignupType), " "); got != "channel country plan product revision segment tenant user user_weight weight" {
		t.Errorf("got %s", got)
	}
	for _, of := range Totals {
		for _, name := range append(of.Others, of.Part) {
			if Named(schemas.TokenCallType, name) == nil {
				t.Errorf("part %s", name)
			}
		}
	}
}
