package reports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"deskstream/schemas"
)

const (
	// settingFields is the setting that holds which fields lists show.
	settingFields = "fields"
	// visibleFresh is how long another process may still show what was hidden.
	visibleFresh = 2 * time.Second
	// changeTries is how often a change of a setting starts over when another writer was faster.
	changeTries = 6
)

// fieldSettings is the value of settingFields.
type fieldSettings struct {
	Visible map[string]bool `json:"visible"` // by field id; a field that is not here is shown as it is by default
}

// visibility keeps in memory which fields were shown or hidden. It is safe for concurrent use; the maps it gives must not be changed.
type visibility struct {
	store SettingStore
	now   func() time.Time

	mu     sync.Mutex
	known  map[string]bool
	loaded time.Time
}

// set gives what was decided, by field id, at most visibleFresh old. While the store does not answer, what is known holds on.
func (v *visibility) set(ctx context.Context) (map[string]bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	old := v.now().Sub(v.loaded)
	if !v.loaded.IsZero() && old >= 0 && old < visibleFresh {
		return v.known, nil
	}
	_, known, err := v.load(ctx)
	switch {
	case err == nil:
		v.known, v.loaded = known, v.now()
	case v.loaded.IsZero():
		return nil, err
	}
	return v.known, nil
}

func (v *visibility) load(ctx context.Context) (schemas.Setting, map[string]bool, error) {
	setting, err := v.store.Setting(ctx, settingFields)
	if err != nil {
		return setting, nil, storeError(err)
	}
	var value fieldSettings
	if setting.Revision != 0 {
		if err := json.Unmarshal(setting.Value, &value); err != nil {
			return setting, nil, fmt.Errorf("setting %s: %w", settingFields, err)
		}
	}
	return setting, value.Visible, nil
}

// change stores whether a field is shown, again if another writer was faster.
func (v *visibility) change(ctx context.Context, id string, visible bool) error {
	for attempt := 1; ; attempt++ {
		setting, known, err := v.load(ctx)
		if err != nil {
			return err
		}
		if known = maps.Clone(known); known == nil {
			known = map[string]bool{}
		}
		known[id] = visible
		if setting.Value, err = json.Marshal(fieldSettings{known}); err != nil {
			return fmt.Errorf("setting %s: %w", settingFields, err)
		}
		err = v.store.PutSetting(ctx, &setting)
		if errors.Is(err, schemas.ErrFenced) && attempt < changeTries {
			continue
		}
		if err != nil {
			return storeError(err)
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		v.known, v.loaded = known, v.now()
		return nil
	}
}

// hidden gives the paths that lists of a kind of records leave out. The ids of person fields have no prefix.
func (s *server) hidden(ctx context.Context, record string) ([][]string, error) {
	set, err := s.visible.set(ctx)
	if err != nil {
		return nil, err
	}
	decided := maps.Clone(set)
	if decided == nil {
		decided = map[string]bool{}
	}
	for _, id := range agentOnlyFields {
		if _, ok := set[id]; !ok {
			decided[id] = false
		}
	}
	var out [][]string
	for id, visible := range decided {
		of, name := recordOf(id)
		if !visible && of == record {
			out = append(out, strings.Split(name, "."))
		}
	}
	return out, nil
}

// recordOf tells from the id of a field which records have it, and its path in them.
func recordOf(id string) (record, path string) {
	if name, ok := strings.CutPrefix(id, "organization."); ok {
		return "organization", name
	}
	if name, ok := strings.CutPrefix(id, "custom_fields."); ok {
		return "ticket", name
	}
	return "person", id
}

// leaveOut takes a path out of a record. Objects on the way are changed in place.
func leaveOut(record map[string]any, path []string) {
	for _, name := range path[:len(path)-1] {
		record, _ = record[name].(map[string]any)
	}
	delete(record, path[len(path)-1])
}
