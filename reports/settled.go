package reports

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"golang.org/x/sync/errgroup"

	"deskstream/schemas"
)

const (
	// settledQuestions is for how many questions what settled months say is kept, and settledCells how much of each.
	settledQuestions = 64
	settledCells     = 50_000
)

// settled keeps what the months of the table tickets say to questions about all tickets as they are now. A part of a table never changes in
// ClickHouse, it is only replaced by others of other names. So what a month says holds as long as it consists of the same parts, and most months
// do. It is safe for concurrent use; the zero value is ready.
type settled struct {
	mu        sync.Mutex
	questions map[string]*settledQuestion
	turn      uint64
}

type settledQuestion struct {
	used   uint64
	cells  int
	months map[string]settledMonth // by partition
	sum    settledMonth            // of those that were asked for last; parts are the months with theirs
}

type settledMonth struct {
	parts string
	cells []cell
}

// everything says whether a question is about all tickets as they are now, whose figures are sums over the months of their creation.
func (q *question) everything() bool {
	return q.all && q.live
}

// monthDimension is the partition that a ticket is stored in.
var monthDimension = dimension{name: "month", column: "month"}

// cellsByMonth answers a question about all tickets as they are now by asking only the months that changed since they were asked last, and those
// in which something is dated after as_of. The cells are of the one bucket of such a question.
func (s *server) cellsByMonth(ctx context.Context, q *question, groupBy []dimension, p params) ([]cell, []*float64, error) {
	parts, err := s.ticketParts(ctx)
	if err != nil {
		return nil, nil, err
	}
	monthly := *q
	monthly.months = true
	statement := monthly.statementText(append([]dimension{monthDimension}, groupBy...))
	identity := settledIdentity(statement, p)
	settled, missing := s.settled.of(identity, parts, len(q.values))
	if len(missing) == 0 {
		cells, total := addCells(len(q.values), settled)
		return cells, total, nil
	}
	asked, err := s.askMonths(ctx, q, statement, p, missing)
	if err != nil {
		return nil, nil, err
	}
	s.settled.keep(identity, q.asOf, parts, asked)
	all := [][]cell{settled}
	for _, month := range asked {
		all = append(all, month.cells)
	}
	cells, total := addCells(len(q.values), all...)
	return cells, total, nil
}

// ticketParts lists the parts of each partition of the tickets.
func (s *server) ticketParts(ctx context.Context) (map[string]string, error) {
	parts := map[string]string{}
	err := s.query(ctx, "ticket_parts", sqlText("ticket_parts"), params{}, func(rows driver.Rows) error {
		var month, names string
		err := rows.Scan(&month, &names)
		parts[month] = names
		return err
	})
	return parts, err
}

// settledIdentity is the same for questions that all but the clock makes the same.
func settledIdentity(statement string, p params) string {
	var b strings.Builder
	b.WriteString(statement)
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if !slices.Contains([]string{"from", "to", "as_of", "now", "bounds"}, name) {
			fmt.Fprintf(&b, "\x00%s=%s", name, p[name])
		}
	}
	return b.String()
}

// askMonths asks some months; the first key of a cell is its month.
func (s *server) askMonths(ctx context.Context, q *question, statement string, p params, months []string) (map[string]settledMonth, error) {
	p = maps.Clone(p)
	p.texts("months", months)
	cells, _, err := s.cells(ctx, q, statement+"\nWITH TOTALS", p)
	if err != nil {
		return nil, err
	}
	out := map[string]settledMonth{}
	for _, month := range months {
		out[month] = settledMonth{}
	}
	for _, c := range cells {
		m := out[c.keys[0]]
		m.cells = append(m.cells, cell{keys: c.keys[1:], values: c.values, later: c.later})
		out[c.keys[0]] = m
	}
	return out, nil
}

// addCells sums the cells of the same keys up, and all of them.
func addCells(values int, lists ...[]cell) (cells []cell, total []*float64) {
	at := map[string]int{}
	for _, list := range lists {
		for _, c := range list {
			id := strings.Join(c.keys, "\x00")
			i, ok := at[id]
			if !ok {
				i = len(cells)
				at[id] = i
				cells = append(cells, cell{keys: c.keys, values: zeros(values)})
			}
			addValues(cells[i].values, c.values)
			if total == nil {
				total = zeros(values)
			}
			addValues(total, c.values)
		}
	}
	return cells, total
}

func zeros(n int) []*float64 {
	out := make([]*float64, n)
	for i := range out {
		out[i] = new(float64)
	}
	return out
}

func addValues(sum, values []*float64) {
	for i, v := range values {
		if v != nil {
			*sum[i] += *v
		}
	}
}

