package stream

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"deskstream/schemas"
)

// Snippets gives all snippets, ordered by name.
func (s *Stream) Snippets(ctx context.Context) ([]schemas.Snippet, error) {
	var all []schemas.Snippet
	err := s.each(ctx, s.events, schemas.SubjectSnippet("*"), 1, func(m stored) error {
		v, deleted, err := parseSnippet(m)
		if err == nil && !deleted {
			all = append(all, v)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("snippets: %w", err)
	}
	slices.SortFunc(all, func(a, b schemas.Snippet) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// PutSnippet stores a snippet if its Revision is the newest (0 = it must not exist) and sets the new one. schemas.ErrFenced when somebody
// else was faster: read it again.
func (s *Stream) PutSnippet(ctx context.Context, v *schemas.Snippet) error {
	if v.Name == "" {
		return fmt.Errorf("snippet: %w", schemas.Invalid("snippet.name", "must not be empty"))
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("snippet %s: %w: %w", v.Name, schemas.ErrInvalid, err)
	}
	expected := v.Revision
	if expected == 0 {
		if expected, err = s.deletedSnippet(ctx, v.Name); err != nil {
			return err
		}
	}
	if v.Revision, err = s.storeSnippet(ctx, v.Name, data, expected); err != nil {
		return err
	}
	return nil
}

// DeleteSnippet removes a snippet if revision is the newest, else schemas.ErrFenced.
func (s *Stream) DeleteSnippet(ctx context.Context, name string, revision uint64) error {
	_, err := s.storeSnippet(ctx, name, nil, revision)
	return err
}

func (s *Stream) storeSnippet(ctx context.Context, name string, data []byte, expected uint64) (uint64, error) {
	a, err := s.store(ctx, fenced(schemas.SubjectSnippet(schemas.Token(name)), data, expected))
	if err != nil {
		return 0, fmt.Errorf("snippet %s: %w", name, err)
	}
	return a.Seq, nil
}

// deletedSnippet gives the revision that a new snippet must replace: 0, or that of the mark of a deleted one.
func (s *Stream) deletedSnippet(ctx context.Context, name string) (uint64, error) {
	m, found, err := s.last(ctx, s.events, schemas.SubjectSnippet(schemas.Token(name)))
	if err != nil {
		return 0, fmt.Errorf("snippet %s: %w", name, err)
	}
	if !found || len(m.data) > 0 {
		return 0, nil
	}
	return m.seq, nil
}

// parseSnippet reads a record; an empty one marks a deleted snippet.
func parseSnippet(m stored) (v schemas.Snippet, deleted bool, err error) {
	if len(m.data) == 0 {
		return v, true, nil
	}
	if err := json.Unmarshal(m.data, &v); err != nil {
		return v, false, fmt.Errorf("snippet at %d: %w", m.seq, err)
	}
	v.Revision = m.seq
	return v, false, nil
}
