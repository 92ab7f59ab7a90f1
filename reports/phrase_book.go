package reports

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"deskstream/schemas"
)

// settingPhrases is the setting that holds the saved phrases.
const settingPhrases = "keywords"

// savedPhrase is a phrase that is counted as texts arrive.
type savedPhrase struct {
	schemas.SavedPhrase
	Phrase    string    `json:"phrase"` // as given
	CreatedAt time.Time `json:"created_at"`
	Counted   []string  `json:"counted,omitempty"` // accounts of which the texts from before it are counted too
}

// deletedPhrase is one whose rows are not withdrawn yet in all accounts.
type deletedPhrase struct {
	ID        string   `json:"id"`
	Withdrawn []string `json:"withdrawn,omitempty"` // accounts in which they are
}

// phraseSettings is the value of settingPhrases.
type phraseSettings struct {
	Version uint64            `json:"version"`           // of the list of phrases
	Phrases []savedPhrase     `json:"phrases"`           // oldest first
	Deleted []deletedPhrase   `json:"deleted,omitempty"` //
	Told    map[string]uint64 `json:"told,omitempty"`    // by account: the version its processors were told last
}

// phraseBook keeps the saved phrases. It is safe for concurrent use, also by several processes.
type phraseBook struct {
	*storedSetting[phraseSettings]
	woken alarm          // somebody changed the list
	log   zerolog.Logger // of what each report meets as long as it lasts
}

func newPhraseBook(store SettingStore, now func() time.Time, log zerolog.Logger) *phraseBook {
	return &phraseBook{storedSetting: newStoredSetting[phraseSettings](settingPhrases, store, now), woken: newAlarm(), log: seldom(log)}
}

// counted gives the ids of the phrases that are counted completely in all the accounts, by their tokens. It is read anew each time,
// because a deleted phrase loses its rows. Without the store there are none: then reports search.
func (b *phraseBook) counted(ctx context.Context, accounts []string) map[string]string {
	_, settings, err := b.load(ctx)
	if err != nil {
		if ctx.Err() == nil {
			b.log.Warn().Err(err).Msg("the saved phrases cannot be read: reports search for them, which takes longer")
		}
		return nil
	}
	out := map[string]string{}
	for i := range settings.Phrases {
		if p := &settings.Phrases[i]; p.countedIn(accounts) {
			out[p.Tokens] = p.ID
		}
	}
	return out
}

func (p *savedPhrase) countedIn(accounts []string) bool {
	return everywhere(accounts, p.Counted)
}
