package reports

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"deskstream/schemas"
)

const (
	// damageTold is how often damage is said in the log while questions meet it, damageKept how long one is kept whose part the server did not name.
	damageTold = time.Minute
	damageKept = time.Hour
)

// damages are the tables whose stored data questions could not read. It is safe for concurrent use.
type damages struct {
	mu  sync.Mutex
	met map[schemas.DamageError]damageTimes
}

type damageTimes struct{ last, told time.Time }

// note keeps a damage and says whether it is to be told now.
func (d *damages) note(damage schemas.DamageError, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.met == nil {
		d.met = map[schemas.DamageError]damageTimes{}
	}
	at, known := d.met[damage]
	tell := !known || now.Sub(at.told) >= damageTold
	if at.last = now; tell {
		at.told = now
	}
	d.met[damage] = at
	return tell
}

// open are those that were met, without those that the server did not name a part of and that were not met for long.
func (d *damages) open(now time.Time) []schemas.DamageError {
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.DeleteFunc(d.met, func(damage schemas.DamageError, at damageTimes) bool {
		return damage.Part == "" && now.Sub(at.last) > damageKept
	})
	return slices.Collect(maps.Keys(d.met))
}

func (d *damages) forget(damage schemas.DamageError) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.met, damage)
}

// queryFailed is databaseError of a question, whose damaged table is told in the log and kept for /readyz.
func (s *server) queryFailed(name string, err error) error {
	err = databaseError(name, err)
	if damage, ok := errors.AsType[*schemas.DamageError](err); ok && s.damages.note(*damage, s.Now()) {
		s.Log.Error().Str("query", name).Str("table", damage.Table).Str("part", damage.Part).Msg(damage.Error())
	}
	return err
}

// undamaged is why tables cannot be read. A damaged part is asked for at each look: it is one until it is no part of its table any more.
func (s *server) undamaged(ctx context.Context) error {
	for _, damage := range s.damages.open(s.Now()) {
		if damage.Part != "" {
			p := params{}
			p.text("database", damage.Database)
			p.text("table", damage.Table)
			p.text("part", damage.Part)
			_, still, err := one[struct {
				Name string `ch:"name"`
			}](ctx, s, "part_active", sqlText("part_active"), p)
			if err == nil && !still {
				s.damages.forget(damage)
				continue
			}
		}
		return &schemas.Problem{Class: schemas.ErrConflict, Code: "table-damaged", Detail: damage.Error()}
	}
	return nil
}
