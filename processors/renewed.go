package processors

import (
	"slices"
	"time"

	"deskstream/schemas"
)

// provisionalFor is how far the time of an activity that a webhook told may be from the one that Zendesk's history gives it.
const provisionalFor = int64(5 * time.Minute / time.Second)

// renewed says whether an activity is one that fired under another id before: what a webhook told was withdrawn when Zendesk's history told
// the same with another time.
func (r *run) renewed(a *accountWork, x *schemas.Activity, fired []uint64) bool {
	if x.TicketID == 0 {
		return false
	}
	w, again := r.ticket(a, x.TicketID), false
	list := r.alike(w, x)
	r.keepFired(w, x, list)
	for i := range list {
		if slices.Contains(fired, hashText(w.idOf(&list[i]))) {
			if !list[i].gone {
				return false // it has taken the place
			}
			again = true
		}
	}
	return again
}

// idOf gives the id of an activity of the ticket.
func (w *ticketWork) idOf(s *sentActivity) string {
	return schemas.ActivityID(w.account.name, schemas.ZID(w.id), s.slug.String(), s.at, s.what)
}

// alike gives the activities of a ticket that are of a kind and of about one time, gone if they do not follow from what is known by now.
func (r *run) alike(w *ticketWork, x *schemas.Activity) (list []sentActivity) {
	near := func(kind slug, at int64) bool {
		apart := at - x.OccurredAt.Unix()
		return kind.String() == x.Activity && max(apart, -apart) <= provisionalFor
	}
	for _, s := range w.t.activities {
		if near(s.slug, s.at) {
			s.gone = s.gone || w.dirty
			list = append(list, s)
		}
	}
	for _, n := range r.foretold(w) {
		if !near(n.slug, n.at) {
			continue
		}
		i := findActivity(list, &n, 0)
		if i < 0 {
			i, list = len(list), append(list, sentActivity{slug: n.slug, at: n.at, what: n.what, user: n.user})
		}
		list[i].gone = false
	}
	return list
}

// foretold gives the activities of a ticket of which the batch told news, as they follow by now. They go out when all of it is taken.
func (r *run) foretold(w *ticketWork) []activity {
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

// keepFired keeps an activity that fired as one that was told and withdrawn, unless it is known: if the batch that told it took it back too,
// nothing else would say that it was the same as another one.
func (r *run) keepFired(w *ticketWork, x *schemas.Activity, alike []sentActivity) {
	i := slices.Index(slugNames[:], x.Activity)
	if i < 0 || w.t.source == "" {
		return
	}
	at := x.OccurredAt.Unix()
	told := sentActivity{
		slug: slug(i), at: at, via: viaOf(x.Via == viaNames[viaWebhook]), gone: true, away: w.account.sources.of(w.t.source).Paused(unix(at)),
	}
	for i := range alike {
		if w.idOf(&told) != x.ActivityID {
			told.what, told.user = alike[i].what, alike[i].user
		}
	}
	if w.idOf(&told) != x.ActivityID || findActivity(w.t.activities, &activity{slug: told.slug, at: at, what: told.what}, 0) >= 0 {
		return
	}
	w.t.activities = append(w.t.activities, told)
	w.touch()
}
