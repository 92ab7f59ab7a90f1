package reports

import (
	"context"
	"strconv"

	"deskstream/schemas"
)

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
