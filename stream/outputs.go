package stream

import (
	"context"
	"strings"

	"deskstream/schemas"
)

// Outputs calls fn with the rows that a query asks for, a message at a time and in order, until fn gives false. Written must have reached
// q.To. all is false if some may be gone from the stream, which happens once they are in the table: what fn was called with then is not to be
// used.
func (s *Stream) Outputs(ctx context.Context, q schemas.OutputQuery, fn func(m schemas.OutputMessage) (more bool, err error)) (all bool, err error) {
	all, err = s.sweep(ctx, s.txn, s.filters(q), q.From+1, func(m storedMessage) error {
		if m.seq > q.To {
			return errStop
		}
		o := outputOf(m)
		more, err := fn(schemas.OutputMessage{Table: s.tableOf(m.subject), Seq: o.seq, Ver: schemas.RowVersion(o.gen, o.seq), Data: o.data})
		if err == nil && !more {
			err = errStop
		}
		return err
	})
	if err != nil || !all {
		return false, err
	}
	// Messages go from the front, but for those of erased people: where one is left that came before, none behind it went. It is looked for
	// last, because they may go meanwhile.
	for _, table := range q.Tables {
		first, found, err := s.next(ctx, s.txn, s.outputs(table), 1)
		if err != nil || !found || first.seq > q.From {
			return false, err
		}
	}
	return true, nil
}

// filters gives the subjects of what is asked for.
func (s *Stream) filters(q schemas.OutputQuery) []string {
	var all []string
	for _, table := range q.Tables {
		if table != schemas.TableActivities {
			all = append(all, s.outputs(table))
			continue
		}
		for _, slug := range q.Activities {
			all = append(all, s.own(schemas.SubjectActivity("*", slug)))
		}
	}
	return all
}

// tableOf gives the table that the rows of a subject are for.
func (s *Stream) tableOf(subject string) string {
	kind, rest, _ := strings.Cut(strings.TrimPrefix(subject, s.prefix+"."), ".")
	switch kind {
	case "activity":
		return schemas.TableActivities
	case "audience":
		return schemas.TableAudienceEntries
	}
	table, _, _ := strings.Cut(rest, ".")
	return table
}
