package reports

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"deskstream/schemas"
)

// people gives those who some users are, each once, with the audiences that they are to be evaluated for.
func (r *roster) people(users []*userChange, x *audienceIndex) []*concerned {
	byLead := map[uint32]*concerned{}
	var out []*concerned
	for _, change := range users {
		i, ok := r.users[rosterRef{change.user, placeOf(&r.accounts, change.account)}]
		if !ok || r.rows[i].lead == noLead {
			continue
		}
		lead := r.rows[i].lead
		c := byLead[lead]
		if c == nil {
			c = r.concerned(lead)
			byLead[lead] = c
			out = append(out, c)
		}
		c.what = append(c.what, change.what...)
		c.news = append(c.news, change.news...)
	}
	for _, c := range out {
		c.touched = x.touched(c.what)
	}
	return slices.DeleteFunc(out, func(c *concerned) bool { return len(c.touched)+len(c.news) == 0 })
}

// leads gives the users that are the first of a person.
func (r *roster) leads() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for i := range r.rows {
			if r.rows[i].lead == uint32(i) && !yield(uint32(i)) {
				return
			}
		}
	}
}

// concerned gives the person that a user leads.
func (r *roster) concerned(lead uint32) *concerned {
	return &concerned{document: r.document(lead), member: func(a *parsedAudience) bool { return r.member(lead, a) }}
}

// member says whether the person that a user leads is in an audience under any of its ids, as the table has it.
func (r *roster) member(lead uint32, a *parsedAudience) bool {
	in := func(row uint32) bool { return r.members[int(row)*r.stride+a.bit/64]&(1<<(a.bit%64)) != 0 }
	return in(lead) || slices.ContainsFunc(r.others[lead], in)
}

// document gives a person as filters look at one. What is packed is read when a filter asks for it.
func (r *roster) document(lead uint32) *document {
	row := &r.rows[lead]
	who := &person{account: r.accounts[row.account], userIDs: []int64{row.user}, Archived: row.archived, Sources: []string{r.sources[row.source]}}
	users := r.usersOf(lead)
	p := &schemas.FilterPerson{Field: r.fieldReader(row, users), Ever: map[string]schemas.Occurrence{}}
	for _, i := range users {
		r.addEver(p.Ever, r.records.get(r.rows[i].ever))
		p.Activities = r.appendActivities(p.Activities, &r.rows[i])
	}
	return &document{who, p}
}

func (r *roster) addEver(ever map[string]schemas.Occurrence, packed unpacker) {
	for _, e := range unpackEver(packed) {
		slug := r.plan.slugs[e.slug]
		sum, ok := ever[slug]
		if !ok {
			ever[slug] = e.Occurrence
			continue
		}
		if e.First.Before(sum.First) {
			sum.First = e.First
		}
		if e.Last.After(sum.Last) {
			sum.Last = e.Last
		}
		sum.Count += e.Count
		ever[slug] = sum
	}
}

// appendActivities appends the activities of a user that are within retention.
func (r *roster) appendActivities(list []schemas.FilterActivity, row *rosterRow) []schemas.FilterActivity {
	kept := unpackActivities(r.records.get(row.activities))
	now := r.now().Unix()
	for i := range kept {
		a := &kept[i]
		if a.expires <= now {
			continue
		}
		k, at := r.plan.kinds[r.kinds[a.kind]], time.Unix(a.at, 0).UTC()
		list = append(list, schemas.FilterActivity{
			Activity: r.kinds[a.kind], At: at,
			Judged: func(c *schemas.Condition) (holds, known bool) {
				j := k.judged[c]
				return j != nil && a.judged[j.place/8]&(1<<(j.place%8)) != 0, j != nil
			},
			Attribute: func(name string) any {
				if name == "occurred_at" {
					return at
				}
				return r.attributeName(row, a, name)
			},
		})
	}
	return list
}

// attributeName gives an attribute that is a name, as it is now.
func (r *roster) attributeName(row *rosterRow, a *rosterActivity, name string) any {
	n := attributeNames[name]
	for i, k := range nameKinds {
		if k == n.kind && a.names[i] != 0 {
			return filterValue(n.part.of(r.book[nameRef{r.accounts[row.account], k, a.names[i]}]), schemas.TypeText)
		}
	}
	return nil
}

// fieldReader reads the fields of a person and their organization by dotted paths.
func (r *roster) fieldReader(row *rosterRow, users []uint32) func(string) any {
	var figures map[string]any
	known := map[string]any{}
	return func(path string) any {
		v, ok := known[path]
		if !ok {
			v = r.field(row, users, &figures, path)
			known[path] = v
		}
		return v
	}
}

func (r *roster) field(row *rosterRow, users []uint32, figures *map[string]any, path string) any {
	if personFigures[path] != "" {
		if *figures == nil {
			*figures = r.figures(users)
		}
		t, _ := r.names.FieldType(path)
		return filterValue((*figures)[strings.TrimPrefix(path, "zendesk.")], t)
	}
	name, ofOrganization := strings.CutPrefix(path, "organization.")
	if !ofOrganization {
		return unpackField(r.records.get(row.fields), r.fields, path)
	}
	o := r.organizations[organizationRef{r.accounts[row.account], row.organization}]
	switch {
	case o == nil || !o.known:
		return nil
	case organizationFigures[name]:
		t, _ := r.names.FieldType(path)
		return filterValue(o.figures.fields()[strings.TrimPrefix(name, "zendesk.")], t)
	}
	return unpackField(r.records.get(o.fields), r.organizationFields, path)
}

// unpackField finds the value of a path among those that were packed in the order of paths.
func unpackField(u unpacker, paths []string, path string) any {
	place, ok := slices.BinarySearch(paths, path)
	if !ok || u == "" {
		return nil
	}
	for range place {
		u.value(true)
	}
	return u.value(false)
}

// figures gives the ticket figures of the users that are one person.
func (r *roster) figures(users []uint32) map[string]any {
	var sum *schemas.PersonStats
	for _, i := range users {
		if packed := r.records.get(r.rows[i].figures); packed != "" {
			sum = mergeStats(sum, unpackFigures(packed))
		}
	}
	return figuresOf(sum)
}

// peopleOf adds a change of their organization to those who are in some organizations.
func (r *roster) peopleOf(organizations map[string][]int64, changes *userChanges) {
	for account, ids := range organizations {
		for _, id := range ids {
			if o := r.organizations[organizationRef{account, id}]; o != nil {
				for _, i := range o.rows {
					changes.add(account, r.rows[i].user, changedOrganization)
				}
			}
		}
	}
}

// readFigures reads the figures of some organizations, by account, or with nil of all.
func (w *audienceWorker) readFigures(ctx context.Context, r *roster, organizations map[string][]int64) error {
	var ids []int64
	for _, some := range organizations {
		ids = append(ids, some...)
	}
	p := params{}
	p.texts("accounts", w.accounts)
	p.ints("organizations", ids)
	p.flag("every_organization", organizations == nil)
	for account, some := range organizations {
		for _, id := range some {
			r.organization(organizationRef{account, id}).figures = figuresRow{}
		}
	}
	rows, err := listWithin[figuresRow](ctx, w.server, passTimeout, "organization_figures", sqlText("organization_figures"), p)
	for _, f := range rows {
		r.organization(organizationRef{f.Account, f.OrganizationID}).figures = f
	}
	return err
}
