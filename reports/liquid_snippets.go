package reports

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"deskstream/liquid"
	"deskstream/schemas"
)

const (
	snippetsFresh = 5 * time.Second // how long a change made elsewhere may go unseen
	snippetsStale = time.Minute     // how long known snippets are used while the store does not answer
	mostSnippets  = 500
	snippetBytes  = 256 << 10 // of one
	snippetsBytes = 4 << 20   // of all
)

var snippetName = regexp.MustCompile(`^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$`)

// snippetBook holds the stored snippets in memory. It is safe for concurrent use.
type snippetBook struct {
	store SnippetStore
	now   func() time.Time

	mu      sync.Mutex
	byName  map[string]schemas.Snippet
	sources map[string]string // replaced, never changed, as renders read it
	loaded  time.Time
}

// all gives the snippets by name, and their sources. Neither may be changed.
func (b *snippetBook) all(ctx context.Context, fresh time.Duration) (map[string]schemas.Snippet, map[string]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.now().Sub(b.loaded)
	if !b.loaded.IsZero() && old >= 0 && old < fresh {
		return b.byName, b.sources, nil
	}
	list, err := b.store.Snippets(ctx)
	if err != nil {
		if b.loaded.IsZero() || old > snippetsStale {
			return nil, nil, storeError(err)
		}
		return b.byName, b.sources, nil
	}
	b.byName, b.sources, b.loaded = map[string]schemas.Snippet{}, map[string]string{}, b.now()
	for _, v := range list {
		b.byName[v.Name], b.sources[v.Name] = v, v.Source
	}
	return b.byName, b.sources, nil
}

// forget makes the next look read the store.
func (b *snippetBook) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.loaded = time.Time{}
}

// snippetsFor gives the snippets that templates may use: the stored ones, and before them those that came with the request.
func (s *server) snippetsFor(ctx context.Context, own map[string]string) (map[string]string, error) {
	_, stored, err := s.snippets.all(ctx, snippetsFresh)
	if err != nil || len(own) == 0 {
		return stored, err
	}
	both := maps.Clone(stored)
	maps.Copy(both, own)
	return both, nil
}

func (s *server) snippetRoutes() {
	scopes := []string{scopeRender}
	const path = "/v1/liquid/snippets"
	handle(s, route{method: http.MethodGet, path: path, id: "list-snippets", tag: tagLiquid, summary: "Snippets by name", scopes: scopes}, s.listSnippets)
	handle(s, route{method: http.MethodGet, path: path + "/{name}", id: "get-snippet", tag: tagLiquid, summary: "One snippet", scopes: scopes}, s.getSnippet)
	handle(s, route{
		method: http.MethodPut, path: path + "/{name}", id: "put-snippet", tag: tagLiquid, summary: "Create or replace a snippet", scopes: scopes, maxBody: 1 << 20,
		detail: "Templates use it as {% render 'name' %} or {% include 'name' %}. A source that cannot be parsed is refused with the places of its errors. With " +
			"revision the change is made only if that is the newest; another process uses the new text within 5 seconds.",
	}, s.putSnippet)
	handle(s, route{
		method: http.MethodDelete, path: path + "/{name}", id: "delete-snippet", tag: tagLiquid, summary: "Delete a snippet that no other one uses", scopes: scopes,
	}, s.deleteSnippet)
}

// SnippetView is a snippet as the API shows it.
type SnippetView struct {
	Name      string    `json:"name"`
	Source    string    `json:"source" doc:"Liquid"`
	Uses      []string  `json:"uses" doc:"Snippets it uses"`
	Revision  string    `json:"revision" doc:"Changes with every write"`
	UpdatedAt time.Time `json:"updated_at"`
}

func (s *server) viewSnippet(v schemas.Snippet) SnippetView {
	return SnippetView{
		Name: v.Name, Source: v.Source, Uses: append([]string{}, s.uses(v)...), Revision: strconv.FormatUint(v.Revision, 10), UpdatedAt: v.UpdatedAt.UTC(),
	}
}

// uses gives the names of the snippets that one uses.
func (s *server) uses(v schemas.Snippet) []string {
	return s.Renderer.Inspect(map[string]string{"snippet": v.Source}, nil).Snippets
}

func (s *server) listSnippets(ctx context.Context, in *Paging) (*answer[page[SnippetView]], error) {
	byName, _, err := s.snippets.all(ctx, 0)
	if err != nil {
		return nil, err
	}
	var after string
	if _, err := decodeCursor(in.Cursor, &after); err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(byName))
	names = names[sortedAfter(names, after):]
	shown, more := cut(names, in.Limit)
	out := page[SnippetView]{Items: make([]SnippetView, len(shown))}
	for i, name := range shown {
		out.Items[i] = s.viewSnippet(byName[name])
	}
	if more {
		out.NextCursor, err = encodeCursor(shown[len(shown)-1])
	}
	return reply(out, err)
}

// sortedAfter gives the place of the first name behind after.
func sortedAfter(names []string, after string) int {
	if after == "" {
		return 0
	}
	i, found := slices.BinarySearch(names, after)
	if found {
		i++
	}
	return i
}

type snippetInput struct {
	Name string `path:"name" maxLength:"100" doc:"Letters, digits, _ and -, with / between parts (%2F in the address)"`
}

