package processors

import "deskstream/schemas"

// keepAway judges by the settings so far, where those that come next say otherwise, which activities happened while their source was disconnected:
// activities go out when all of the batch is taken, and what counts is what was known when an event told them.
func (r *run) keepAway(a *accountWork, next *schemas.Settings) {
	for _, w := range r.tickets {
		if w.account == a {
			w.t.activities = withAway(w.t.activities, r.predictedActivities(w), a.sources.of(w.source), next)
		}
	}
	for _, w := range r.users {
		if w.account == a && !w.erased && !a.erased.has(w.id) {
			set := r.contactCarrier(w).set
			w.u.activities = withAway(w.u.activities, r.contactActivities(a, w.u), set, next)
		}
	}
}

// withAway adds activities of which two settings of one source say otherwise to those emitted, as ones that were withdrawn: such a one stays what it
// was when it goes out again.
func withAway(sent []sentActivity, acts []activity, set settings, next *schemas.Settings) []sentActivity {
	if set.ID != next.ID {
		return sent
	}
	for i := range acts {
		x := &acts[i]
		away := set.Paused(unix(x.at))
		if away != next.Paused(unix(x.at)) && findActivity(sent, x, 0) < 0 {
			sent = append(sent, sentActivity{slug: x.slug, at: x.at, what: x.what, user: x.user, via: x.via, gone: true, away: away})
		}
	}
	return sent
}
