package reports

import (
	"context"
	"slices"
	"strconv"
	"time"

	"deskstream/schemas"
)

const (
	// decisionLook is how often accounts and decisions are looked at that another process may have added.
	decisionLook = 5 * time.Second
	// decisionWait is how long the pipeline may take for one step before all is tried again.
	decisionWait = time.Minute
	// decisionChunk is how many tickets and people are looked at anew before others get their turn.
	decisionChunk = 500
)

// alarm wakes one who carries out what is decided; one who is busy finds it when done.
type alarm chan struct{}

func newAlarm() alarm { return make(alarm, 1) }

func (a alarm) ring() {
	select {
	case a <- struct{}{}:
	default:
	}
}

// carryOut does what is decided until ctx ends: at once when the alarm rings, a little later what another process decided and what failed.
func (s *server) carryOut(ctx context.Context, woken alarm, failed string, do func(context.Context) error) {
	ticker := time.NewTicker(decisionLook)
	defer ticker.Stop()
	for {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			s.Log.Warn().Err(err).Msg(failed)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-woken:
		}
	}
}

// reflected waits until the processors have looked at all that is published of an account, and some tables hold what they made of it.
func (s *server) reflected(ctx context.Context, account string, tables ...string) error {
	ctx, cancel := context.WithTimeout(ctx, decisionWait)
	defer cancel()
	return s.Events.Reflected(ctx, account, tables...)
}

// everywhere says whether something is done in all accounts.
func everywhere(accounts, done []string) bool {
	return !slices.ContainsFunc(accounts, func(a string) bool { return !slices.Contains(done, a) })
}

// tellAccounts publishes a version of what processors have to know to the accounts that were told an older one, and gives those.
func (s *server) tellAccounts(ctx context.Context, accounts []string, before map[string]uint64, version uint64, kind schemas.Kind, body any) ([]string, error) {
	var told []string
	for _, account := range accounts {
		if before[account] >= version {
			continue
		}
		e, err := apiEvent(account, "", kind, s.Now().UTC(), body)
		if err != nil {
			return nil, err
		}
		e.ID = string(kind) + ":" + account + ":" + strconv.FormatUint(version, 10)
		if err := s.Events.Publish(ctx, e); err != nil {
			return nil, storeError(err)
		}
		told = append(told, account)
	}
	return told, nil
}

// laterVersions notes the version that accounts were told.
func laterVersions(told map[string]uint64, accounts []string, version uint64) map[string]uint64 {
	if told == nil {
		told = map[string]uint64{}
	}
	for _, account := range accounts {
		told[account] = max(told[account], version)
	}
	return told
}
