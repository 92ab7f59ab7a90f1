package ingest

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"deskstream/ingest/zendesktest"
	"deskstream/schemas"
)

// TestMergesToldLate: Zendesk knows for a while only that an organization is gone. It is asked again until it tells, after a restart too, and
// for a day at most.
func TestMergesToldLate(t *testing.T) {
	t.Parallel()
	clock := clockwork.NewFakeClockAt(time.Now())
	d := newDesk(t, zendesktest.Options{Now: clock.Now})
	old := clock.Now().Add(-time.Hour)
	small, large, gone := d.Account.CreateOrganization(old, "Small", "").ID, d.Account.CreateOrganization(old, "Large", "").ID, d.Account.CreateOrganization(old, "Gone", "").ID
	rig := newRig(t, d, func(r *rig) { r.poller.Now, r.clients.Now = clock.Now, clock.Now })
	rig.poller.once.Do(rig.poller.defaults)
	source, err := rig.store.Source(t.Context(), testSource)
	if err != nil {
		t.Fatal(err)
	}
	run := newRunner(rig.poller, source)
	res, _ := findResource(schemas.ResourceOrganizations)
	poll := func(wait time.Duration) (asked int, winners []int64) {
		clock.Advance(wait)
		d.ForgetRequests()
		run.poll(t.Context(), res, true)
		for _, q := range d.Requests() {
			if strings.Contains(q.Path, "/merges") {
				asked++
			}
		}
		for _, e := range rig.store.of(schemas.KindOrganization) {
			var z schemas.ZOrganization
			if err := json.Unmarshal(e.Data, &z); err != nil {
				t.Fatal(err)
			}
			if z.MergedInto != 0 {
				winners = append(winners, int64(z.ID), int64(z.MergedInto))
			}
		}
		return asked, winners
	}
	poll(0)
	if err := d.Account.MergeOrganizations(clock.Now(), small, large); err != nil {
		t.Fatal(err)
	}
	if err := d.Account.DeleteOrganization(clock.Now(), gone); err != nil {
		t.Fatal(err)
	}
	d.Inject(zendesktest.Fault{Path: "/api/v2/organizations/" + schemas.ZID(small).String() + "/merges", Status: 404, Times: 3})
	for i, step := range []struct {
		wait    time.Duration
		restart bool
		asked   int
		known   bool
	}{
		{wait: 2 * time.Second, asked: 2},
		{wait: time.Second},
		{wait: 10 * time.Second, asked: 2},
		{wait: 10 * time.Second},
		{wait: time.Second, restart: true, asked: 2},
		{wait: 10 * time.Second, asked: 2, known: true},
		{wait: time.Hour, asked: 1, known: true},
		{wait: 24 * time.Hour, asked: 1, known: true},
		{wait: 2 * time.Hour, known: true},
	} {
		if step.restart {
			run = newRunner(rig.poller, source)
		}
		asked, winners := poll(step.wait)
		if asked != step.asked || (len(winners) == 2) != step.known || step.known && (winners[0] != small || winners[1] != large) {
			t.Errorf("step %d: asked %d times for merges, knows %v; want %d and %v", i, asked, winners, step.asked, step.known)
		}
	}
}
