package reports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"deskstream/schemas"
)

// settingEvaluation is the setting that holds how far audiences are evaluated.
const settingEvaluation = "audiences-evaluated"

// evaluation says how far audiences are evaluated.
type evaluation struct {
	Seq    uint64            `json:"seq"`    // changes of people up to this position are evaluated
	Day    string            `json:"day"`    // the day, in the account's zone, on which everybody was evaluated last
	Passed map[string]uint64 `json:"passed"` // by audience, the generation by which everybody was evaluated

	revision uint64
}

func (s *server) evaluation(ctx context.Context) (evaluation, error) {
	e := evaluation{Passed: map[string]uint64{}}
	v, err := s.Settings.Setting(ctx, settingEvaluation)
	if err != nil {
		return e, storeError(err)
	}
	if v.Revision != 0 {
		if err := json.Unmarshal(v.Value, &e); err != nil {
			return e, fmt.Errorf("setting %s: %w", settingEvaluation, err)
		}
	}
	e.revision = v.Revision
	return e, nil
}

func (s *server) putEvaluation(ctx context.Context, e *evaluation) error {
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("setting %s: %w", settingEvaluation, err)
	}
	v := schemas.Setting{Name: settingEvaluation, Value: data, Revision: e.revision}
	if err = s.Settings.PutSetting(ctx, &v); err == nil {
		e.revision = v.Revision
	}
	return storeError(err)
}

// beginEvaluation makes sure that what changes from now on is evaluated, before there is a first audience.
func (s *server) beginEvaluation(ctx context.Context) error {
	e, err := s.evaluation(ctx)
	if err != nil || e.revision != 0 {
		return err
	}
	if e.Seq, err = s.Events.Written(ctx); err != nil {
		return storeError(err)
	}
	e.Day = s.today()
	if err = s.putEvaluation(ctx, &e); errors.Is(err, schemas.ErrFenced) {
		return nil // somebody else began
	}
	return err
}

// today is the date in the account's zone.
func (s *server) today() string { return s.Now().In(s.Location).Format(time.DateOnly) }
