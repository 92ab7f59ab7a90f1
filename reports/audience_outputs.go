package reports

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"deskstream/schemas"
)

// followedTable is a table whose rows audiences follow.
type followedTable struct {
	outputs []outputs                                    // where its rows lie in the stream
	query   func(ctx context.Context, from uint64) error // reads them from ClickHouse instead
}

// outputs are the rows of a table as they lie in the stream.
type outputs struct {
	table string
	take  func(line []byte, at RowPlace) error
}

// followed gives the tables that any audience looks at. What is read of them goes to c.
func (w *audienceWorker) followed(c *changedRows) []followedTable {
	n := w.plan
	of := func(account string) bool { return slices.Contains(w.accounts, account) }
	all := []followedTable{following(w, c, "people", &c.people, rowsOf(schemas.TablePeople, &c.people, func(r *changedPersonRow) bool {
		inSeconds(&r.CreatedAt, &r.UpdatedAt)
		return of(r.Account)
	}))}
	if n.figures {
		all = append(all, following(w, c, "figures", &c.figures, rowsOf(schemas.TablePersonStats, &c.figures, func(r *changedFiguresRow) bool { return of(r.Account) })))
	}
	if len(n.slugs) > 0 {
		all = append(all, following(w, c, "ever", &c.ever, rowsOf(schemas.TablePersonActivities, &c.ever, func(r *changedEverRow) bool {
			return of(r.Account) && slices.Contains(n.slugs, r.Activity)
		})))
	}
	if len(n.activities) > 0 {
		all = append(all, following(w, c, "activities", &c.activities, rowsOf(schemas.TableActivities, &c.activities, func(r *changedActivityRow) bool {
			inSeconds(&r.OccurredAt, &r.ExpiresAt)
			return of(r.Account) && r.UserID != 0
		})))
	}
	if n.organization {
		all = append(all, following(w, c, "organizations", &c.organizations, rowsOf(schemas.TableOrganizations, &c.organizations, func(r *changedOrganizationRow) bool {
			inSeconds(&r.CreatedAt, &r.UpdatedAt)
			return of(r.Account)
		})))
	}
	if n.organizationFigures {
		all = append(all, following(w, c, "tickets", &c.tickets, rowsOf(schemas.TableTickets, &c.tickets, func(r *changedTicketRow) bool {
			return of(r.Account) && r.OrganizationID != 0
		})))
	}
	if w.roster != nil {
		all = append(all, following(w, c, "members", &c.members, rowsOf(schemas.TableAudienceMembers, &c.members, func(r *changedMemberRow) bool { return of(r.Account) })))
	}
	if len(n.names) > 0 {
		all = append(all, following(w, c, "names", &c.names, w.namesOf(&c.names)...))
	}
	return all
}

func following[T any, P interface {
	*T
	placed
}](w *audienceWorker, c *changedRows, name string, into *[]T, outputs ...outputs) followedTable {
	return followedTable{outputs, func(ctx context.Context, from uint64) error { return readBetween[T, P](ctx, w, c, name, from, into) }}
}

// rowsOf collects those rows of a table that keep is true for, which may bring them into the form that ClickHouse gives.
func rowsOf[T any, P interface {
	*T
	placed
}](table string, into *[]T, keep func(*T) bool) outputs {
	return outputs{table: table, take: func(line []byte, at RowPlace) error {
		var row T
		if err := json.Unmarshal(line, &row); err != nil {
			return err
		}
		if P(&row).put(at); keep(&row) {
			*into = append(*into, row)
		}
		return nil
	}}
}

// namesOf collects the names that any audience looks at, as audience_changed_names.sql does.
func (w *audienceWorker) namesOf(into *[]changedNameRow) []outputs {
	add := func(account, kind string, id int64, name string, deleted uint8, at RowPlace) {
		if deleted != 0 {
			name = ""
		}
		if slices.Contains(w.accounts, account) && slices.Contains(w.plan.names, kind) {
			*into = append(*into, changedNameRow{account, kind, id, name, at})
		}
	}
	return []outputs{
		{table: schemas.TableAgents, take: func(line []byte, at RowPlace) error {
			var r schemas.Agent
			err := json.Unmarshal(line, &r)
			add(r.Account, kindAgent, r.UserID, r.Name, 0, at)
			add(r.Account, kindAgentEmail, r.UserID, r.Email, 0, at)
			return err
		}},
		{table: schemas.TableOrganizations, take: func(line []byte, at RowPlace) error {
			var r schemas.OrganizationRow
			err := json.Unmarshal(line, &r)
			add(r.Account, kindOrganization, r.OrganizationID, r.Name, r.IsDeleted, at)
			return err
		}},
		{table: schemas.TableNames, take: func(line []byte, at RowPlace) error {
			var r schemas.Name
			err := json.Unmarshal(line, &r)
			add(r.Account, r.Kind, r.ID, r.Name, r.IsDeleted, at)
			return err
		}},
	}
}

// inSeconds brings times into the form of ClickHouse's DateTime.
func inSeconds(times ...*time.Time) {
	for _, t := range times {
		*t = time.Unix(min(max(t.Unix(), 0), math.MaxUint32), 0).UTC()
	}
}

// readOutputs reads rows behind a position from the stream, those of tables that have something new. If there are too many, what is looked at
// ends before. all is false if the stream may not have all of them any more.
func (w *audienceWorker) readOutputs(ctx context.Context, c *changedRows, from uint64, newest map[string]uint64, tables []followedTable) (all bool, err error) {
	q := schemas.OutputQuery{Activities: w.plan.activities, From: from, To: c.to}
	takes := map[string][]func([]byte, RowPlace) error{}
	for _, t := range tables {
		for _, o := range t.outputs {
			if newest[o.table] > from {
				takes[o.table] = append(takes[o.table], o.take)
			}
		}
	}
	if q.Tables = slices.Sorted(maps.Keys(takes)); len(q.Tables) == 0 {
		return true, nil
	}
	n := 0
	return w.Events.Outputs(ctx, q, func(m schemas.OutputMessage) (bool, error) {
		for line := range bytes.SplitSeq(m.Data, []byte{'\n'}) {
			for _, take := range takes[m.Table] {
				if err := take(line, RowPlace{m.Seq, m.Ver}); err != nil {
					return false, fmt.Errorf("table %s: row at %d: %w", m.Table, m.Seq, err)
				}
			}
			n++
		}
		if n >= rowsAtOnce {
			c.to = m.Seq
		}
		return n < rowsAtOnce, nil
	})
}
