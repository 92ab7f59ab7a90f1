package ingest

import (
	"encoding/json"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	"deskstream/schemas"
)

const (
	// rollLag is how much of the newest past a reading of the list says nothing about: Zendesk's clock is not ours. So long after it a part is
	// told again that did not change, until it is settled.
	rollLag = 5 * time.Minute
	// rollAgain is how often parts are told that did not change and are settled.
	rollAgain = 12 * time.Hour
)

// roster collects the memberships of one reading of their list, because the list does not tell which ones ended: what a reading from
// beginning to end does not show any more did. The run of the memberships guards it.
type roster struct {
	began    time.Time // zero = what was read is no whole list
	at, next string    // cursors of the page that was read last and of the one after it
	parts    [schemas.MemberParts][][2]schemas.ZID

	told    [schemas.MemberParts]toldPart // what was stored last
	all     time.Time                     // when every part was told
	waiting map[string]toldRoll           // by event id, until they are stored
}

type toldRoll struct {
	part     int
	hash     uint64
	at, read time.Time
}

// toldPart is a part as it was told.
type toldPart struct {
	hash  uint64
	at    time.Time // of the last roll that told it
	first time.Time // when it was read like this first
}

// settled says whether a roll told the part so late that it decided about everything that the first reading did: of what was new then, the rolls
// before it decided nothing.
func (t *toldPart) settled() bool { return !t.at.Before(t.first.Add(rollLag)) }

// page takes the rows of a page and gives the rolls of the list when it is the last one. Only cursor pages make a whole list: of numbered
// ones each end of a membership shifts the rest.
func (o *roster) page(s schemas.Source, cur, next schemas.Cursor, rows []json.RawMessage, now time.Time) []schemas.Event {
	switch {
	case cur.Cursor == "":
		o.began = now
		clear(o.parts[:])
	case cur.Cursor != o.next && cur.Cursor != o.at:
		o.began = time.Time{}
	}
	o.at, o.next = cur.Cursor, next.Cursor
	if strings.HasPrefix(next.Cursor, numberedPage) {
		o.began = time.Time{}
	}
	for _, row := range rows {
		var m schemas.ZMembership
		if err := json.Unmarshal(row, &m); err != nil || m.UserID <= 0 || m.Organization <= 0 {
			o.began = time.Time{} // Which one it is cannot be told, and it must not end.
			break
		}
		part := schemas.MemberPart(m.UserID)
		o.parts[part] = append(o.parts[part], [2]schemas.ZID{m.UserID, m.Organization})
	}
	if next.Cursor != "" || o.began.IsZero() {
		return nil
	}
	return o.rolls(s, now)
}

func (o *roster) rolls(s schemas.Source, now time.Time) []schemas.Event {
	all := now.Sub(o.all) >= rollAgain
	o.waiting = map[string]toldRoll{}
	at := o.began.Add(-rollLag).UTC()
	var events []schemas.Event
	for part, members := range o.parts {
		slices.SortFunc(members, func(x, y [2]schemas.ZID) int { return slices.Compare(x[:], y[:]) })
		members = slices.Compact(members)
		data, err := json.Marshal(schemas.MemberRoll{Part: part, At: at, Members: members})
		if err != nil {
			continue // Numbers can always be written.
		}
		hash := hashOfMembers(members)
		if told := &o.told[part]; hash == told.hash && (told.settled() || at.Sub(told.at) <= rollLag) && !all {
			continue
		}
		e := schemas.Event{
			ID:   "zd:" + s.Account + ":members:" + strconv.Itoa(part) + ":" + at.Format(time.RFC3339Nano),
			Kind: schemas.KindMembers, Source: s.ID, Account: s.Account, Via: "poll", ReceivedAt: now.UTC(), Data: data,
		}
		o.waiting[e.ID] = toldRoll{part, hash, at, now}
		events = append(events, e)
	}
	return events
}

// stored notes a roll that is in the store.
func (o *roster) stored(id string, now time.Time) {
	roll, ok := o.waiting[id]
	if !ok {
		return
	}
	told := &o.told[roll.part]
	if told.hash != roll.hash {
		told.hash, told.first = roll.hash, roll.read
	}
	told.at = roll.at
	if delete(o.waiting, id); len(o.waiting) == 0 && now.Sub(o.all) >= rollAgain {
		o.all = now
	}
}

func hashOfMembers(members [][2]schemas.ZID) uint64 {
	h := fnv.New64a()
	for _, m := range members {
		_, _ = h.Write([]byte(m[0].String() + " " + m[1].String() + "\n"))
	}
	return h.Sum64()
}
