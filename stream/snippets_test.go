package stream

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"deskstream/schemas"
)

func TestSnippets(t *testing.T) {
	t.Parallel()
	_, o := testOptions(t)
	s := open(t, o)
	if all, err := s.Snippets(t.Context()); err != nil || len(all) != 0 {
		t.Fatalf("%v, %v", all, err)
	}
	footer := schemas.Snippet{Name: "mail/footer", Source: strings.Repeat("é", 100_000), UpdatedAt: time.Unix(1_700_000_000, 0).UTC()}
	rival := footer
	if err := s.PutSnippet(t.Context(), &footer); err != nil || footer.Revision == 0 {
		t.Fatal(footer.Revision, err)
	}
	if err := s.PutSnippet(t.Context(), &rival); !errors.Is(err, schemas.ErrFenced) {
		t.Errorf("a second first write: %v", err)
	}
	stale := footer
	footer.Source = "new"
	if err := s.PutSnippet(t.Context(), &footer); err != nil {
		t.Fatal(err)
	}
	if err := s.PutSnippet(t.Context(), &stale); !errors.Is(err, schemas.ErrFenced) {
		t.Errorf("a stale write: %v", err)
	}
	if err := s.DeleteSnippet(t.Context(), footer.Name, stale.Revision); !errors.Is(err, schemas.ErrFenced) {
		t.Errorf("a stale delete: %v", err)
	}
	header := schemas.Snippet{Name: "header", Source: "h"}
	if err := s.PutSnippet(t.Context(), &header); err != nil {
		t.Fatal(err)
	}
	if err := s.PutSnippet(t.Context(), &schemas.Snippet{Source: "x"}); !errors.Is(err, schemas.ErrInvalid) {
		t.Errorf("without a name: %v", err)
	}

	other := open(t, o)
	all, err := other.Snippets(t.Context())
	if err != nil || !slices.Equal(all, []schemas.Snippet{header, footer}) {
		t.Fatalf("%+v, %v", all, err)
	}
	if err := other.DeleteSnippet(t.Context(), footer.Name, footer.Revision); err != nil {
		t.Fatal(err)
	}
	if all, err = s.Snippets(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
	again := schemas.Snippet{Name: footer.Name, Source: "again"}
	if err := s.PutSnippet(t.Context(), &again); err != nil {
		t.Errorf("after it was deleted: %v", err)
	}
}

// TestSnippetsInAnOlderStream opens a stream made by a version that had no snippets.
func TestSnippetsInAnOlderStream(t *testing.T) {
	t.Parallel()
	_, o := testOptions(t)
	s := open(t, o)
	change(t, s, s.events, func(c *jetstream.StreamConfig) {
		c.Subjects = slices.DeleteFunc(c.Subjects, func(subject string) bool { return subject == schemas.SubjectSnippet("*") })
	})
	again := open(t, o)
	if err := again.PutSnippet(t.Context(), &schemas.Snippet{Name: "footer", Source: "x"}); err != nil {
		t.Error(err)
	}
}
