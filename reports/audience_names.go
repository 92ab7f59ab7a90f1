package reports

import (
	"context"
	"slices"
)

// nameRef is what has a name.
type nameRef struct {
	account, kind string
	id            int64
}

// nameBook holds names, as they are now, of the kinds that filters look at.
type nameBook map[nameRef]string

// nameKinds are the kinds of names that activities have, in the order in which a roster keeps their ids.
var nameKinds = [...]string{kindAgent, kindGroup, kindBrand, kindOrganization, kindForm, kindAgentEmail}

// nameRow gives an activity the names that are known of it.
func (b nameBook) nameRow(account string, r *filterRow) {
	if len(b) == 0 {
		return
	}
	for _, kind := range nameKinds {
		if name := b[nameRef{account, kind, parseID(r.idOf(kind))}]; name != "" {
			r.setName(kind, name)
		}
	}
}

// readNames reads all names of the kinds that any filter looks at. Those that came behind the position up to which changes are evaluated, as
// while the program was down, are left to come as changes.
func (w *audienceWorker) readNames(ctx context.Context, evaluated uint64) error {
	book := nameBook{}
	if len(w.plan.names) > 0 {
		if err := eachRow(ctx, w, "names", w.rowParams(0, evaluated), func(r *changedNameRow) { book[nameRef{r.Account, r.Kind, r.ID}] = r.Name }); err != nil {
			return err
		}
	}
	w.book = book
	if w.roster != nil {
		w.roster.book = book
	}
	return nil
}

// rename takes over the names that changed. Audiences that look at one have everybody evaluated anew: nothing else tells whose activities
// have it. That is done at most once in passRetry for an audience.
func (w *audienceWorker) rename(rows []changedNameRow, e *evaluation) {
	kinds := map[string]bool{}
	for i := range rows {
		r := &rows[i]
		ref := nameRef{r.Account, r.Kind, r.ID}
		if w.book[ref] != r.Name {
			w.book[ref] = r.Name
			kinds[r.Kind] = true
		}
	}
	if len(kinds) == 0 {
		return
	}
	for _, a := range w.index.lasting {
		if slices.ContainsFunc(a.need.names, func(kind string) bool { return kinds[kind] }) {
			delete(e.Passed, a.ID)
			w.retry[a.ID] = w.passedAt[a.ID].Add(passRetry)
		}
	}
}
