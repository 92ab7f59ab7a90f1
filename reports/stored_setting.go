package reports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"deskstream/schemas"
)

const (
	// settingFresh is how long another process may still go by what a setting was before.
	settingFresh = 2 * time.Second
	// changeTries is how often a change is tried when another writer is faster.
	changeTries = 6
)

// retried does a change of what is stored, again if another writer was faster.
func retried(change func() error) error {
	for try := 1; ; try++ {
		if err := change(); !errors.Is(err, schemas.ErrFenced) || try >= changeTries {
			return err
		}
	}
}

// storedSetting is a setting of the installation, with what is known of it in memory. It is safe for concurrent use, also by several
// processes.
type storedSetting[T any] struct {
	name  string
	store SettingStore
	known cached[T]
}

func newStoredSetting[T any](name string, store SettingStore, now func() time.Time) *storedSetting[T] {
	v := &storedSetting[T]{name: name, store: store}
	v.known.now, v.known.stale = now, forEver
	v.known.read = func(ctx context.Context) (T, error) {
		_, value, err := v.load(ctx)
		return value, err
	}
	return v
}

// lately gives the value, at most settingFresh old, and the zero value when it was never set. What it gives must not be changed. While the
// store does not answer, what is known holds on.
func (v *storedSetting[T]) lately(ctx context.Context) (T, error) {
	return v.known.get(ctx, settingFresh)
}

// load reads the value that is stored now.
func (v *storedSetting[T]) load(ctx context.Context) (schemas.Setting, T, error) {
	var value T
	setting, err := v.store.Setting(ctx, v.name)
	if err != nil {
		return setting, value, storeError(err)
	}
	if setting.Revision != 0 {
		if err := json.Unmarshal(setting.Value, &value); err != nil {
			return setting, value, fmt.Errorf("setting %s: %w", v.name, err)
		}
	}
	return setting, value, nil
}

// change stores what fn makes of the value, again if another writer was faster. An error of fn ends it.
func (v *storedSetting[T]) change(ctx context.Context, fn func(*T) error) error {
	return retried(func() error {
		setting, value, err := v.load(ctx)
		if err == nil {
			err = fn(&value)
		}
		if err != nil {
			return err
		}
		if setting.Value, err = json.Marshal(value); err != nil {
			return fmt.Errorf("setting %s: %w", v.name, err)
		}
		if err := v.store.PutSetting(ctx, &setting); err != nil {
			return storeError(err)
		}
		v.known.set(value)
		return nil
	})
}
