package reports

import (
	"context"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"deskstream/schemas"
)

// RowPlace says where a row came from.
type RowPlace struct {
	Seq uint64 `ch:"_seq"`
	Ver uint64 `ch:"_ver"`
}

func (p *RowPlace) place() RowPlace { return *p }

func (p *RowPlace) put(at RowPlace) { *p = at }

// generation of the stream that the row came from.
func (p RowPlace) generation() uint64 { return p.Ver >> 48 }

type placed interface {
	place() RowPlace
	put(at RowPlace)
}

// Rows of the tables that audiences follow.
type (
	changedPersonRow struct {
		schemas.PersonRow
		RowPlace
	}
	changedFiguresRow struct {
		schemas.PersonStats
		RowPlace
	}
	changedEverRow struct {
		schemas.PersonActivity
		RowPlace
	}
	changedActivityRow struct {
		schemas.Activity
		RowPlace
	}
	changedOrganizationRow struct {
		schemas.OrganizationRow
		RowPlace
	}
	changedTicketRow struct {
		Account        string `json:"account" ch:"account"`
		OrganizationID int64  `json:"organization_id" ch:"organization_id"`
		RowPlace
	}
	changedMemberRow struct {
		schemas.AudienceMember
		RowPlace
	}
	changedNameRow struct {
		Account string `ch:"account"`
		Kind    string `ch:"kind"`
		ID      int64  `ch:"id"`
		Name    string `ch:"name"`
		RowPlace
	}
)

// changedRows are the rows of all tables that came between two positions, those of each table in order.
type changedRows struct {
	to            uint64 // up to here
	people        []changedPersonRow
	figures       []changedFiguresRow
	ever          []changedEverRow
	activities    []changedActivityRow
	organizations []changedOrganizationRow
	tickets       []changedTicketRow
	members       []changedMemberRow
	names         []changedNameRow
}

// rowsAtOnce bounds the rows of one table that are read at a time. It is larger than the number that one message of the stream holds.
const rowsAtOnce = 10_000

// rowsBetween reads what came behind from, up to a position that is at most written. Only tables are read that any audience looks at and that
// have something new: from the stream as long as it has their rows, which costs much less than a query, else from ClickHouse.
func (w *audienceWorker) rowsBetween(ctx context.Context, from, written uint64) (*changedRows, error) {
	newest, err := w.Events.Newest(ctx)
	if err != nil {
		return nil, storeError(err)
	}
	c := &changedRows{to: written}
	tables := w.followed(c)
	all, err := w.readOutputs(ctx, c, from, newest, tables)
	if err != nil || all {
		return c, storeError(err)
	}
	c.to = written
	for _, t := range tables {
		if !slices.ContainsFunc(t.outputs, func(o outputs) bool { return newest[o.table] > from }) {
			continue
		}
		if err := t.query(ctx, from); err != nil {
			return nil, err
		}
	}
	c.cut()
	return c, nil
}

// fewRows are settings for queries that give few rows of many. What ClickHouse has learned since 25.8, the least version that is supported, to
// have many read fast costs more than it spares then.
const fewRows = "SETTINGS max_threads = 1, query_plan_optimize_lazy_materialization = 0, compatibility = '25.8'"

// readBetween reads the rows of one table. If there are too many, what is looked at ends before the last position that was read.
func readBetween[T any, P interface {
	*T
	placed
}](ctx context.Context, w *audienceWorker, c *changedRows, table string, from uint64, into *[]T) (err error) {
	name := "audience_changed_" + table
	p := w.rowParams(from, c.to)
	p.int("limit", rowsAtOnce)
	statement := sqlWith(name, changedPieces{}) + "\nORDER BY _seq LIMIT {limit:UInt32}\n" + fewRows
	if *into, err = list[T](ctx, w.server, name, statement, p); err == nil && len(*into) == rowsAtOnce {
		c.to = P(&(*into)[rowsAtOnce-1]).place().Seq - 1
	}
	return err
}

func (w *audienceWorker) rowParams(from, to uint64) params {
	p := params{}
	p.texts("accounts", w.accounts)
	p.int("from", int64(from))
	p.int("to", int64(to))
	p.texts("slugs", w.plan.slugs)
	p.texts("kinds", w.plan.activities)
	p.texts("named", w.plan.names)
	p.time("since", time.Unix(0, 0))
	return p
}

