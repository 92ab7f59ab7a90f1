package stream

import (
	"errors"
	"slices"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"deskstream/schemas"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	_, o := testOptions(t)
	s := open(t, o)
	one, err := s.Setting(t.Context(), "fields")
	if err != nil || one.Value != nil || one.Revision != 0 {
		t.Fatalf("%+v, %v", one, err)
	}
	one.Value = []byte(`{"a":1}`)
	rival := one
	if err := s.PutSetting(t.Context(), &one); err != nil {
		t.Fatal(err)
	}
	if err := s.PutSetting(t.Context(), &rival); !errors.Is(err, schemas.ErrFenced) {
		t.Errorf("a second first write: %v", err)
	}
	one.Value = []byte(`{"a":2}`)
	if err := s.PutSetting(t.Context(), &one); err != nil {
		t.Fatal(err)
	}
	other := open(t, o)
	if got, err := other.Setting(t.Context(), "fields"); err != nil || string(got.Value) != `{"a":2}` || got.Revision != one.Revision {
		t.Errorf("%+v, %v", got, err)
	}
	mail := schemas.Setting{Name: "snippet/mail/é.foot", Value: []byte(`{"source":"x"}`)}
	if err := s.PutSetting(t.Context(), &mail); err != nil {
		t.Fatal(err)
	}
	if all, err := other.Settings(t.Context(), "snippet/"); err != nil || len(all) != 1 || all[0].Name != mail.Name || string(all[0].Value) != string(mail.Value) || all[0].Revision != mail.Revision {
		t.Errorf("%+v, %v", all, err)
	}
	if all, err := other.Settings(t.Context(), ""); err != nil || len(all) != 2 {
		t.Errorf("%+v, %v", all, err)
	}
	if err := s.PutSetting(t.Context(), &schemas.Setting{Value: []byte(`1`)}); !errors.Is(err, schemas.ErrInvalid) {
		t.Errorf("a setting without a name: %v", err)
	}
}

// TestSubjectsAreAdded opens a stream that an earlier version made: it has to take the subjects that came later.
func TestSubjectsAreAdded(t *testing.T) {
	t.Parallel()
	_, o := testOptions(t)
	s := open(t, o)
	change(t, s, s.events, func(c *jetstream.StreamConfig) {
		c.Subjects = slices.DeleteFunc(c.Subjects, func(subject string) bool { return subject == schemas.SubjectSetting("*") })
	})
	again := open(t, o)
	if err := again.PutSetting(t.Context(), &schemas.Setting{Name: "fields", Value: []byte(`{}`)}); err != nil {
		t.Error(err)
	}
}
