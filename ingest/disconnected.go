package ingest

import (
	"context"
	"errors"
	"fmt"

	"deskstream/schemas"
)

// errDisconnected says that what was read was not stored, because the source is not connected any more: it is read again when it is.
var errDisconnected = fmt.Errorf("%w: the source is not to be read any more", schemas.ErrFenced)

// whileConnected has store called with the record of the source. When the store refuses, because the record was changed meanwhile, it is called
// again with the newest one if that is still to be read.
func (r *runner) whileConnected(ctx context.Context, store func(s schemas.Source) error) error {
	s := *r.source.Load()
	for try := 0; ; try++ {
		err := store(s)
		if !errors.Is(err, schemas.ErrFenced) || try == maxFenced {
			return err
		}
		newest, failure := r.p.Store.Source(ctx, s.ID)
		switch {
		case errors.Is(failure, schemas.ErrNotFound):
			return errDisconnected
		case failure != nil:
			return failure
		case newest.Missing() != "":
			return errDisconnected
		case newest.Revision == s.Revision:
			return err // it was not the record
		}
		s = newest
	}
}