// cut leaves out what is behind the position up to which all tables were read.
func (c *changedRows) cut() {
	c.people = upTo(c.people, c.to)
	c.figures = upTo(c.figures, c.to)
	c.ever = upTo(c.ever, c.to)
	c.activities = upTo(c.activities, c.to)
	c.organizations = upTo(c.organizations, c.to)
	c.tickets = upTo(c.tickets, c.to)
	c.members = upTo(c.members, c.to)
	c.names = upTo(c.names, c.to)
}

func upTo[T any, P interface {
	*T
	placed
}](rows []T, to uint64) []T {
	n := len(rows)
	for n > 0 && P(&rows[n-1]).place().Seq > to {
		n--
	}
	return rows[:n]
}

// eachRow calls fn for every row of a table as it is now.
func eachRow[T any](ctx context.Context, w *audienceWorker, table string, p params, fn func(*T)) error {
	name := "audience_changed_" + table
	return w.queryWithin(ctx, passTimeout, 0, name, sqlWith(name, changedPieces{Final: true}), p, func(rows driver.Rows) error {
		var v T
		err := rows.ScanStruct(&v)
		if err == nil {
			fn(&v)
		}
		return err
	})
}

// userChange is what changed about a user.
type userChange struct {
	account string
	user    int64
	what    []string // see audienceIndex
	news    []newActivity
}

// userChanges collects what changed about users, in the order in which they came.
type userChanges struct {
	byUser map[userRef]*userChange
	order  []*userChange
}

// userRef names a user.
type userRef struct {
	account string
	user    int64
}

func (u *userChanges) of(account string, user int64) *userChange {
	ref := userRef{account, user}
	c := u.byUser[ref]
	if c == nil {
		c = &userChange{account: account, user: user}
		u.byUser[ref] = c
		u.order = append(u.order, c)
	}
	return c
}

func (u *userChanges) add(account string, user int64, what string) {
	if user == 0 {
		return
	}
	if c := u.of(account, user); !slices.Contains(c.what, what) {
		c.what = append(c.what, what)
	}
}

// changes adds what some rows change about users, but for activities and for what organizations do to their people.
func (c *changedRows) changes(u *userChanges) {
	for i := range c.people {
		for _, user := range c.people[i].UserIDs {
			u.add(c.people[i].Account, user, changedPerson)
		}
	}
	for i := range c.figures {
		u.add(c.figures[i].Account, c.figures[i].UserID, changedFigures)
	}
	for i := range c.ever {
		u.add(c.ever[i].Account, c.ever[i].UserID, changedEver+c.ever[i].Activity)
	}
}

func (u *userChanges) addActivity(a *changedActivityRow) {
	u.add(a.Account, a.UserID, changedActivity+a.Activity.Activity)
}

// touchedOrganizations gives the organizations of which something changed, by account; figures says whether their figures matter, which
// change with their people and tickets.
func (c *changedRows) touchedOrganizations(figures bool) map[string][]int64 {
	out := map[string][]int64{}
	for i := range c.organizations {
		out[c.organizations[i].Account] = append(out[c.organizations[i].Account], c.organizations[i].OrganizationID)
	}
	if figures {
		for _, t := range c.tickets {
			out[t.Account] = append(out[t.Account], t.OrganizationID)
		}
		for i := range c.people {
			out[c.people[i].Account] = append(out[c.people[i].Account], c.people[i].OrganizationIDs...)
		}
	}
	for account, ids := range out {
		slices.Sort(ids)
		out[account] = slices.Compact(ids)
	}
	return out
}

// newActivity is an activity that may make people enter an audience.
type newActivity struct {
	schemas.Activity
	seen schemas.FilterActivity
}

// addNews adds the activities that may make their people enter an audience: each as the newest of its rows has it.
func (u *userChanges) addNews(rows []changedActivityRow, x *audienceIndex, names nameBook, now time.Time) {
	newest := make(map[string]int, len(rows))
	for i := range rows {
		newest[rows[i].Account+" "+rows[i].ActivityID] = i
	}
	for i := range rows {
		a := &rows[i].Activity
		if a.IsDeleted != 0 || !a.ExpiresAt.After(now) || len(x.byActivity[a.Activity]) == 0 || newest[a.Account+" "+a.ActivityID] != i {
			continue
		}
		seen := filterRowOf(a)
		names.nameRow(a.Account, seen)
		c := u.of(a.Account, a.UserID)
		c.news = append(c.news, newActivity{*a, seen.activity()})
	}
}
