package processors

import (
	"slices"
	"time"

	"deskstream/schemas"
)

// provisionalFor is how far the time of an activity that a webhook told may be from the one that Zendesk's history gives it.
const provisionalFor = int64(5 * time.Minute / time.Second)

// maxFired is how many activities that fired a ticket keeps the ids of beside those it was told.
const maxFired = 64

// firedActivity is one that fired and is not among those that went out. Its id says what it was, and cannot be taken apart.
type firedActivity struct {
	slug slug
	at   int64
	id   uint64 // hash
	via  byte
}

// likeness is an activity of a ticket as far as what fired is the same.
type likeness struct {
	id   uint64 // hash
	gone bool   // it does not follow from what is known by now
}

// renewed says whether an activity is one that fired under another id before: what a webhook told was withdrawn when Zendesk's history told
// the same with another time.
func (r *run) renewed(a *accountWork, x *schemas.Activity, fired []uint64) bool {
	if x.TicketID == 0 {
		return false
	}
	w, again := r.ticket(a, x.TicketID), false
	list := r.alike(w, x)
	w.keepFired(x)
	for _, other := range list {
		if slices.Contains(fired, other.id) {
			if !other.gone {
				return false // it has taken the place
			}
			again = true
		}
	}
	return again
}

// idOf gives the id of an activity of the ticket.
func (w *ticketWork) idOf(kind slug, at int64, what string) uint64 {
	return hashText(schemas.ActivityID(w.account.name, schemas.ZID(w.id), kind.String(), at, what))
}

// alike gives the activities of a ticket that are of a kind and of about one time.
func (r *run) alike(w *ticketWork, x *schemas.Activity) (list []likeness) {
	near := func(kind slug, at int64) bool {
		apart := at - x.OccurredAt.Unix()
		return kind.String() == x.Activity && max(apart, -apart) <= provisionalFor
	}
	for _, n := range r.predictedActivities(w) {
		if near(n.slug, n.at) {
			list = append(list, likeness{id: w.idOf(n.slug, n.at, n.what)})
		}
	}
	add := func(id uint64, gone bool) {
		if !slices.ContainsFunc(list, func(l likeness) bool { return l.id == id }) {
			list = append(list, likeness{id, gone})
		}
	}
	for _, s := range w.t.activities {
		if near(s.slug, s.at) {
			add(w.idOf(s.slug, s.at, s.what), s.gone || w.dirty)
		}
	}
	for _, f := range w.t.fired {
		if near(f.slug, f.at) {
			add(f.id, true)
		}
	}
	return list
}

// predictedActivities gives the activities of a ticket of which the batch told news, as they follow by now. They go out when all of it is taken.
func (r *run) predictedActivities(w *ticketWork) []activity {
	if !w.dirty {
		return nil
	}
	s := r.subject(w.account, w.id, w.t)
	if s == nil {
		return nil
	}
	defer clear(w.account.authors) // of whom the batch may tell more
	return s.activities(s.messages())
}

// keepFired keeps the id of an activity that fired, unless it went out: if the batch that told it took it back too, nothing else would say that it was the
// same as another one.
func (w *ticketWork) keepFired(x *schemas.Activity) {
	i := slices.Index(slugNames[:], x.Activity)
	if i < 0 || w.t.source == "" {
		return
	}
	f := firedActivity{slug(i), x.OccurredAt.Unix(), hashText(x.ActivityID), viaOf(x.Via == viaNames[viaWebhook])}
	if slices.Contains(w.t.fired, f) || w.wentOut(f) {
		return
	}
	w.t.fired = append(w.t.fired, f)
	w.t.fired = w.t.fired[max(0, len(w.t.fired)-maxFired):]
	w.touch()
}

// tellFired says of activities that go out how they were first learned, where one fired before.
func (w *ticketWork) tellFired(acts []activity) {
	for _, f := range w.t.fired {
		for i := range acts {
			if x := &acts[i]; x.slug == f.slug && x.at == f.at && w.idOf(x.slug, x.at, x.what) == f.id {
				x.via = f.via
			}
		}
	}
}

// dropFired forgets the ids of what went out since.
func (w *ticketWork) dropFired() { w.t.fired = slices.DeleteFunc(w.t.fired, w.wentOut) }

func (w *ticketWork) wentOut(f firedActivity) bool {
	return slices.ContainsFunc(w.t.activities, func(s sentActivity) bool {
		return s.slug == f.slug && s.at == f.at && w.idOf(s.slug, s.at, s.what) == f.id
	})
}
