package processors

import (
	"sort"

	"deskstream/schemas"
)

// metricEvent is a Zendesk ticket metric event with what orders two forms of it.
type metricEvent struct {
	row  schemas.MetricEventRow
	hash uint64
}

// metricLog remembers the metric events of a ticket that were emitted, by id.
type metricLog struct{ seen []seenMetric }

type seenMetric struct {
	id        int64
	hash      uint64
	withdrawn bool
}

func (it *item) loadMetricEvent() {
	var z schemas.ZMetricEvent
	if !it.unmarshal(it.ev.Data, &z) || !it.sound(z.Time, "time") {
		return
	}
	it.decodedID, it.decodedSub = int64(z.TicketID), int64(z.ID)
	it.metric = &metricEvent{hash: it.hash, row: schemas.MetricEventRow{
		Account: it.ev.Account, EventID: int64(z.ID), TicketID: int64(z.TicketID), Metric: z.Metric, InstanceID: int64(z.InstanceID),
		Type: z.Type, At: unix(z.Time.Unix()), Withdrawn: flag(z.Deleted),
	}}
	if z.SLA != nil {
		row := &it.metric.row
		row.TargetS, row.Business = z.SLA.TargetSeconds, flag(z.SLA.BusinessHours)
		row.PolicyID, row.Policy = int64(z.SLA.Policy.ID), cut(z.SLA.Policy.Title, maxSubject)
	}
}

// takeMetric adds an event to the set that attainment of targets follows from, in whatever order they come. An event once withdrawn stays so: the
// two forms have the same id and no date that orders them, and Zendesk withdraws but does not reinstate.
func (r *run) takeMetric(a *accountWork, it *item) {
	key := metricKey(a.prefix, it.id)
	log := open[metricLog](r, key)
	i := sort.Search(len(log.seen), func(i int) bool { return log.seen[i].id >= it.sub })
	known := i < len(log.seen) && log.seen[i].id == it.sub
	if known && log.seen[i].hash == it.hash {
		r.result.Duplicates++
		return
	}
	if it.load(); it.domain == domainDead {
		r.dead(it)
		return
	}
	withdrawn := it.metric.row.Withdrawn == 1
	if known {
		if s := &log.seen[i]; s.withdrawn && !withdrawn || s.withdrawn == withdrawn && s.hash > it.hash {
			r.result.Duplicates++
			return
		}
	} else {
		log.seen = append(log.seen, seenMetric{})
		copy(log.seen[i+1:], log.seen[i:])
	}
	log.seen[i] = seenMetric{it.sub, it.hash, withdrawn}
	r.touch(key)
	r.emitLast(schemas.TableMetricEvents, key+"."+decimal(it.sub), appendMetricEvent(r.room(320), &it.metric.row))
}

func (l *metricLog) empty() bool { return len(l.seen) == 0 }

func (l *metricLog) encode(w *writer) {
	list(w, l.seen, func(w *writer, s *seenMetric) { w.int(s.id); w.hash(s.hash); w.bool(s.withdrawn) })
}

func (l *metricLog) decode(r *reader) {
	l.seen = readList(r, func(r *reader, s *seenMetric) { s.id, s.hash, s.withdrawn = r.int(), r.hash(), r.bool() })
}
