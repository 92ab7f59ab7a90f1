package processors

import (
	"strconv"

	"deskstream/schemas"
)

// keyCollector finds out which state rows a batch needs.
type keyCollector struct {
	state   schemas.State
	asked   map[string]bool
	missing []string
	lacking bool             // something was not there since somebody reset this
	renewed bool             // the batch brings settings: what is a repeat under the old ones may be news under the new ones
	fresh   map[string]int64 // identities that are in no bucket yet, at most, by the prefix of the account

	keeping bool // the batch decides that fields keep values
	byPhone bool // the batch lets phone numbers merge people

	account string // of the event looked at last, with what follows from it
	prefix  string
	common  common
	source  string // and its token
	token   string

	key   []byte // being made
	needs ticketNeeds
}

// common is what all of an account share; nil or false what is not loaded.
type common struct {
	settings  *sources
	directory *bucketDirectory
	keeps     bool // fields keep values of activities
	ticketed  bool // what all tickets need has been asked for
}

// enter asks for the settings and tombstones of an account and gives the prefix of its keys.
func (k *keyCollector) enter(account string) string {
	if k.prefix != "" && k.account == account {
		return k.prefix
	}
	k.account, k.prefix, k.common = account, account+".", common{}
	k.need(erasedKey(k.prefix))
	if s, loaded := look[sources](k, sourcesKey(k.prefix)); loaded {
		k.common.settings = orNew(s)
	}
	if f, loaded := look[personFields](k, fieldsKey(k.prefix)); loaded {
		k.common.keeps = k.keeping || f != nil && len(f.Kept) > 0
	}
	return k.prefix
}

// orNew gives an empty value for none.
func orNew[T any](v *T) *T {
	if v == nil {
		return new(T)
	}
	return v
}

// need asks for a row and reports whether it is there.
func (k *keyCollector) need(key string) (*schemas.StateRow, bool) {
	if row, ok := k.state[key]; ok && !row.Missing() {
		return row, true
	}
	k.lack(key)
	return nil, false
}

func (k *keyCollector) lack(key string) {
	k.lacking = true
	if !k.asked[key] {
		k.asked[key] = true
		k.missing = append(k.missing, key)
	}
}

// needKey is need for a key that is made in k.key.
func (k *keyCollector) needKey(key []byte) (*schemas.StateRow, bool) {
	k.key = key
	if row, ok := k.state[string(key)]; ok && !row.Missing() {
		return row, true
	}
	k.lack(string(key))
	return nil, false
}

// of makes the key of a row from what leads the keys of its kind and an id.
func (k *keyCollector) of(prefix, kind string, id int64) []byte {
	return strconv.AppendInt(append(append(k.key[:0], prefix...), kind...), id, 10)
}

// look reads a row; nil while it is not there, does not exist or is damaged.
func look[T any, P interface {
	*T
	rowValue
}](k *keyCollector, key string,
) (v P, loaded bool) {
	row, ok := k.need(key)
	if !ok {
		return nil, false
	}
	return valueIn[T, P](row), true
}

// lookKey is look for a key that is made in k.key.
func lookKey[T any, P interface {
	*T
	rowValue
}](k *keyCollector, key []byte,
) (v P, loaded bool) {
	row, ok := k.needKey(key)
	if !ok {
		return nil, false
	}
	return valueIn[T, P](row), true
}

// valueIn gives the value of a row, nil of one that does not exist or is damaged.
func valueIn[T any, P interface {
	*T
	rowValue
}](row *schemas.StateRow,
) P {
	v, err := value[T, P](row)
	if err != nil {
		return nil
	}
	return v
}

// item asks for what an event needs by itself.
func (k *keyCollector) item(it *item) {
	if it.domain == domainNone || it.domain == domainDead {
		return
	}
	prefix := k.enter(it.ev.Account)
	switch it.domain {
	case domainPhrases:
		k.need(phrasesKey(prefix))
	case domainTicket:
		if !k.common.ticketed {
			k.common.ticketed = true
			k.need(calendarKey(prefix))
			k.need(phrasesKey(prefix))
		}
	case domainCalendar:
		k.calendar(prefix, it)
	case domainMetric:
		k.need(metricKey(prefix, it.id))
	case domainName:
		k.need(nameKey(prefix, string(it.ev.Kind), it.id))
	case domainOrganization:
		k.organization(prefix, it)
	case domainErasure:
		k.erasure(prefix, it)
	case domainMembershipSnapshot:
		k.need(snapshotKey(prefix, it.id))
		k.need(joinedKey(prefix, it.id))
	default:
	}
}

// calendar asks for what a schedule needs; a list of them, which may be the first one, releases the tickets that wait for it.
func (k *keyCollector) calendar(prefix string, it *item) {
	c, loaded := look[calendar](k, calendarKey(prefix))
	switch {
	case it.listed == nil:
		k.need(nameKey(prefix, "schedule", it.id))
	case loaded && c != nil:
		k.waiting(prefix, c.waiting)
	}
}

func (k *keyCollector) organization(prefix string, it *item) {
	o, loaded := look[organization](k, orgKey(prefix, it.id))
	if !loaded || o != nil && o.rec != nil && it.ev.Kind == schemas.KindOrganization && o.rec.hash == it.hash && !k.retold(it, o.retention) {
		return
	}
	it.load()
	if it.org == nil {
		return
	}
	source := it.ev.Source
	if o != nil {
		source = o.source
		for i := range o.activities {
			k.need(counterKey(prefix, source, o.activities[i].at))
		}
		k.marks(prefix, source, o.versions)
		if f := o.now(); o.rec != nil || o.part != nil {
			k.need(counterKey(prefix, source, f.created))
		}
	}
	for _, at := range []int64{it.org.at, it.org.created} {
		k.need(counterKey(prefix, source, at))
	}
}

func (k *keyCollector) marks(prefix, source string, v versions) {
	for i := range v.marks {
		k.need(counterKey(prefix, source, v.marks[i].at))
	}
}

// retold says whether the retention changed since the row was made, so that even a repeat is worth another look.
func (k *keyCollector) retold(it *item, fingerprint uint64) bool {
	if k.renewed {
		return true
	}
	k.enter(it.ev.Account)
	return k.common.settings != nil && k.common.settings.fingerprint(it.ev.Source) != fingerprint
}

// repeats says whether all that a batch tells of a user is known, from the sum of the user's row alone.
func (k *keyCollector) repeats(key string, items []*item) bool {
	row := k.state[key]
	if row == nil || k.renewed {
		return false
	}
	for _, it := range items {
		k.enter(it.ev.Account)
		if k.common.settings == nil || !repeatsRow(row, it, k.common.settings.fingerprint(it.ev.Source)) {
			return false
		}
	}
	return true
}

func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
