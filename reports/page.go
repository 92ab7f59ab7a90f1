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

// encodeCursor makes a position opaque. It is not secret and not signed: whatever a client makes of it stays a bound value.
func encodeCursor(position any) (*string, error) {
	b, err := json.Marshal(position)
	if err != nil {
		return nil, err
	}
	s := base64.RawURLEncoding.EncodeToString(b)
	return &s, nil
}

// decodeCursor reads a position back; false means that there is none, so the first page is asked for.
func decodeCursor(cursor string, position any) (bool, error) {
	if cursor == "" {
		return false, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(b, position)
	}
	if err != nil {
		return false, schemas.Invalid("query.cursor", "must be the next_cursor of the page before")
	}
	return true, nil
}

// pageOf gives the page behind a cursor of a list that is in memory, sorted by a key that no two items share.
func pageOf[T any](sorted []T, in *Paging, key func(T) string) (shown []T, next *string, err error) {
	var after string
	further, err := decodeCursor(in.Cursor, &after)
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
		next, err = encodeCursor(key(shown[len(shown)-1]))
	}
	return shown, next, err
}

// cut keeps limit items of limit+1 that were read, and tells whether there was one more.
func cut[T any](items []T, limit int) ([]T, bool) {
	if len(items) > limit {
		return items[:limit], true
	}
	return items, false
}
