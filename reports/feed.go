package reports

import (
	"context"
	"encoding/json"
	"strings"
	"time"
)

// feedItem is one activity as feeds show it.
type feedItem struct {
	ID         string         `json:"id"`
	Activity   string         `json:"activity"`
	OccurredAt time.Time      `json:"occurred_at"`
	Person     *feedPerson    `json:"person" doc:"Whom it belongs to; null if nobody"`
	TicketID   string         `json:"ticket_id,omitempty"`
	Text       string         `json:"text" doc:"One line, as chosen by PATCH /v1/activities/{activity}"`
	Attributes map[string]any `json:"attributes"`
}

type feedPerson struct {
	_ struct{} `nullable:"true"` // read by huma

	ID   string `json:"id"`
	Name string `json:"name"`
}

// feedQuery says which activities. Zero values do not restrict; since always does.
type feedQuery struct {
	accounts []string
	persons  []string // own person ids
	activity string
	since    time.Time
	Paging
}

type feedRow struct {
	ActivityID string    `ch:"activity_id"`
	Activity   string    `ch:"activity"`
	OccurredAt time.Time `ch:"occurred_at"`
	TicketID   int64     `ch:"ticket_id"`
	PersonID   string    `ch:"person_id"`
	Subject    string    `ch:"subject"`
	Status     string    `ch:"status"`
	Text       string    `ch:"text"`
	Attributes string    `ch:"attributes"`
}

// feedPosition is where a page ends: the last row's time and id.
type feedPosition struct {
	At int64  `json:"t"`
	ID string `json:"i"`
}

// feedStart is the position before the newest row.
var feedStart = feedPosition{At: 1<<32 - 1, ID: "\U0010ffff"}

// feed lists activities, newest first.
func (s *server) feed(ctx context.Context, q feedQuery) (page[feedItem], error) {
	position := feedStart
	if _, err := decodeCursor("activities", q.Cursor, &position); err != nil {
		return page[feedItem]{}, err
	}
	p := params{}
	p.texts("accounts", q.accounts)
	p.texts("persons", q.persons)
	p.flag("any_person", q.persons == nil)
	p.text("activity", q.activity)
	p.time("since", q.since)
	p.time("now", s.Now())
	p.time("before", time.Unix(position.At, 0))
	p.text("before_id", position.ID)
	p.int("limit", int64(q.Limit)+1)
	rows, err := list[feedRow](ctx, s, "feed", sqlText("feed"), p)
	if err != nil {
		return page[feedItem]{}, err
	}
	rows, more := cut(rows, q.Limit)
	people, err := s.survivors(ctx, q.accounts, rows)
	if err != nil {
		return page[feedItem]{}, err
	}
	out := page[feedItem]{Items: make([]feedItem, len(rows))}
	for i, r := range rows {
		out.Items[i] = r.item(people)
	}
	if err := s.addTexts(ctx, q.accounts, out.Items); err != nil {
		return page[feedItem]{}, err
	}
	if more {
		last := rows[len(rows)-1]
		out.NextCursor, err = encodeCursor("activities", feedPosition{last.OccurredAt.Unix(), last.ActivityID})
	}
	return out, err
}

type survivorRow struct {
	OwnID    string `ch:"own_id"`
	PersonID string `ch:"person_id"`
	Name     string `ch:"name"`
}

// survivors gives the people that the rows belong to now, by own person id.
func (s *server) survivors(ctx context.Context, accounts []string, rows []feedRow) (map[string]*feedPerson, error) {
	people := map[string]*feedPerson{}
	var ids []string
	for _, r := range rows {
		if r.PersonID != "" && people[r.PersonID] == nil {
			people[r.PersonID] = &feedPerson{ID: r.PersonID}
			ids = append(ids, r.PersonID)
		}
	}
	if len(ids) == 0 {
		return people, nil
	}
	p := params{}
	p.texts("accounts", accounts)
	p.texts("ids", ids)
	found, err := list[survivorRow](ctx, s, "survivors", sqlText("survivors"), p)
	for _, f := range found {
		people[f.OwnID] = &feedPerson{ID: f.PersonID, Name: f.Name}
	}
	return people, err
}

func (r feedRow) item(people map[string]*feedPerson) feedItem {
	item := feedItem{
		ID: r.ActivityID, Activity: r.Activity, OccurredAt: r.OccurredAt.UTC(), TicketID: idText(r.TicketID), Text: r.Text, Attributes: jsonObject(r.Attributes),
	}
	if item.Text == "" {
		item.Text = activityName(r.Activity)
	}
	item.Person = people[r.PersonID]
	return item
}

// jsonObject reads a JSON object of a table; what is none becomes an empty one.
func jsonObject(text string) map[string]any {
	if out, ok := jsonValue(text).(map[string]any); ok {
		return out
	}
	return map[string]any{}
}

// jsonValue reads JSON with numbers as they are written: a float64 has no room for long ones. What is none becomes nil.
func jsonValue(text string) (v any) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return nil
	}
	return v
}
