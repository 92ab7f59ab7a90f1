package ingest

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"deskstream/schemas"
)

// page is one answer: rows as Zendesk wrote them, by their key, and the marks of all ways of paging.
type page struct {
	lists       map[string][]json.RawMessage
	afterCursor string
	endOfStream *bool
	endTime     *int64
	nextPage    string
	hasMore     *bool
	metaCursor  string
}

type pageMarks struct {
	AfterCursor *string      `json:"after_cursor"`
	EndOfStream *bool        `json:"end_of_stream"`
	EndTime     *json.Number `json:"end_time"`
	NextPage    *string      `json:"next_page"`
	Meta        struct {
		HasMore     *bool   `json:"has_more"`
		AfterCursor *string `json:"after_cursor"`
	} `json:"meta"`
}

// parsePage splits an answer. Every member that is a list is kept, so that sideloads need no names here.
func parsePage(body []byte) (page, error) {
	var members map[string]json.RawMessage
	var marks pageMarks
	if err := json.Unmarshal(body, &members); err != nil {
		return page{}, fmt.Errorf("answer: %w: not a JSON object: %w", schemas.ErrUnavailable, err)
	}
	p := page{lists: map[string][]json.RawMessage{}}
	for name, value := range members {
		if len(value) == 0 || value[0] != '[' {
			continue
		}
		var rows []json.RawMessage
		if err := json.Unmarshal(value, &rows); err != nil {
			return page{}, fmt.Errorf("answer: %w: %q: %w", schemas.ErrUnavailable, name, err)
		}
		p.lists[name] = rows
		delete(members, name)
	}
	if err := parseMarks(members, &marks); err != nil {
		return page{}, fmt.Errorf("answer: %w: %w", schemas.ErrUnavailable, err)
	}
	p.afterCursor, p.nextPage, p.metaCursor = text(marks.AfterCursor), text(marks.NextPage), text(marks.Meta.AfterCursor)
	p.endOfStream, p.hasMore = marks.EndOfStream, marks.Meta.HasMore
	if marks.EndTime != nil {
		at, err := marks.EndTime.Int64()
		if err != nil || at < 0 {
			return page{}, fmt.Errorf("answer: %w: end_time %.40q is not an epoch second", schemas.ErrUnavailable, marks.EndTime.String())
		}
		p.endTime = &at
	}
	return p, nil
}

