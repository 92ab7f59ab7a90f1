package processors

import (
	"deskstream/schemas"
)

// sentMerge is the merge of a user's person into another's as it was emitted.
type sentMerge struct {
	head, via int64 // head 0 = none
	reason    byte
	at        int64 // when it was noticed
	ended     bool
}

// mergeReasons number the reasons in state: append only.
var mergeReasons = [...]string{schemas.MergedByZendesk, schemas.MergedByHand, schemas.IdentifierExternalID, schemas.IdentifierEmail, schemas.IdentifierPhone}

func reasonByte(reason string) byte {
	for i, r := range mergeReasons {
		if r == reason {
			return byte(i)
		}
	}
	return 0
}

// logMerges keeps the log of merges in line with who is the same person now.
func (r *run) logMerges(a *accountWork, p *schemas.Party, now int64) {
	r.endMerge(a, p.Members[0], p.Members, now)
	for _, l := range p.Links {
		w := r.userOf(a, l.User)
		u := w.u
		want := sentMerge{head: p.Members[0], via: l.Via, reason: reasonByte(l.Reason), at: u.merge.at}
		if want == u.merge {
			continue
		}
		if u.merge.head != want.head {
			r.endMerge(a, l.User, p.Members, now)
		}
		if u.merge.head != want.head || u.merge.ended {
			want.at = now
		}
		u.merge = want
		w.touch()
		r.emitMerge(a, u, nil)
	}
}

// endMerge closes the log entry of a user who is no longer part of what it was merged into. An entry whose survivor was absorbed itself,
// or led by the user now, is replaced by others and goes.
func (r *run) endMerge(a *accountWork, id int64, members []int64, now int64) {
	w := r.userOf(a, id)
	u := w.u
	if u.merge.head == 0 || u.merge.ended {
		return
	}
	w.touch()
	if contains(members, u.merge.head) {
		r.emitMerge(a, u, func(row *schemas.PersonMerge) { row.IsDeleted = 1 })
		u.merge = sentMerge{}
		return
	}
	u.merge.ended = true
	r.emitMerge(a, u, func(row *schemas.PersonMerge) {
		at := unix(now)
		row.EndedAt, row.Undone = &at, flag(u.apartFrom([]int64{u.merge.head, u.merge.via}))
	})
}

// dropMerge takes the log entry of a user who is no person any more away.
func (r *run) dropMerge(w *userWork) {
	u := w.u
	if u.merge.head == 0 {
		return
	}
	r.emitMerge(w.account, u, func(row *schemas.PersonMerge) { row.IsDeleted = 1 })
	u.merge = sentMerge{}
	w.touch()
}

func (r *run) emitMerge(a *accountWork, u *user, change func(*schemas.PersonMerge)) {
	m := &u.merge
	row := schemas.PersonMerge{
		Account: a.name, MergeID: schemas.MergeID(a.name, u.id, m.head), UserID: u.id, AbsorbedID: schemas.OwnPersonID(a.name, schemas.ZID(u.id)),
		SurvivorID: schemas.OwnPersonID(a.name, schemas.ZID(m.head)), ViaUserID: m.via, Reason: mergeReasons[m.reason], At: unix(m.at),
	}
	if change != nil {
		change(&row)
	}
	r.emitLast(schemas.TablePersonMerges, row.MergeID, appendMerge(r.room(360), &row))
}

func (m *sentMerge) encode(w *writer) {
	w.int(m.head)
	if m.head == 0 {
		return
	}
	w.int(m.via)
	w.byte(m.reason)
	w.int(m.at)
	w.bool(m.ended)
}

func (m *sentMerge) decode(r *reader) {
	if m.head = r.int(); m.head == 0 {
		return
	}
	m.via, m.reason, m.at, m.ended = r.int(), r.byte(), r.int(), r.bool()
	if int(m.reason) >= len(mergeReasons) {
		r.fail()
	}
}

// publicState is what of a user others are found by.
type publicState struct {
	identities []hashedIdentity
	listed     bool // in the audience: the identities are in their table
	created    int64
}

func (u *user) publicState() publicState {
	if u.id == 0 {
		return publicState{}
	}
	return publicState{identities: u.identities(), listed: u.person(), created: u.now().created}
}

// emitIdentities keeps the table of identities in line with what the user carries.
func (r *run) emitIdentities(w *userWork) {
	var now []hashedIdentity
	if w.u.person() {
		now = w.carries()
	}
	before, created := w.before.published(), w.u.now().created
	for n := range before {
		if find(now, &before[n]) == nil {
			r.emitIdentity(w, &before[n].Identity, created, 1)
		}
	}
	for n := range now {
		if old := find(before, &now[n]); w.before.created != created || old == nil || old.Strong != now[n].Strong {
			r.emitIdentity(w, &now[n].Identity, created, 0)
		}
	}
}

func (s *publicState) published() []hashedIdentity {
	if !s.listed {
		return nil
	}
	return s.identities
}

func (r *run) emitIdentity(w *userWork, i *schemas.Identity, created int64, deleted uint8) {
	r.emit(schemas.TablePersonIdentities, appendIdentity(r.room(200+len(i.Value)), &schemas.PersonIdentity{
		Account: w.account.name, Kind: i.Kind, Value: i.Value, UserID: w.id, Strong: flag(i.Strong), CreatedAt: unix(created), IsDeleted: deleted,
	}))
}
