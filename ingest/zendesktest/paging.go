package zendesktest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// position is a place in an export: epoch second, then id.
type position struct{ at, id int64 }

func (p position) after(q position) bool { return p.at > q.at || p.at == q.at && p.id > q.id }

// cursor writes a position the way Zendesk's export cursors look inside (recorded: 1695052663.0||28|).
func (p position) cursor() string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%d.0||%d|", p.at, p.id))
}

func parseCursor(s string) (position, error) {
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return position{}, fmt.Errorf("cursor: %w", err)
	}
	at, id, ok := strings.Cut(strings.TrimSuffix(string(raw), "|"), ".0||")
	seconds, err1 := strconv.ParseInt(at, 10, 64)
	number, err2 := strconv.ParseInt(id, 10, 64)
	if !ok || err1 != nil || err2 != nil {
		return position{}, fmt.Errorf("cursor %q: %w", s, ErrInvalid)
	}
	return position{seconds, number}, nil
}

// window cuts the rows a cursor page shows: after from, up to and including second until, at most limit. More says that
// rows remain that could be shown now.
func window[T any](rows []T, at func(T) position, from position, until int64, limit int) (page []T, more bool) {
	start, _ := slices.BinarySearchFunc(rows, from, func(row T, p position) int {
		if at(row).after(p) {
			return 1
		}
		return -1
	})
	for _, row := range rows[start:] {
		if at(row).at > until {
			break
		}
		if len(page) == limit {
			return page, true
		}
		page = append(page, row)
	}
	return page, false
}

// timeWindow cuts the rows a time-based page shows: from a second on, at most limit, but always all rows of the last second.
func timeWindow[T any](rows []T, at func(T) position, start, until int64, limit int) (page []T, more bool) {
	first, _ := slices.BinarySearchFunc(rows, start, func(row T, s int64) int {
		if at(row).at >= s {
			return 1
		}
		return -1
	})
	for _, row := range rows[first:] {
		p := at(row)
		if p.at > until {
			break
		}
		if n := len(page); n >= limit && at(page[n-1]).at != p.at {
			return page, true
		}
		page = append(page, row)
	}
	return page, false
}

// list answers a plain collection: with page[size] in cursor pages, else in numbered ones (recorded forms).
func list[T any](s *Server, w http.ResponseWriter, r *http.Request, name string, rows []T, id func(T) int64) {
	query := r.URL.Query()
	if query.Has("page[size]") || query.Has("page[after]") {
		cursorList(s, w, r, name, rows, id)
		return
	}
	size := number(query.Get("per_page"), 100, 100)
	page := number(query.Get("page"), 1, 1<<30)
	begin := min((page-1)*size, len(rows))
	end := min(begin+size, len(rows))
	body := map[string]any{name: nonNil(rows[begin:end]), "count": len(rows), "next_page": nil, "previous_page": nil}
	if end < len(rows) {
		body["next_page"] = s.pageURL(r, "page", strconv.Itoa(page+1))
	}
	if page > 1 {
		body["previous_page"] = s.pageURL(r, "page", strconv.Itoa(page-1))
	}
	s.json(w, http.StatusOK, body)
}

func cursorList[T any](s *Server, w http.ResponseWriter, r *http.Request, name string, rows []T, id func(T) int64) {
	query := r.URL.Query()
	size := number(query.Get("page[size]"), 100, 100)
	begin := 0
	if after := query.Get("page[after]"); after != "" {
		last, err := listCursorID(after)
		if err != nil {
			s.fail(w, http.StatusBadRequest, "InvalidPaginationParameter", "page[after] is not a cursor of this list")
			return
		}
		begin = 1 + slices.IndexFunc(rows, func(row T) bool { return id(row) == last })
	}
	end := min(begin+size, len(rows))
	page := rows[begin:end]
	meta := map[string]any{"has_more": end < len(rows), "after_cursor": nil, "before_cursor": nil}
	links := map[string]any{"next": nil, "prev": nil}
	if len(page) > 0 {
		meta["after_cursor"], meta["before_cursor"] = listCursor(id(page[len(page)-1])), listCursor(id(page[0]))
		links["next"] = s.pageURL(r, "page[after]", listCursor(id(page[len(page)-1])))
		links["prev"] = s.pageURL(r, "page[before]", listCursor(id(page[0])))
	}
	s.json(w, http.StatusOK, map[string]any{name: nonNil(page), "meta": meta, "links": links})
}

// listCursor looks like the cursors of plain collections: base64 of a small JSON object.
func listCursor(id int64) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"o":"created_at,id","v":"%d"}`, id))
}

func listCursorID(s string) (int64, error) {
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return 0, fmt.Errorf("cursor: %w", err)
	}
	var c struct {
		V string `json:"v"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return 0, fmt.Errorf("cursor: %w", err)
	}
	return strconv.ParseInt(c.V, 10, 64)
}

// pageURL is the address of the request with one parameter changed. It names the host the client used, so that clients
// that follow links stay on this server.
func (s *Server) pageURL(r *http.Request, key, value string) string {
	query := r.URL.Query()
	for _, k := range []string{"page[after]", "page[before]", "page"} {
		query.Del(k)
	}
	if key == "cursor" {
		query.Del("start_time")
	}
	query.Set(key, value)
	u := url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path, RawQuery: query.Encode()}
	if r.TLS != nil {
		u.Scheme = "https"
	}
	return u.String()
}

// number reads a positive number of at most limit; anything else gives the default.
func number(s string, standard, limit int) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return standard
	}
	return min(n, limit)
}

func nonNil[T any](rows []T) []T {
	if rows == nil {
		return []T{}
	}
	return rows
}
