package stream

import (
	"context"
	"fmt"
	"strings"

	"deskstream/schemas"
)

// Setting gives a setting of the installation. One that was never set has no Value and Revision 0.
func (s *Stream) Setting(ctx context.Context, name string) (schemas.Setting, error) {
	m, found, err := s.last(ctx, s.events, schemas.SubjectSetting(schemas.Token(name)))
	if err != nil {
		return schemas.Setting{}, fmt.Errorf("setting %s: %w", name, err)
	}
	if !found {
		return schemas.Setting{Name: name}, nil
	}
	return schemas.Setting{Name: name, Value: m.data, Revision: m.seq}, nil
}

// PutSetting stores a setting if its Revision is the newest (0 = it must not exist) and sets the new one. schemas.ErrFenced when somebody
// else was faster: read it again.
func (s *Stream) PutSetting(ctx context.Context, v *schemas.Setting) error {
	if v.Name == "" {
		return fmt.Errorf("setting: %w", schemas.Invalid("setting.name", "must not be empty"))
	}
	a, err := s.store(ctx, fenced(schemas.SubjectSetting(schemas.Token(v.Name)), v.Value, v.Revision))
	if err != nil {
		return fmt.Errorf("setting %s: %w", v.Name, err)
	}
	v.Revision = a.Seq
	return nil
}

// Settings gives the settings whose names begin with a prefix, in no order.
func (s *Stream) Settings(ctx context.Context, prefix string) ([]schemas.Setting, error) {
	var all []schemas.Setting
	err := s.newest(ctx, s.events, schemas.SubjectSetting("*"), func(m storedMessage) error {
		name := schemas.FromToken(strings.TrimPrefix(m.subject, schemas.SubjectSetting("")))
		if strings.HasPrefix(name, prefix) {
			all = append(all, schemas.Setting{Name: name, Value: m.data, Revision: m.seq})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("settings %s: %w", prefix, err)
	}
	return all, nil
}
