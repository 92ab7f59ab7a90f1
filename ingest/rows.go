package ingest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"

	"deskstream/schemas"
)

// head is what is read of a row: who it is and when it changed. Fields that are not what they should be stay zero; the row travels on
// and it is the processor that refuses it.
type head struct {
	ID        schemas.ZID `json:"id"`
	TicketID  schemas.ZID `json:"ticket_id"`
	UserID    schemas.ZID `json:"user_id"`
	Generated int64       `json:"generated_timestamp"`
	Timestamp int64       `json:"timestamp"`
	UpdatedAt time.Time   `json:"updated_at"`
	CreatedAt time.Time   `json:"created_at"`
	Time      time.Time   `json:"time"`
	Status    string      `json:"status"`
}

func headOf(row json.RawMessage) head {
	var h head
	if json.Unmarshal(row, &h) == nil {
		return h
	}
	// One odd field must not hide the id.
	var id struct {
		ID schemas.ZID `json:"id"`
	}
	_ = json.Unmarshal(row, &id) // Nothing more can be done: the zero id says so.
	return head{ID: id.ID}
}

// changed gives the row's place in its stream.
func (h head) changed() time.Time {
	switch {
	case h.Generated > 0:
		return time.Unix(h.Generated, 0).UTC()
	case !h.UpdatedAt.IsZero():
		return h.UpdatedAt.UTC()
	case h.Timestamp > 0:
		return time.Unix(h.Timestamp, 0).UTC()
	case !h.Time.IsZero():
		return h.Time.UTC()
	}
	return h.CreatedAt.UTC()
}

// rowID makes the event id of a row. An audit never changes, so its id is enough and the same in both forms Zendesk writes it; everything
// else is known by its version: when it changed and what it says.
func rowID(account string, kind schemas.Kind, h head, row json.RawMessage) string {
	if kind == schemas.KindAudit && h.ID != 0 {
		return "zd:" + account + ":audit:" + h.ID.String()
	}
	id, version := h.ID.String(), ""
	if id == "" {
		id = "0"
	}
	switch at := h.changed(); {
	case h.Generated > 0:
		version = strconv.FormatInt(h.Generated, 10)
	case at.Unix() > 0:
		version = at.Format(time.RFC3339)
	}
	sum := sha256.Sum256(row)
	return "zd:" + account + ":" + string(kind) + ":" + id + ":" + version + ":" + hex.EncodeToString(sum[:4])
}

// eventOf wraps a row.
func eventOf(s schemas.Source, kind schemas.Kind, row json.RawMessage, now time.Time) schemas.Event {
	return schemas.Event{
		ID: rowID(s.Account, kind, headOf(row), row), Kind: kind, Source: s.ID, Account: s.Account, Via: "poll", ReceivedAt: now.UTC(), Data: row,
	}
}

func eventsOf(s schemas.Source, kind schemas.Kind, rows []json.RawMessage, now time.Time) []schemas.Event {
	out := make([]schemas.Event, 0, len(rows))
	for _, row := range rows {
		out = append(out, eventOf(s, kind, row, now))
	}
	return out
}

// withMember puts a member into an object that does not have it, and leaves every other byte as it is. What is no object stays as it is.
func withMember(row json.RawMessage, name string, value json.RawMessage) json.RawMessage {
	var members map[string]json.RawMessage
	if json.Unmarshal(row, &members) != nil || members == nil { // null reads as no map, without an error.
		return row
	}
	if _, ok := members[name]; ok {
		return row
	}
	end := bytes.LastIndexByte(row, '}')
	out := make([]byte, 0, len(row)+len(name)+len(value)+4)
	out = append(out, row[:end]...)
	if len(members) > 0 {
		out = append(out, ',')
	}
	out = append(out, '"')
	out = append(out, name...)
	out = append(out, `":`...)
	out = append(out, value...)
	return append(out, row[end:]...)
}

// withAllIdentities puts sideloaded identities into their users; an answer without them leaves the users as they are.
func withAllIdentities(p page) []json.RawMessage {
	users := p.lists["users"]
	sideload, ok := p.lists["identities"]
	if !ok {
		return users
	}
	owned := map[schemas.ZID][]json.RawMessage{}
	for _, row := range sideload {
		if owner := headOf(row).UserID; owner != 0 {
			owned[owner] = append(owned[owner], row)
		}
	}
	out := make([]json.RawMessage, 0, len(users))
	for _, user := range users {
		out = append(out, withIdentities(user, owned[headOf(user).ID]))
	}
	return out
}

func withIdentities(user json.RawMessage, identities []json.RawMessage) json.RawMessage {
	list := append(append([]byte{'['}, bytes.Join(rawBytes(identities), []byte{','})...), ']')
	return withMember(user, "identities", list)
}

func rawBytes(rows []json.RawMessage) [][]byte {
	out := make([][]byte, len(rows))
	for i, row := range rows {
		out[i] = row
	}
	return out
}

// authorsOf gives the ids of the people who acted in an audit, in either form.
func authorsOf(row json.RawMessage) []int64 {
	type author struct {
		AuthorID schemas.ZID `json:"author_id"`
	}
	var audit struct {
		author
		UpdaterID schemas.ZID       `json:"updater_id"`
		Events    []json.RawMessage `json:"events"`
		Children  []json.RawMessage `json:"child_events"`
	}
	if json.Unmarshal(row, &audit) != nil {
		return nil
	}
	out := []int64{int64(audit.AuthorID), int64(audit.UpdaterID)}
	for _, event := range append(audit.Events, audit.Children...) {
		var a author
		if json.Unmarshal(event, &a) == nil {
			out = append(out, int64(a.AuthorID))
		}
	}
	return out
}
