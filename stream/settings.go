package stream

import (
	"context"
	"fmt"

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
