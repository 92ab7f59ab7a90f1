package processors

import (
	"cmp"
	"slices"

	"deskstream/schemas"
)

// pairing is a user's membership in an organization.
type pairing struct{ user, org int64 }

func comparePairings(x, y pairing) int {
	return cmp.Or(cmp.Compare(x.user, y.user), cmp.Compare(x.org, y.org))
}

// roll are the memberships of one part of the users, as a reading of the whole list showed them.
type roll struct {
	at    int64     // Unix seconds; what happened later is not in it for certain
	pairs []pairing // in order, each once
}

func (l *roll) empty() bool { return l.at == 0 && len(l.pairs) == 0 }

func (l *roll) has(p pairing) bool {
	_, found := slices.BinarySearchFunc(l.pairs, p, comparePairings)
	return found
}

func (l *roll) add(p pairing) {
	if i, found := slices.BinarySearchFunc(l.pairs, p, comparePairings); !found {
		l.pairs = slices.Insert(l.pairs, i, p)
	}
}

// without gives those that are not in another roll.
func (l *roll) without(o *roll) []pairing {
	var out []pairing
	for _, p := range l.pairs {
		if !o.has(p) {
			out = append(out, p)
		}
	}
	return out
}

func (l *roll) encode(w *writer) {
	w.int(l.at)
	last := int64(0)
	list(w, l.pairs, func(w *writer, p *pairing) {
		w.int(p.user - last)
		w.int(p.org)
		last = p.user
	})
}

func (l *roll) decode(r *reader) {
	l.at = r.int()
	last := int64(0)
	l.pairs = readList(r, func(r *reader, p *pairing) {
		last += r.int()
		p.user, p.org = last, r.int()
	})
}

func (it *item) loadRoll() {
	it.loaded = true
	var z schemas.MemberRoll
	if !it.unmarshal(it.ev.Data, &z) || !it.sound(z.At, "at") {
		return
	}
	if z.Part < 0 || z.Part >= schemas.MemberParts {
		it.die("invalid", "the roll is of no part that there is")
		return
	}
	l := &roll{at: z.At.Unix(), pairs: make([]pairing, 0, len(z.Members))}
	for _, m := range z.Members {
		if m[0] <= 0 || m[1] <= 0 || schemas.MemberPart(m[0]) != z.Part {
			it.die("invalid", "the roll names no user of its part, or no organization")
			return
		}
		l.pairs = append(l.pairs, pairing{int64(m[0]), int64(m[1])})
	}
	slices.SortFunc(l.pairs, comparePairings)
	l.pairs = slices.Compact(l.pairs)
	it.roll, it.id, it.domain = l, int64(z.Part), domainRoll
}

// rolls asks for the users whose memberships the rolls of a batch end or bring back.
func (k *keyer) rolls(b *batch) {
	latest := map[string]*roll{}
	for _, it := range b.items {
		if it.domain != domainRoll {
			continue
		}
		prefix := k.enter(it.ev.Account)
		key := rollKey(prefix, it.id)
		before := latest[key]
		if before == nil {
			before, _ = look[roll](k, key)
		}
		joined, _ := look[roll](k, joinedKey(prefix, it.id))
		w := k.walk(b, prefix, 0)
		for _, p := range changes(before, joined, it.roll) {
			if u := w.other(p.user); u != nil {
				w.k.need(counterKey(prefix, u.source(), it.roll.at))
			}
		}
		latest[key] = it.roll
	}
}

// changes lists what a roll does not have of what was there before, and what it has anew. The first roll has nothing anew.
func changes(before, joined, now *roll) []pairing {
	var out []pairing
	if joined != nil {
		out = joined.without(now)
	}
	if before != nil && before.at != 0 {
		out = slices.Concat(out, before.without(now), now.without(before))
	}
	return out
}

// noteJoined keeps a membership that a webhook told for the next roll.
func (r *run) noteJoined(a *accountWork, user, org int64) {
	key := joinedKey(a.prefix, int64(schemas.MemberPart(schemas.ZID(user))))
	open[roll](r, key).add(pairing{user, org})
	r.touch(key)
}

// takeRoll ends the memberships that a whole reading of the list did not show any more, and brings back those that ended wrongly. What is
// known of a later time holds.
func (r *run) takeRoll(a *accountWork, it *item) {
	key, joinedKey := rollKey(a.prefix, it.id), joinedKey(a.prefix, it.id)
	have, joined, now := open[roll](r, key), open[roll](r, joinedKey), it.roll
	if now.at <= have.at {
		r.result.Duplicates++
		return
	}
	next := roll{at: now.at, pairs: slices.Clone(now.pairs)}
	for _, p := range changes(have, joined, now) {
		if a.erased.has(p.user) {
			continue
		}
		if !r.settleMember(a, it, p, !now.has(p)) {
			next.add(p)
		}
	}
	*have, *joined = next, roll{}
	r.touch(key)
	r.touch(joinedKey)
}

// settleMember ends a membership or brings it back. It is false for one that goes on by what is known of a later time.
func (r *run) settleMember(a *accountWork, it *item, p pairing, gone bool) bool {
	u := r.userOf(a, p.user).u
	i := u.findMember(p.org)
	if i >= len(u.members) || u.members[i].org != p.org || u.members[i].gone == gone {
		return true
	}
	if u.members[i].at >= it.roll.at {
		return !gone
	}
	w := r.user(a, p.user)
	w.see(it)
	w.u.addMember(member{org: p.org, at: it.roll.at, gone: gone})
	w.touch()
	return true
}