func parseMarks(members map[string]json.RawMessage, marks *pageMarks) error {
	for name, out := range map[string]any{
		"after_cursor": &marks.AfterCursor, "end_of_stream": &marks.EndOfStream, "end_time": &marks.EndTime, "next_page": &marks.NextPage,
		"meta": &marks.Meta,
	} {
		if value, ok := members[name]; ok {
			if err := json.Unmarshal(value, out); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// list gives the rows under a key. That there are none is told by an empty list: an answer without the list is none.
func (p page) list(name string) ([]json.RawMessage, error) {
	rows, ok := p.lists[name]
	if !ok {
		return nil, fmt.Errorf("answer: %w: no %q in it", schemas.ErrUnavailable, name)
	}
	return rows, nil
}

// advance gives the cursor behind a page and whether the stream is read to its end. base is the account's address, now Zendesk's time before
// the page was asked for, size the number of rows that was asked for.
func (r resource) advance(cur schemas.Cursor, p page, base *url.URL, now time.Time, size int) (next schemas.Cursor, end bool, err error) {
	rows, err := p.list(r.rows)
	if err != nil {
		return cur, false, err
	}
	next = cur
	switch r.walk {
	case walkCursor:
		if p.endOfStream == nil {
			return cur, false, fmt.Errorf("answer: %w: no end_of_stream in it", schemas.ErrUnavailable)
		}
		end = *p.endOfStream
		if p.afterCursor != "" {
			next.Cursor = p.afterCursor // Kept at the end too: the next poll goes on from here.
		} else if !end {
			return cur, false, fmt.Errorf("answer: %w: no after_cursor and no end", schemas.ErrUnavailable)
		}
	case walkTime:
		end = r.advanceTime(&next, p, len(rows), size)
	case walkChanged:
		end, err = r.advanceChanged(&next, p, rows, base)
	case walkWhole, walkRecent:
		next.Cursor, err = nextListPage(p, base)
		end = next.Cursor == ""
	}
	if err != nil {
		return cur, false, err
	}
	next.Through = r.through(cur, next, rows, now, end)
	if at := firstChange(rows); next.First == nil && !at.IsZero() {
		next.First = &at
	}
	return next, end, nil
}

// advanceTime moves on to end_time. It is null on a page without rows. Where end_of_stream is missing a page that is not full is the
// last, and so is one whose end is its start.
func (r resource) advanceTime(next *schemas.Cursor, p page, rows, size int) (end bool) {
	before := next.Cursor
	if p.endTime != nil {
		next.Cursor = strconv.FormatInt(*p.endTime, 10)
	}
	if p.endOfStream != nil {
		return *p.endOfStream
	}
	return rows < size || p.endTime == nil || next.Cursor == before
}

func (r resource) advanceChanged(next *schemas.Cursor, p page, rows []json.RawMessage, base *url.URL) (end bool, err error) {
	at := changedCursor{start: timeOf(next.Start).Unix()}
	if next.Cursor != "" {
		if at, err = parseChanged(next.Cursor); err != nil {
			return false, err
		}
	}
	for _, row := range rows {
		at.next = max(at.next, headOf(row).changed().Unix())
	}
	if at.after, err = nextListPage(p, base); err != nil {
		return false, err
	}
	if at.after == "" {
		at.next = max(at.next, at.start)
		at.start = max(0, at.next-int64(ratingsOverlap/time.Second))
	}
	next.Cursor = at.String()
	return at.after == "", nil
}

// nextListPage gives the cursor of the next page of a list, "" at its end. Lists that answer with links instead of cursors are followed
// only on the account's own host.
func nextListPage(p page, base *url.URL) (string, error) {
	if p.hasMore != nil {
		if !*p.hasMore {
			return "", nil
		}
		if p.metaCursor == "" {
			return "", fmt.Errorf("answer: %w: has_more without after_cursor", schemas.ErrUnavailable)
		}
		return p.metaCursor, nil
	}
	if p.nextPage == "" {
		return "", nil
	}
	q, err := sameHost(base, p.nextPage)
	if err != nil {
		return "", err
	}
	if after := q.Get("page[after]"); after != "" {
		return after, nil
	}
	if n, err := strconv.Atoi(q.Get("page")); err == nil && n > 1 {
		return numberedPage + strconv.Itoa(n), nil
	}
	return "", fmt.Errorf("next page: %w: it has neither page[after] nor page", schemas.ErrUnavailable)
}

// numberedPage marks the position in a list that Zendesk pages by number.
const numberedPage = "page="

func setListPage(q url.Values, after string) {
	switch n, numbered := strings.CutPrefix(after, numberedPage); {
	case after == "":
	case numbered:
		q.Del("page[size]")
		q.Set("page", n)
		q.Set("per_page", "100")
	default:
		q.Set("page[after]", after)
	}
}

// firstChange gives the place of the first row in its stream; zero if there is none.
func firstChange(rows []json.RawMessage) time.Time {
	if len(rows) == 0 {
		return time.Time{}
	}
	return headOf(rows[0]).changed()
}

// through says up to when the data is complete: at the end of the stream up to the time of asking less what Zendesk keeps back, before
// that up to the newest row. It never goes back.
func (r resource) through(cur, next schemas.Cursor, rows []json.RawMessage, now time.Time, end bool) *time.Time {
	var at time.Time
	switch {
	case end:
		at = now.Add(-r.hidden)
	case r.walk == walkTime && next.Cursor != "":
		if second, err := parseSecond(next.Cursor); err == nil {
			at = time.Unix(second-1, 0)
		}
	case r.walk == walkCursor && len(rows) > 0:
		at = headOf(rows[len(rows)-1]).changed()
	}
	at = at.UTC().Truncate(time.Second)
	if at.Unix() <= 0 || cur.Through != nil && !at.After(*cur.Through) {
		return cur.Through
	}
	return &at
}