// of gives the sum of what is known of the months that consist of the same parts still, which nobody may change, and the other months. The sum is
// made anew whenever one of these months has other parts.
func (k *settled) of(identity string, parts map[string]string, values int) (sum []cell, missing []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	known := k.questions[identity]
	if known == nil {
		return nil, slices.Collect(maps.Keys(parts))
	}
	k.turn++
	known.used = k.turn
	var months [][]cell
	var of strings.Builder
	for _, month := range slices.Sorted(maps.Keys(parts)) {
		m, ok := known.months[month]
		if !ok || m.parts != parts[month] {
			missing = append(missing, month)
			continue
		}
		months = append(months, m.cells)
		of.WriteString(month + "\x00" + m.parts + "\x00")
	}
	if known.sum.parts != of.String() {
		known.sum.parts = of.String()
		known.sum.cells, _ = addCells(values, months...)
	}
	return known.sum.cells, missing
}

// keep remembers months that were asked. What was stored since their parts were listed may be in them; then the next list has other parts.
// A month that has not ended, or in which something is dated after as_of, would say something else as time passes.
func (k *settled) keep(identity string, asOf time.Time, parts map[string]string, asked map[string]settledMonth) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.questions == nil {
		k.questions = map[string]*settledQuestion{}
	}
	known := k.questions[identity]
	if known == nil {
		known = &settledQuestion{months: map[string]settledMonth{}}
	}
	k.turn++
	known.used = k.turn
	for month, m := range asked {
		known.cells -= len(known.months[month].cells)
		delete(known.months, month)
		if month >= asOf.UTC().Format("200601") || slices.ContainsFunc(m.cells, func(c cell) bool { return c.later }) {
			continue
		}
		m.parts = parts[month]
		known.months[month] = m
		known.cells += len(m.cells)
	}
	k.questions[identity] = known
	if known.cells > settledCells {
		delete(k.questions, identity)
	}
	for len(k.questions) > settledQuestions {
		k.forget()
	}
}

// forget drops the question that was asked longest ago.
func (k *settled) forget() {
	oldest := ""
	for identity, q := range k.questions {
		if oldest == "" || q.used < k.questions[oldest].used {
			oldest = identity
		}
	}
	delete(k.questions, oldest)
}

// holders gives, for the report of assignments as of now, what is held by whom: the tickets of the report `tickets` that have an assignee.
func (s *server) holders(ctx context.Context, q *question, groupBy []dimension, p params) ([]cell, []*float64, error) {
	tickets, err := findMetric("tickets")
	if err != nil {
		return nil, nil, err
	}
	held := *q
	held.metric = tickets
	held.conditions += "AND assignee_id != 0 "
	p = maps.Clone(p)
	p.int("from", 0)
	p.time("to", schemas.NextDay(q.asOf, q.loc))
	p.times("bounds", []time.Time{time.Unix(0, 0)})
	return s.cellsByMonth(ctx, &held, groupBy, p)
}

// assignments gives what was assigned, and without an interval what is held as of now, which is asked by itself at the same time.
func (s *server) assignments(ctx context.Context, q *question, groupBy []dimension) ([]cell, []*float64, error) {
	var cells, held []cell
	var total, all []*float64
	both, asking := errgroup.WithContext(ctx)
	both.Go(func() (err error) {
		made := *q
		made.made = true
		cells, total, err = s.cells(asking, &made, made.statementText(groupBy)+"\nWITH TOTALS", q.p)
		return err
	})
	if q.interval == intervalNone {
		both.Go(func() (err error) {
			held, all, err = s.holders(asking, q, groupBy, q.p)
			return err
		})
	}
	err := both.Wait()
	if err == nil && q.interval == intervalNone {
		cells, total = addHeld(q, uint32(unix32(q.bounds[0])), cells, total, held, all)
	}
	return cells, total, err
}

// addHeld puts what is held into the cells of assignments, which all are of the one bucket.
func addHeld(q *question, bucket uint32, cells []cell, total []*float64, held []cell, all []*float64) ([]cell, []*float64) {
	at := map[string]int{}
	for i := range cells {
		at[strings.Join(cells[i].keys, "\x00")] = i
		setHeld(q, cells[i].values, nil)
	}
	for _, h := range held {
		if *h.values[0] == 0 { // only tickets that do not count
			continue
		}
		id := strings.Join(h.keys, "\x00")
		i, ok := at[id]
		if !ok {
			i = len(cells)
			cells = append(cells, cell{bucket: bucket, keys: h.keys, values: zeros(len(q.values))})
		}
		setHeld(q, cells[i].values, h.values)
	}
	if total == nil && len(cells) > 0 {
		total = zeros(len(q.values))
	}
	if total != nil {
		setHeld(q, total, all)
	}
	return cells, total
}

// setHeld takes tickets and unsolved of the report `tickets`, its first two figures; nil is nothing.
func setHeld(q *question, values, held []*float64) {
	for i, name := range []string{"assigned_now", "assigned_unsolved_now"} {
		at := slices.IndexFunc(q.values, func(v value) bool { return v.name == name })
		values[at] = new(float64)
		if held != nil {
			*values[at] = *held[i]
		}
	}
}
