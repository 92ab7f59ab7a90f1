package zendesktest

import (
	"cmp"
	"slices"
	"time"
)

// replyClock is the running reply_time instance of a ticket.
type replyClock struct {
	instance int64
	running  bool
	started  time.Time
	due      time.Time
	breach   *MetricEvent
}

// replyStarted starts the first reply clock of a ticket a customer wrote. A ticket written by an agent starts its clock
// with the customer's first answer.
func (a *Account) replyStarted(at time.Time, r *record, author *User, public bool) {
	if author != nil && !author.Staff() && public {
		a.activate(at, r)
	}
}

// commented stops the clock on a public reply of the staff and starts it on a public message of a customer.
func (a *Account) commented(at time.Time, r *record, author *User, public bool) {
	if author == nil || !public {
		return
	}
	if author.Staff() {
		a.fulfil(at, r)
		return
	}
	if !r.reply.running {
		a.activate(at, r)
	}
}

func (a *Account) activate(at time.Time, r *record) {
	r.reply = replyClock{instance: r.reply.instance + 1, running: true, started: at}
	a.running[r.ID] = r
	a.metric(at, at, r, "activate")
	a.applySLA(at, r)
}

func (a *Account) applySLA(at time.Time, r *record) {
	r.reply.due = time.Time{}
	if r.Priority == nil || a.sla[*r.Priority] == 0 {
		return
	}
	minutes := a.sla[*r.Priority]
	e := a.metric(at, at, r, "apply_sla")
	e.SLA = &SLA{Target: minutes, TargetInSeconds: minutes * 60, Policy: SLAPolicy{ID: 25, Title: "Default"}}
	r.reply.due = r.reply.started.Add(time.Duration(minutes) * time.Minute)
}

func (a *Account) fulfil(at time.Time, r *record) {
	if !r.reply.running {
		return
	}
	a.breach(at)
	a.metric(at, at, r, "fulfill")
	r.reply = replyClock{instance: r.reply.instance}
	delete(a.running, r.ID)
}

// reapplySLA gives the running clock the target of the new priority. A breach of the old target is withdrawn when the
// new one is not yet due.
func (a *Account) reapplySLA(at time.Time, r *record) {
	if !r.reply.running {
		return
	}
	a.applySLA(at, r)
	if b := r.reply.breach; b != nil && at.Before(r.reply.due) {
		b.Deleted, b.changed = ptr(true), at.Unix()
		r.reply.breach = nil
	}
}

// breach writes the breach of every clock that ran out before now. Zendesk writes them by itself, so every reader and
// every change asks for it first.
func (a *Account) breach(now time.Time) {
	if len(a.sla) == 0 {
		return
	}
	var late []*record
	for _, r := range a.running {
		c := r.reply
		if c.breach == nil && !c.due.IsZero() && c.due.Before(now) && r.Status != "deleted" {
			late = append(late, r)
		}
	}
	slices.SortFunc(late, func(x, y *record) int {
		return cmp.Or(x.reply.due.Compare(y.reply.due), cmp.Compare(x.ID, y.ID))
	})
	for _, r := range late {
		e := a.metric(r.reply.due, now, r, "breach")
		e.Deleted = ptr(false)
		r.reply.breach = e
	}
}

func (a *Account) metric(at, now time.Time, r *record, kind string) *MetricEvent {
	e := &MetricEvent{
		ID: a.nextID(), TicketID: r.ID, Metric: "reply_time", InstanceID: r.reply.instance, Type: kind, Time: at,
		changed: now.Unix(),
	}
	if n := len(a.metrics); n > 0 && at.Before(a.metrics[n-1].Time) {
		a.metricsSorted = false
	}
	a.metrics = append(a.metrics, e)
	return e
}

// sortedMetrics returns copies of the metric events by time, or by change for include_changes.
func (a *Account) sortedMetrics(byChange bool) []MetricEvent {
	if !a.metricsSorted {
		slices.SortFunc(a.metrics, func(x, y *MetricEvent) int {
			return cmp.Or(x.Time.Compare(y.Time), cmp.Compare(x.ID, y.ID))
		})
		a.metricsSorted = true
	}
	out := make([]MetricEvent, 0, len(a.metrics))
	for _, e := range a.metrics {
		out = append(out, *e)
	}
	if byChange {
		slices.SortFunc(out, func(x, y MetricEvent) int {
			return cmp.Or(cmp.Compare(x.changed, y.changed), cmp.Compare(x.ID, y.ID))
		})
	}
	return out
}
