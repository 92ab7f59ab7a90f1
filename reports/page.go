package reports

import (
	"encoding/base64"
	"encoding/json"
	"slices"

	"deskstream/schemas"
)

// page is the body of every list. NextCursor is null on the last page.
type page[T any] struct {
	Items      []T     `json:"items"`
	NextCursor *string `json:"next_cursor" doc:"Where the next page begins; null on the last one"`
}

// Paging is the input of every list that has pages.
type Paging struct {
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"500" doc:"Items on a page"`
	Cursor string `query:"cursor" maxLength:"2000" doc:"next_cursor of the page before"`
}

// CatalogPaging is the input of a list of what the program offers, which is whole unless a limit is given.
type CatalogPaging struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"500" doc:"Items on a page; default all there are"`
	Cursor string `query:"cursor" maxLength:"2000" doc:"next_cursor of the page before"`
}

// cursor is a position in a list, which means nothing in another one.
type cursor[T any] struct {
	List     string `json:"l"`
	Position T      `json:"p"`
}

// encodeCursor makes a position in a list opaque. It is not secret and not signed: whatever a client makes of it stays a bound value.
func encodeCursor[T any](list string, position T) (*string, error) {
	b, err := json.Marshal(cursor[T]{list, position})
	if err != nil {
		return nil, err
	}
	s := base64.RawURLEncoding.EncodeToString(b)
	return &s, nil
}

// decodeCursor reads a position back; false means that there is none, so the first page is asked for.
func decodeCursor[T any](list, given string, position *T) (bool, error) {
	if given == "" {
		return false, nil
	}
	c := cursor[T]{Position: *position}
	b, err := base64.RawURLEncoding.DecodeString(given)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil || c.List != list {
		return false, schemas.Invalid("query.cursor", "must be the next_cursor of the page before")
	}
	*position = c.Position
	return true, nil
}

// pageOf gives the page behind a cursor of a list that is in memory, sorted by a key that no two items share. list names it in cursors.
func pageOf[T any](list string, sorted []T, in *Paging, key func(T) string) (shown []T, next *string, err error) {
	var after string
	further, err := decodeCursor(list, in.Cursor, &after)
	if err != nil {
		return nil, nil, err
	}
	if further {
		i := slices.IndexFunc(sorted, func(v T) bool { return key(v) > after })
		if i < 0 {
			i = len(sorted)
		}
		sorted = sorted[i:]
	}
	shown, more := cut(sorted, in.Limit)
	if more {
		next, err = encodeCursor(list, key(shown[len(shown)-1]))
	}
	return shown, next, err
}

// catalogPage gives the page behind a cursor of a catalogue in its own order; name tells its items apart.
func catalogPage[T any](list string, all []T, in *CatalogPaging, name func(T) string) (out page[T], err error) {
	var after string
	further, err := decodeCursor(list, in.Cursor, &after)
	if err != nil {
		return out, err
	}
	if further {
		i := slices.IndexFunc(all, func(v T) bool { return name(v) == after })
		if i < 0 { // it is not offered any more
			return out, schemas.Invalid("query.cursor", "must be the next_cursor of the page before; the list has changed, begin anew")
		}
		all = all[i+1:]
	}
	more := false
	if out.Items = all; in.Limit > 0 {
		out.Items, more = cut(all, in.Limit)
	}
	if more {
		out.NextCursor, err = encodeCursor(list, name(out.Items[len(out.Items)-1]))
	}
	return out, err
}

// cut keeps limit items of limit+1 that were read, and tells whether there was one more.
func cut[T any](items []T, limit int) ([]T, bool) {
	if len(items) > limit {
		return items[:limit], true
	}
	return items, false
}
