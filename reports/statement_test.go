package reports

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// TestStatementsAreWhole writes every file below sql/ with each two of the choices that its pieces leave: all that it names is there.
func TestStatementsAreWhole(t *testing.T) {
	t.Parallel()
	for _, file := range statements.Templates() {
		var faults []error
		written := false
		for _, pieces := range []any{nil, &namePieces{}, &peoplePieces{}, &matchPieces{}, &changedPieces{}, &reportPieces{LeftOut: "0"}} {
			fault := eachChoice(pieces, func() error {
				var b strings.Builder
				err := file.Execute(&b, pieces)
				if err == nil && strings.Contains(b.String(), "<no value>") {
					err = errors.New(b.String())
				}
				return err
			})
			faults, written = append(faults, fault), written || fault == nil
		}
		if !written {
			t.Errorf("%s is written of no pieces: %v", file.Name(), errors.Join(faults...))
		}
	}
}

// eachChoice calls fn with each two of the choices of some pieces made in each way.
func eachChoice(pieces any, fn func() error) error {
	if pieces == nil {
		return fn()
	}
	var choices []reflect.Value
	for _, v := range reflect.ValueOf(pieces).Elem().Fields() {
		if v.Kind() == reflect.Bool && v.CanSet() {
			choices = append(choices, v)
		}
	}
	err := fn()
	for i, one := range choices {
		for _, other := range choices[i:] {
			for n := range 4 {
				one.SetBool(n&1 != 0)
				other.SetBool(n&2 != 0)
				err = errors.Join(err, fn())
			}
			one.SetBool(false)
			other.SetBool(false)
		}
	}
	return err
}
