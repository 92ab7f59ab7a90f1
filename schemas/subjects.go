package schemas

import (
	"strconv"
	"strings"
)

// Streams. All are file-backed, one replica, discard-new.
const (
	StreamEvents = "DESKSTREAM_EVENTS" // raw events, poller cursors, source records, API keys, settings, erasures, deliveries
	StreamTxn    = "DESKSTREAM_TXN"    // processor offsets, state and outputs, committed together
	StreamSink   = "DESKSTREAM_SINK"   // write-ahead intents of the sinks
)

// SubjectRaw is where events of a partition are stored.
func SubjectRaw(partition int) string { return "deskstream.raw." + strconv.Itoa(partition) }

// SubjectCursor holds the poller's position in one resource of one source (rolled up).
func SubjectCursor(source, resource string) string {
	return "deskstream.cursor." + source + "." + resource
}

// SubjectSource holds one source record (rolled up, compare-and-set).
func SubjectSource(id string) string { return "deskstream.source." + id }

// SubjectKey holds one API key record (rolled up, the last write wins).
func SubjectKey(id string) string { return "deskstream.key." + id }

// SubjectSetting holds one setting of the installation (rolled up, compare-and-set).
func SubjectSetting(name string) string { return "deskstream.setting." + name }

// SubjectErasure holds the record of one erasure (rolled up, compare-and-set).
func SubjectErasure(id string) string { return "deskstream.erasure." + id }

// SubjectDelivery holds how far the entries of an audience are posted (rolled up, compare-and-set).
func SubjectDelivery(audience string) string { return "deskstream.delivery." + audience }

// SubjectUndelivered holds one entry of an audience that could not be posted (rolled up).
func SubjectUndelivered(audience, entry string) string {
	return "deskstream.undelivered." + audience + "." + entry
}

// SubjectOffset holds the input position of a partition's processor: the fence of its commits.
func SubjectOffset(partition int) string { return "deskstream.offset." + strconv.Itoa(partition) }

// SubjectState holds one state row of a partition. Keys are made of [A-Za-z0-9_-] tokens joined by dots.
func SubjectState(partition int, key string) string {
	return "deskstream.state." + strconv.Itoa(partition) + "." + key
}

// SubjectOut holds packed rows of one table from one partition.
func SubjectOut(table string, partition int) string {
	return "deskstream.out." + table + "." + strconv.Itoa(partition)
}

// SubjectActivity is where activities leave for other programs, one message each.
func SubjectActivity(account, activity string) string {
	return "deskstream.activity." + account + "." + activity
}

// SubjectAudience is where people's entering and leaving of an audience goes to other programs, one message each.
func SubjectAudience(id, event string) string { return "deskstream.audience." + id + "." + event }

// SubjectEntriesKept is where entries of erased people go, for the table alone: nobody enters or leaves. No audience has this id.
const SubjectEntriesKept = "deskstream.audience.erased.kept"

// SubjectDead holds the dead letters of a partition.
func SubjectDead(partition int) string { return "deskstream.dead." + strconv.Itoa(partition) }

// SubjectSink holds the write-ahead intents of a table's sink.
func SubjectSink(table string) string { return "deskstream.sink." + table }

// TableFilter is the subject filter under which a table's rows are found in StreamTxn.
func TableFilter(table string) string {
	switch table {
	case TableActivities:
		return "deskstream.activity.>"
	case TableAudienceEntries:
		return "deskstream.audience.>"
	}
	return "deskstream.out." + table + ".>"
}

// Token makes a string safe as one subject token: every byte outside [A-Za-z0-9_-] becomes its hexadecimal form behind "=".
func Token(s string) string {
	if s == "" {
		return "="
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-':
			b.WriteByte(c)
		default:
			b.WriteByte('=')
			b.WriteString(strconv.FormatUint(uint64(c)|0x100, 16)[1:])
		}
	}
	return b.String()
}

// FromToken gives back what Token was made of.
func FromToken(token string) string {
	if token == "=" {
		return ""
	}
	b := make([]byte, 0, len(token))
	for i := 0; i < len(token); i++ {
		if token[i] == '=' && i+2 < len(token) {
			if c, err := strconv.ParseUint(token[i+1:i+3], 16, 8); err == nil {
				b = append(b, byte(c))
				i += 2
				continue
			}
		}
		b = append(b, token[i])
	}
	return string(b)
}
