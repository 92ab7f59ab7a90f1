package processors

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"deskstream/schemas"
)

// Person gives what is known of the person that a name leads to, as its rows in the tables have it or will have it: the rows of state that
// the tables follow are what is looked at. Names are those of schemas.PersonAlias, and "phone:" with a number in E.164. missing lists rows of
// state that it needs and state lacks; it is asked again with them. nil facts mean that nobody answers to the name. With names of others it is the person
// as it would be if these were merged into it by hand.
func (p *Processor) Person(account, name string, others []string, state schemas.State) (facts *schemas.PersonFacts, missing []string, err error) {
	l := &looker{keyCollector: keyCollector{state: state, asked: map[string]bool{}, fresh: map[string]int64{}}, account: newAccount(account)}
	l.account.fields, _ = look[personFields](&l.keyCollector, fieldsKey(l.account.prefix))
	if l.account.fields == nil {
		l.account.fields = &personFields{}
	}
	members, absorbed := l.members(l.head(name)), []int64(nil)
	known := l.users(members)
	for _, other := range others {
		more := l.members(l.head(other))
		known = l.users(more) && known
		absorbed = append(absorbed, more...)
	}
	if !known {
		return nil, l.missing, nil
	}
	r := newRun(state)
	members = r.joining(l.account, members, absorbed)
	m := r.gather(l.account, members)
	m.absorb(absorbed)
	facts = &schemas.PersonFacts{Person: *r.rowOf(l.account, m), Organizations: map[int64]string{}}
	facts.Person.OrganizationIDs = slices.DeleteFunc(facts.Person.OrganizationIDs, func(id int64) bool {
		o, _ := look[organization](&l.keyCollector, orgKey(l.account.prefix, id))
		if o == nil {
			return false
		}
		f := o.now()
		facts.Organizations[id] = f.name
		return !f.active && id != facts.Person.OrganizationID // Nobody is a member of what was deleted or absorbed, though nothing tells the end of each membership.
	})
	if len(l.missing) > 0 {
		return nil, l.missing, nil
	}
	for _, id := range members {
		r.describe(l.account, id, facts)
	}
	return facts, nil, r.err
}

// joining gives the users of a person and of those that would be merged into it, in the order in which they would be its.
func (r *run) joining(a *accountWork, members, absorbed []int64) []int64 {
	if len(absorbed) == 0 {
		return members
	}
	all := slices.Concat(members, absorbed)
	slices.SortFunc(all[1:], func(i, j int64) int {
		return cmp.Or(cmp.Compare(r.userOf(a, i).u.now().created, r.userOf(a, j).u.now().created), cmp.Compare(i, j))
	})
	return all
}

// looker follows a name to what there is about its person.
type looker struct {
	keyCollector
	account *accountWork
}

// head gives the user whose person answers to a name; 0 while that is not loaded or when there is none.
func (l *looker) head(name string) int64 {
	kind, value, ok := strings.Cut(name, ":")
	if !ok {
		id, _ := schemas.OwnUser(l.account.name, name)
		return l.headOf(int64(id))
	}
	if kind == "phone" {
		return l.caller(value)
	}
	if kind == "zendesk" {
		id, _ := strconv.ParseInt(value, 10, 64) // 0 is nobody
		if schemas.IsOwnUser(schemas.ZID(id)) {
			return 0
		}
		return l.headOf(id)
	}
	for _, identifier := range [...]string{schemas.IdentifierEmail, schemas.IdentifierExternalID} {
		if aliasOf(identifier) == kind+":" {
			if row := l.identity(identifier, value); row != nil {
				return row.sent
			}
		}
	}
	return 0
}

// caller gives the head of the oldest user with a phone number. Numbers are no aliases: most accounts do not merge by them.
func (l *looker) caller(number string) (head int64) {
	row := l.identity(schemas.IdentifierPhone, number)
	if row == nil {
		return 0
	}
	oldest := int64(0)
	for _, id := range row.users[:min(len(row.users), schemas.MaxSharers)] {
		u, _ := look[user](&l.keyCollector, userKey(l.account.prefix, id))
		if u == nil || u.head == 0 {
			continue
		}
		if created := u.now().created; head == 0 || created < oldest {
			head, oldest = u.head, created
		}
	}
	if len(l.missing) > 0 {
		return 0
	}
	return head
}

// identity gives an identity by its value. The directory may be older than the buckets, because rows are not looked at all at once: what a
// bucket tells of itself is right.
func (l *looker) identity(kind, value string) *identityRow {
	i := newHashedIdentity(schemas.Identity{Kind: kind, Value: value})
	c, loaded := look[bucketDirectory](&l.keyCollector, directoryKey(l.account.prefix))
	if !loaded || c == nil {
		return nil
	}
	for at := c.of(i.hash); ; {
		s, _ := look[identityBucket](&l.keyCollector, bucketKey(l.account.prefix, at))
		if s == nil {
			return nil
		}
		to := s.movedTo(i.hash, at)
		if to == at {
			row, _ := s.identity(i.Identity)
			return row
		}
		at = to
	}
}

func (l *looker) headOf(id int64) int64 {
	if id <= 0 {
		return 0
	}
	u, _ := look[user](&l.keyCollector, userKey(l.account.prefix, id))
	if u == nil {
		return 0
	}
	return u.head
}

// members gives the users that are the person of its head.
func (l *looker) members(head int64) []int64 {
	if head == 0 {
		return nil
	}
	u, _ := look[user](&l.keyCollector, userKey(l.account.prefix, head))
	switch {
	case u == nil || u.head != head || u.sentPerson == 0:
		return nil
	case u.party != nil:
		return u.party
	}
	return []int64{head}
}

// users asks for the users of a person and their figures, and says whether all are there.
func (l *looker) users(members []int64) bool {
	for _, id := range members {
		if len(l.account.fields.Kept) > 0 {
			l.need(keptKey(l.account.prefix, id))
		}
		l.need(userKey(l.account.prefix, id))
		l.figures(l.account.prefix, id)
	}
	return len(members) > 0 && len(l.missing) == 0
}

// describe adds the figures and activities of a user, and what was decided about it and others.
func (r *run) describe(a *accountWork, id int64, facts *schemas.PersonFacts) {
	s := r.figures(a, id, statsKey(a.prefix, id))
	facts.Stats = append(facts.Stats, s.row(a.name, id))
	for i := range s.acts {
		if m := s.acts[i].summary(); m.count > 0 {
			facts.Activities = append(facts.Activities, m.row(a.name, id, s.acts[i].slug))
		}
	}
	u := r.userOf(a, id).u
	for _, l := range u.links {
		if l.kind != linkNone && l.kind != linkWas {
			facts.Decided = append(facts.Decided, schemas.Decided{User: id, Other: l.other, At: l.at, Apart: l.kind == linkApart, Leads: l.kind == linkLeads})
		}
	}
	for _, k := range contactSlugs {
		if m := summaryOf(u.activities, k); m.count > 0 {
			facts.Activities = append(facts.Activities, m.row(a.name, id, k))
		}
	}
}
