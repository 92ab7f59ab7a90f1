package processors

import (
	"cmp"
	"slices"

	"deskstream/schemas"
)

// orgMembership is a user's membership in an organization.
type orgMembership struct{ user, org int64 }

func compareOrgMemberships(x, y orgMembership) int {
	return cmp.Or(cmp.Compare(x.user, y.user), cmp.Compare(x.org, y.org))
}

// membershipSnapshot holds the memberships of one part of the users, as a reading of the whole list showed them.
type membershipSnapshot struct {
	at    int64           // Unix seconds; what happened later is not in it for certain
	pairs []orgMembership // in order, each once
}

func (l *membershipSnapshot) empty() bool { return l.at == 0 && len(l.pairs) == 0 }

func (l *membershipSnapshot) has(p orgMembership) bool {
	_, found := slices.BinarySearchFunc(l.pairs, p, compareOrgMemberships)
	return found
}

func (l *membershipSnapshot) add(p orgMembership) {
	if i, found := slices.BinarySearchFunc(l.pairs, p, compareOrgMemberships); !found {
		l.pairs = slices.Insert(l.pairs, i, p)
	}
}

// without gives those that are not in another snapshot.
func (l *membershipSnapshot) without(o *membershipSnapshot) []orgMembership {
	var out []orgMembership
	for _, p := range l.pairs {
		if !o.has(p) {
			out = append(out, p)
		}
	}
	return out
}

func (l *membershipSnapshot) encode(w *writer) {
	w.int(l.at)
	last := int64(0)
	list(w, l.pairs, func(w *writer, p *orgMembership) {
		w.int(p.user - last)
		w.int(p.org)
		last = p.user
	})
}

func (l *membershipSnapshot) decode(r *reader) {
	l.at = r.int()
	last := int64(0)
	l.pairs = readList(r, func(r *reader, p *orgMembership) {
		last += r.int()
		p.user, p.org = last, r.int()
	})
}

func (it *item) loadMembershipSnapshot() {
	it.loaded = true
	var z schemas.MemberRoll
	if !it.unmarshal(it.ev.Data, &z) || !it.sound(z.At, "at") {
		return
	}
	if z.Part < 0 || z.Part >= schemas.MemberParts {
		it.die("invalid", "the roll is of no part that there is")
		return
	}
	l := &membershipSnapshot{at: z.At.Unix(), pairs: make([]orgMembership, 0, len(z.Members))}
	for _, m := range z.Members {
		if m[0] <= 0 || m[1] <= 0 || schemas.MemberPart(m[0]) != z.Part {
			it.die("invalid", "the roll names no user of its part, or no organization")
			return
		}
		l.pairs = append(l.pairs, orgMembership{int64(m[0]), int64(m[1])})
	}
	slices.SortFunc(l.pairs, compareOrgMemberships)
	l.pairs = slices.Compact(l.pairs)
	it.snapshot, it.id, it.domain = l, int64(z.Part), domainMembershipSnapshot
}

// membershipSnapshots asks for the users whose memberships the snapshots of a batch end or bring back.
func (k *keyCollector) membershipSnapshots(b *batch) {
	latest := map[string]*membershipSnapshot{}
	for _, it := range b.items {
		if it.domain != domainMembershipSnapshot {
			continue
		}
		prefix := k.enter(it.ev.Account)
		key := snapshotKey(prefix, it.id)
		before := latest[key]
		if before == nil {
			before, _ = look[membershipSnapshot](k, key)
		}
		joined, _ := look[membershipSnapshot](k, joinedKey(prefix, it.id))
		w := k.walk(b, prefix, 0)
		for _, p := range snapshotChanges(before, joined, it.snapshot) {
			if u := w.other(p.user); u != nil {
				w.k.need(counterKey(prefix, u.source(), it.snapshot.at))
			}
		}
		latest[key] = it.snapshot
	}
}

// snapshotChanges lists what a snapshot does not have of what was there before, and what it has anew. The first snapshot has nothing anew.
func snapshotChanges(before, joined, now *membershipSnapshot) []orgMembership {
	var out []orgMembership
	if joined != nil {
		out = joined.without(now)
	}
	if before != nil && before.at != 0 {
		out = slices.Concat(out, before.without(now), now.without(before))
	}
	return out
}

// noteJoined keeps a membership that a webhook told for the next snapshot.
func (r *run) noteJoined(a *accountWork, user, org int64) {
	key := joinedKey(a.prefix, int64(schemas.MemberPart(schemas.ZID(user))))
	open[membershipSnapshot](r, key).add(orgMembership{user, org})
	r.touch(key)
}

// takeMembershipSnapshot ends the memberships that a whole reading of the list did not show any more, and brings back those that ended wrongly. What is
// known of a later time holds.
func (r *run) takeMembershipSnapshot(a *accountWork, it *item) {
	key, joinedKey := snapshotKey(a.prefix, it.id), joinedKey(a.prefix, it.id)
	have, joined, now := open[membershipSnapshot](r, key), open[membershipSnapshot](r, joinedKey), it.snapshot
	if now.at <= have.at {
		r.result.Duplicates++
		return
	}
	next := membershipSnapshot{at: now.at, pairs: slices.Clone(now.pairs)}
	for _, p := range snapshotChanges(have, joined, now) {
		if a.erased.has(p.user) {
			continue
		}
		if !r.settleMember(a, it, p, !now.has(p)) {
			next.add(p)
		}
	}
	*have, *joined = next, membershipSnapshot{}
	r.touch(key)
	r.touch(joinedKey)
}

// settleMember ends a membership or brings it back. It is false for one that goes on by what is known of a later time.
func (r *run) settleMember(a *accountWork, it *item, p orgMembership, gone bool) bool {
	u := r.userOf(a, p.user).u
	i := u.findMember(p.org)
	if i >= len(u.members) || u.members[i].org != p.org || u.members[i].gone == gone {
		return true
	}
	if u.members[i].at >= it.snapshot.at {
		return !gone
	}
	w := r.user(a, p.user)
	w.see(it)
	w.u.addMember(member{org: p.org, at: it.snapshot.at, gone: gone})
	w.touch()
	return true
}
