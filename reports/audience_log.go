package reports

import (
	"context"
	"net/http"
	"time"
)

func (s *server) audienceLogRoutes() {
	scopes := []string{scopePeople}
	const path = "/v1/audiences/{id}"
	handle(s, route{
		method: http.MethodGet, path: path + "/members", id: "list-audience-members", tag: tagAudiences, summary: "People in an audience, those who entered last first", scopes: scopes,
	}, s.audienceMembers)
	handle(s, route{
		method: http.MethodGet, path: path + "/entries", id: "list-audience-entries", tag: tagAudiences, summary: "Who entered and left an audience, newest first", scopes: scopes,
	}, s.audienceEntries)
}

type audienceLogInput struct {
	ID string `path:"id" maxLength:"100"`
	Paging
}

type memberItem struct {
	Person feedPerson `json:"person"`
	Email  string     `json:"email"`
	Since  time.Time  `json:"since"`
}

type memberRow struct {
	PersonID string    `ch:"person_id"`
	Name     string    `ch:"name"`
	Email    string    `ch:"email"`
	Since    time.Time `ch:"since"`
}

func (s *server) audienceMembers(ctx context.Context, in *audienceLogInput) (*answer[page[memberItem]], error) {
	rows, more, err := audienceRows[memberRow](ctx, s, "audience_members", in)
	if err != nil {
		return nil, err
	}
	out := page[memberItem]{Items: make([]memberItem, len(rows))}
	for i, r := range rows {
		out.Items[i] = memberItem{Person: feedPerson{ID: r.PersonID, Name: r.Name}, Email: r.Email, Since: r.Since.UTC()}
	}
	if more {
		last := rows[len(rows)-1]
		out.NextCursor, err = encodeCursor("audience_members", feedPosition{last.Since.Unix(), last.PersonID})
	}
	return reply(out, err)
}

type entryItem struct {
	ID         string         `json:"id"`
	Event      string         `json:"event" enum:"entered,left"`
	At         time.Time      `json:"at"`
	Person     *feedPerson    `json:"person" doc:"Who it is now; null once erased"`
	Activity   string         `json:"activity,omitempty" doc:"What occurred"`
	ActivityID string         `json:"activity_id,omitempty" doc:"For render: its attributes are kept with the entry, past retention"`
	Attributes map[string]any `json:"attributes,omitempty" doc:"The activity as it was: what feeds show of it, and its subject, message, tags, status and ids; what it has not is left out"`
}

type entryRow struct {
	EntryID    string    `ch:"entry_id"`
	PersonID   string    `ch:"person_id"`
	Event      string    `ch:"event"`
	At         time.Time `ch:"at"`
	ActivityID string    `ch:"activity_id"`
	Activity   string    `ch:"activity"`
	Attributes string    `ch:"attributes"`
}

func (s *server) audienceEntries(ctx context.Context, in *audienceLogInput) (*answer[page[entryItem]], error) {
	rows, more, err := audienceRows[entryRow](ctx, s, "audience_entries", in)
	if err != nil {
		return nil, err
	}
	accounts, err := s.accounts(ctx)
	if err != nil {
		return nil, err
	}
	persons := make([]feedRow, len(rows))
	for i, r := range rows {
		persons[i].PersonID = r.PersonID
	}
	people, err := s.survivors(ctx, accounts, persons)
	if err != nil {
		return nil, err
	}
	out := page[entryItem]{Items: make([]entryItem, len(rows))}
	for i, r := range rows {
		out.Items[i] = entryItem{ID: r.EntryID, Event: r.Event, At: r.At.UTC(), Person: people[r.PersonID], Activity: r.Activity, ActivityID: r.ActivityID}
		if r.ActivityID != "" {
			if out.Items[i].Attributes, err = shownAttributes(r.Attributes); err != nil {
				return nil, err
			}
		}
	}
	if more {
		last := rows[len(rows)-1]
		out.NextCursor, err = encodeCursor("audience_entries", feedPosition{last.At.Unix(), last.EntryID})
	}
	return reply(out, err)
}

// shownAttributes gives a kept activity: what is special to it, by the names that feeds show, and what all activities have. What it has not is left out.
func shownAttributes(kept string) (map[string]any, error) {
	x, err := activityOfEntry(kept)
	if err != nil {
		return nil, err
	}
	out := jsonObject(x.Attributes)
	for name, v := range map[string]string{
		"source_id": x.SourceID, "ticket_id": idText(x.TicketID), "user_id": idText(x.UserID), "organization_id": idText(x.OrganizationID),
		"actor_id": idText(x.ActorID), "assignee_id": idText(x.AssigneeID), "group_id": idText(x.GroupID), "brand_id": idText(x.BrandID),
		"channel": x.Channel, "priority": x.Priority, "type": x.Type, "status": x.Status, "subject": x.Subject, "message": x.Message, "text": x.Text, "via": x.Via,
	} {
		if v != "" {
			out[name] = v
		}
	}
	if len(x.Tags) > 0 {
		out["tags"] = x.Tags
	}
	if !x.OccurredAt.IsZero() {
		out["occurred_at"] = x.OccurredAt.UTC()
	}
	return out, nil
}

// audienceRows gives a page of the rows of one audience, newest first.
func audienceRows[T any](ctx context.Context, s *server, statement string, in *audienceLogInput) ([]T, bool, error) {
	if _, err := s.audienceOf(ctx, in.ID); err != nil {
		return nil, false, err
	}
	position := feedStart
	if _, err := decodeCursor(statement, in.Cursor, &position); err != nil {
		return nil, false, err
	}
	accounts, err := s.accounts(ctx)
	if err != nil {
		return nil, false, err
	}
	p := params{}
	p.texts("accounts", accounts)
	p.text("audience", in.ID)
	p.time("before", time.Unix(position.At, 0))
	p.text("before_id", position.ID)
	p.int("limit", int64(in.Limit)+1)
	rows, err := list[T](ctx, s, statement, sqlText(statement), p)
	rows, more := cut(rows, in.Limit)
	return rows, more, err
}