func (s *server) getSnippet(ctx context.Context, in *snippetInput) (*answer[SnippetView], error) {
	v, err := s.snippet(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	return reply(s.viewSnippet(v), nil)
}

// snippet gives the newest record of a snippet.
func (s *server) snippet(ctx context.Context, name string) (schemas.Snippet, error) {
	byName, _, err := s.snippets.all(ctx, 0)
	if err != nil {
		return schemas.Snippet{}, err
	}
	v, ok := byName[name]
	if !ok {
		detail := "there is no snippet of this name"
		if meant := liquid.Nearest(name, slices.Sorted(maps.Keys(byName))); meant != "" {
			detail += `; did you mean "` + meant + `"?`
		}
		return v, &schemas.Problem{Class: schemas.ErrNotFound, Code: "no-such-snippet", Detail: detail}
	}
	return v, nil
}

type putSnippetInput struct {
	Name string `path:"name" maxLength:"100" doc:"Letters, digits, _ and -, with / between parts (%2F in the address)"`
	Body struct {
		Source   string  `json:"source" doc:"Liquid, at most 256 KiB"`
		Revision *string `json:"revision,omitempty" maxLength:"20" doc:"The revision to replace; 0 = it must not exist yet; default whatever there is"`
	}
}

type putSnippetAnswer struct {
	SnippetView
	Warnings []liquid.Error `json:"warnings" doc:"Snippets it uses that do not exist yet, and loops that would be stopped"`
}

// snippetTries is how often a change that names no revision is tried against others.
const snippetTries = 5

func (s *server) putSnippet(ctx context.Context, in *putSnippetInput) (*answer[putSnippetAnswer], error) {
	warnings, err := s.checkSnippet(ctx, in)
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		v, err := s.writeSnippet(ctx, in)
		if errors.Is(err, schemas.ErrFenced) && in.Body.Revision == nil && try < snippetTries {
			continue
		}
		if err != nil {
			return nil, err
		}
		return reply(putSnippetAnswer{s.viewSnippet(v), warnings}, nil)
	}
}

// checkSnippet refuses a name or a source that cannot be used, and warns of what cannot be used yet.
func (s *server) checkSnippet(ctx context.Context, in *putSnippetInput) ([]liquid.Error, error) {
	var bad fieldErrors
	if !snippetName.MatchString(in.Name) {
		bad.add("path.name", "must be letters, digits, _ and -, with / between parts, as mail/footer")
	}
	if len(in.Body.Source) > snippetBytes {
		bad.add("body.source", fmt.Sprintf("must have at most %d bytes", snippetBytes))
	}
	if err := invalidFields(bad); err != nil {
		return nil, err
	}
	known, err := s.snippetsFor(ctx, map[string]string{in.Name: in.Body.Source})
	if err != nil {
		return nil, err
	}
	found := s.Renderer.Inspect(map[string]string{"snippet": in.Body.Source}, known)
	warnings := append([]liquid.Error{}, found.Warnings...)
	for _, e := range found.Errors {
		if e.Kind == liquid.KindSnippet || e.In != "" {
			warnings = append(warnings, e)
			continue
		}
		return nil, templateProblemOf(&e, found.Errors)
	}
	return warnings, nil
}

// writeSnippet stores a checked snippet.
func (s *server) writeSnippet(ctx context.Context, in *putSnippetInput) (schemas.Snippet, error) {
	byName, _, err := s.snippets.all(ctx, 0)
	if err != nil {
		return schemas.Snippet{}, err
	}
	defer s.snippets.forget()
	old := byName[in.Name]
	if err := roomForSnippet(byName, old, in.Body.Source); err != nil {
		return schemas.Snippet{}, err
	}
	if given := in.Body.Revision; given != nil && *given != strconv.FormatUint(old.Revision, 10) {
		return schemas.Snippet{}, &schemas.Problem{
			Class: schemas.ErrConflict, Code: "changed-meanwhile", Detail: "the newest revision of the snippet is " + strconv.FormatUint(old.Revision, 10) + "; read it again",
		}
	}
	v := schemas.Snippet{Name: in.Name, Source: in.Body.Source, UpdatedAt: s.Now().UTC(), Revision: old.Revision}
	if err := s.Snippets.PutSnippet(ctx, &v); err != nil {
		return v, storeError(err)
	}
	return v, nil
}

// roomForSnippet keeps what every process holds in memory within bounds.
func roomForSnippet(all map[string]schemas.Snippet, old schemas.Snippet, source string) error {
	size := len(source) - len(old.Source)
	for _, v := range all {
		size += len(v.Source)
	}
	if old.Revision == 0 && len(all) >= mostSnippets || size > snippetsBytes {
		return &schemas.Problem{
			Class: schemas.ErrConflict, Code: "too-many-snippets",
			Detail: fmt.Sprintf("there may be %d snippets with %d bytes together; delete some first", mostSnippets, snippetsBytes),
		}
	}
	return nil
}

func (s *server) deleteSnippet(ctx context.Context, in *snippetInput) (*none, error) {
	v, err := s.snippet(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	byName, _, err := s.snippets.all(ctx, snippetsFresh)
	if err != nil {
		return nil, err
	}
	var users []string
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		if name != v.Name && slices.Contains(s.uses(byName[name]), v.Name) {
			users = append(users, name)
		}
	}
	if len(users) > 0 {
		return nil, &schemas.Problem{Class: schemas.ErrConflict, Code: "snippet-in-use", Detail: "it is used by " + strings.Join(users, ", ") + "; change them first"}
	}
	defer s.snippets.forget()
	if err := s.Snippets.DeleteSnippet(ctx, v.Name, v.Revision); err != nil {
		return nil, storeError(err)
	}
	return nil, nil //nolint:nilnil // no body
}
