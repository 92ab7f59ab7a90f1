package processors

import (
	"strconv"

	"deskstream/schemas"
)

// What comes behind the account in the key of a state row: the account leads, because several may share a partition. These are stored and must not
// change. Those that end in a dot are followed by an id.
const (
	keyTicket       = "t." // a ticket, with all that is known of it but its longer texts
	keyTexts        = "m." // longer texts of a ticket: its id, and which piece
	keyUser         = "u." // a user
	keyMembers      = "a." // the audiences that a user is in
	keyKept         = "k." // what fields keep of a user's activities
	keyStats        = "s." // the figures of a requester
	keyOrganization = "o." // an organization
	keyMetric       = "e." // a ticket metric event
	keyName         = "n." // the name of something: its kind and id
	keyCounter      = "h." // counters of a source and day: the source's token and the day since 1970
	keySnapshot     = "r." // memberships of a part of the users, as the whole list showed them
	keyJoined       = "j." // memberships of a part that webhooks told since then
	keyBucket       = "i." // identities whose hashes end alike: the number of the bucket
	keyDirectory    = "i.all"
	keyErased       = "x"   // tombstones: who was erased
	keySources      = "src" // the settings of the sources
	keyCalendar     = "cal" // opening hours and holidays
	keyPhrases      = "phrases"
	keyFields       = "fields" // what was decided about the fields of people
)

func ticketKey(prefix string, id int64) string { return prefix + keyTicket + decimal(id) }

func textsKey(prefix string, id, n int64) string {
	return prefix + keyTexts + decimal(id) + "." + decimal(n)
}

func userKey(prefix string, id int64) string    { return prefix + keyUser + decimal(id) }
func membersKey(prefix string, id int64) string { return prefix + keyMembers + decimal(id) }
func keptKey(prefix string, id int64) string    { return prefix + keyKept + decimal(id) }
func statsKey(prefix string, id int64) string   { return prefix + keyStats + decimal(id) }
func orgKey(prefix string, id int64) string     { return prefix + keyOrganization + decimal(id) }
func metricKey(prefix string, id int64) string  { return prefix + keyMetric + decimal(id) }

func nameKey(prefix, kind string, id int64) string {
	return prefix + keyName + kind + "." + decimal(id)
}

func counterKey(prefix, source string, at int64) string {
	return prefix + keyCounter + schemas.Token(source) + "." + decimal(at/86400)
}

func snapshotKey(prefix string, part int64) string { return prefix + keySnapshot + decimal(part) }
func joinedKey(prefix string, part int64) string   { return prefix + keyJoined + decimal(part) }

func bucketKey(prefix string, n uint64) string { return string(appendBucketKey(nil, prefix, n)) }

func appendBucketKey(b []byte, prefix string, n uint64) []byte {
	return strconv.AppendUint(append(append(b, prefix...), keyBucket...), n, 10)
}

func directoryKey(prefix string) string { return prefix + keyDirectory }
func erasedKey(prefix string) string    { return prefix + keyErased }
func sourcesKey(prefix string) string   { return prefix + keySources }
func calendarKey(prefix string) string  { return prefix + keyCalendar }
func phrasesKey(prefix string) string   { return prefix + keyPhrases }
func fieldsKey(prefix string) string    { return prefix + keyFields }
