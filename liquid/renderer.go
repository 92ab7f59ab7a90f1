package liquid

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Renderer renders templates. The zero value works with default limits. It is safe for concurrent use and must not be copied after first
// use. It starts no goroutines.
type Renderer struct {
	Limits       Limits // what one render may cost
	CacheEntries int    // parsed templates kept; 0 is 512, below 0 none
	CacheBytes   int    // memory for parsed templates, about; 0 is 64 MiB

	once   sync.Once
	limits Limits
	cache  *cache
	panics atomic.Int64
}

func (r *Renderer) prepare() {
	r.once.Do(func() {
		r.limits = r.Limits.withDefaults()
		entries, size := r.CacheEntries, r.CacheBytes
		if entries == 0 {
			entries = 512
		}
		if size == 0 {
			size = 64 << 20
		}
		if entries > 0 {
			r.cache = newCache(entries, size)
		}
	})
}

// Panics counts the panics that were caught. Each is a fault of this package; tests require it to stay 0.
func (r *Renderer) Panics() int64 { return r.panics.Load() }

// guard turns a panic into an error. It is a last resort: nothing is known to panic.
func (r *Renderer) guard(err *error) {
	if p := recover(); p != nil {
		r.panics.Add(1)
		*err = &Error{Kind: KindInternal, Message: cutText(fmt.Sprint(p), 200)}
	}
}

// Render renders all parts of a request. Parts share the budget and nothing else. The error is an *Error. When the template aborts, Aborted
// holds the reason and there is no text. ctx ending stops the render at the next check.
func (r *Renderer) Render(ctx context.Context, req Request) (res Result, err error) {
	defer r.guard(&err)
	r.prepare()
	start := time.Now()
	st, err := r.start(ctx, &req)
	if err != nil {
		return Result{}, err
	}
	res.Parts = make(map[string]string, len(req.Parts))
	for _, name := range partOrder(req.Parts) {
		s, err := r.renderPart(st, name)
		var a *abortion
		if errors.As(err, &a) {
			res.Parts, res.Aborted = nil, &a.reason
			break
		}
		if err != nil {
			e := asError(err)
			e.Part = name
			return Result{}, e
		}
		res.Parts[name] = s
		res.Stats.Bytes += int64(len(s))
	}
	if res.Aborted != nil {
		res.Stats.Bytes = 0
	}
	res.Used = slices.Sorted(maps.Keys(st.used))
	res.Missing = slices.Sorted(maps.Keys(st.missing))
	res.Values, res.Errors = st.explanations(), st.notes
	res.Stats.Ops = st.ops
	res.Stats.Micros = time.Since(start).Microseconds()
	return res, nil
}

// start checks a request and makes the state of its render.
func (r *Renderer) start(ctx context.Context, req *Request) (*state, error) {
	if err := req.check(); err != nil {
		return nil, err
	}
	if err := checkData("data", req.Data, &r.limits); err != nil {
		return nil, err
	}
	if err := checkData("defaults", req.Defaults, &r.limits); err != nil {
		return nil, err
	}
	st := &state{budget: newBudget(ctx, &r.limits), renderer: r, request: req, data: req.Data, now: req.Now}
	if len(req.Defaults) > 0 {
		st.defaults = make(map[string]any, len(req.Defaults))
		for k, v := range req.Defaults {
			st.defaults[CanonicalPath(k)] = v
		}
	}
	if req.TimeZone != "" {
		zone, ok := loadZone(req.TimeZone)
		if !ok {
			return nil, typef("time zone %q is not known", cutText(req.TimeZone, 40))
		}
		st.zone = zone
	} else {
		st.zone = personZone(req.Data)
	}
	return st, nil
}

// pages keeps the memory parts are written into. What a part gives is a copy.
var pages = sync.Pool{New: func() any { return new([]byte) }}

// renderPart renders one part.
func (r *Renderer) renderPart(st *state, name string) (string, error) {
	t, faults := r.counted(st.request.Parts[name], &st.sources)
	if len(faults) > 0 {
		return "", faults[0]
	}
	format := st.request.formatOf(name)
	escape := format == FormatHTML && (st.request.Autoescape == nil || *st.request.Autoescape)
	page := pages.Get().(*[]byte)
	out := &buffer{text: (*page)[:0], limit: st.limits.Output, of: "the text of the part"}
	defer func() {
		*page = out.text
		pages.Put(page)
	}()
	if err := st.begin(name, t, escape, out); err != nil {
		return "", err
	}
	if err := t.render(st); err != nil {
		return "", err
	}
	if err := st.look(); err != nil {
		return "", err
	}
	if err := st.alloc(len(out.text)); err != nil {
		return "", err
	}
	if format == FormatSubject {
		return collapseLines(string(out.text)), nil
	}
	return string(out.text), nil
}

// template parses a source, or finds it in the cache.
func (r *Renderer) template(source string) (*template, []*Error) {
	if r.cache == nil || len(source) > r.limits.Source {
		return parse(source, &r.limits)
	}
	key := cacheKey(sha256.Sum256([]byte(source)))
	if t, ok := r.cache.get(key); ok {
		return t, nil
	}
	t, faults := parse(source, &r.limits)
	if t != nil {
		r.cache.put(key, t)
	}
	return t, faults
}

// counted is template for one of several sources, whose sizes are summed up in total.
func (r *Renderer) counted(source string, total *int) (*template, []*Error) {
	if *total += len(source); *total > r.limits.Sources {
		return nil, []*Error{limitf("the templates and their snippets have more than %d bytes together", r.limits.Sources)}
	}
	return r.template(source)
}

// Variables lists the variables of the data that the parts and their snippets may ask for, without rendering, so that a caller fetches only
// those. The error is an *Error.
func (r *Renderer) Variables(parts, snippets map[string]string) (list []Variable, err error) {
	defer r.guard(&err)
	r.prepare()
	var all uses
	total := 0
	walk := snippetWalk{renderer: r, known: snippets, sources: &total, visited: map[string]bool{}, found: all.add}
	for _, name := range partOrder(parts) {
		t, faults := r.counted(parts[name], &total)
		if len(faults) > 0 {
			faults[0].Part = name
			return nil, faults[0]
		}
		for _, v := range t.variables {
			v.Path = slices.Clone(v.Path)
			all.add(v)
		}
		if fault := walk.visit(t.snippets, -1); fault != nil {
			if fault.In == "" {
				fault = fault.at(parts[name], fault.place)
			}
			fault.Part = name
			return nil, fault
		}
	}
	return all.list(), nil
}

// partOrder is the order in which parts are rendered: as a reader meets them, others by name.
func partOrder(parts map[string]string) []string {
	order := map[string]int{"subject": -4, "preheader": -3, "html": -2, "text": -1}
	names := slices.Sorted(maps.Keys(parts))
	slices.SortStableFunc(names, func(a, b string) int { return order[strings.ToLower(a)] - order[strings.ToLower(b)] })
	return names
}
