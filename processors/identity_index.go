package processors

import (
	"slices"

	"deskstream/schemas"
)

// identityRow lists the users that carry one value of an identifier.
type identityRow struct {
	kind, value string
	number      byte // of the kind
	stored      bool // it was there before
	users       []int64
	sent        int64   // user whose person the alias was emitted for, 0 = none
	bucket      *slot   // of the state row that holds it, once it was opened
	name        emitted // the alias in this batch
	claimed     bool    // it is among the claims of this batch
	round       int     // of the component it was reached in last
}

func (i *identityRow) empty() bool { return len(i.users) == 0 && i.sent == 0 }

func (i *identityRow) encode(w *writer) {
	w.ints(i.users)
	w.int(i.sent)
}

func (i *identityRow) decode(r *reader) { i.users, i.sent = r.ints(), r.int() }

// hashedIdentity is an identity with the hash that leads to who carries it.
type hashedIdentity struct {
	schemas.Identity
	hash uint64
	row  *identityRow // once a run opened it
}

func newHashedIdentity(i schemas.Identity) hashedIdentity {
	return hashedIdentity{Identity: i, hash: identityHash(i)}
}

// carries gives what a user carries. It is for when an event is taken: what is known of users does not change then until the next one.
func (w *userWork) carries() []hashedIdentity {
	if !w.counted {
		w.carried, w.counted = w.u.identities(), true
	}
	return w.carried
}

// index moves the user from the identities it had to those it has.
func (r *run) index(w *userWork) {
	now := w.carries()
	for n := range w.was {
		i := &w.was[n]
		if find(now, i) == nil {
			row := r.identity(w.account, i)
			row.users = removed(row.users, w.id)
			r.change(w.account, row)
		}
	}
	for n := range now {
		row := r.identity(w.account, &now[n])
		at, known := slices.BinarySearch(row.users, w.id)
		if known {
			continue
		}
		row.users = slices.Insert(row.users, at, w.id)
		r.change(w.account, row)
	}
}

// find gives the same identity in a list, nil when it is not there.
func find(list []hashedIdentity, i *hashedIdentity) *hashedIdentity {
	for n := range list {
		if x := &list[n]; x.hash == i.hash && x.Kind == i.Kind && x.Value == i.Value {
			return x
		}
	}
	return nil
}

func removed(list []int64, v int64) []int64 {
	for i, x := range list {
		if x == v {
			return append(list[:i], list[i+1:]...)
		}
	}
	return list
}
