package reports

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
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

// settingSnippet is what the names of the settings begin with that hold snippets.
const settingSnippet = "snippet/"

// snippet is a piece of template that templates put into their text by its name; the value of a setting.
type snippet struct {
	Source    string    `json:"source"`
	UpdatedAt time.Time `json:"updated_at"`
	Deleted   bool      `json:"deleted,omitempty"` // settings are never removed

	name     string
	revision uint64
}

// snippetBook holds the stored snippets in memory. It is safe for concurrent use.
type snippetBook struct {
	store SettingStore
	known cached[snippets]
}

// snippets are all that are stored. They are replaced, never changed, as renders read them.
type snippets struct {
	byName  map[string]snippet
	sources map[string]string // of those that are not deleted
}

func newSnippetBook(store SettingStore, now func() time.Time) *snippetBook {
	b := &snippetBook{store: store}
	b.known.now, b.known.read, b.known.stale = now, b.load, snippetsStale
	return b
}

// all gives the snippets by name, deleted ones too, and the sources of the others. Neither may be changed.
func (b *snippetBook) all(ctx context.Context, fresh time.Duration) (map[string]snippet, map[string]string, error) {
	known, err := b.known.get(ctx, fresh)
	return known.byName, known.sources, err
}

// load reads what is stored now.
func (b *snippetBook) load(ctx context.Context) (snippets, error) {
	list, err := b.store.Settings(ctx, settingSnippet)
	if err != nil {
		return snippets{}, storeError(err)
	}
	all := snippets{byName: map[string]snippet{}, sources: map[string]string{}}
	for _, setting := range list {
		v := snippet{name: strings.TrimPrefix(setting.Name, settingSnippet), revision: setting.Revision}
		if err := json.Unmarshal(setting.Value, &v); err != nil {
			return snippets{}, fmt.Errorf("setting %s: %w", setting.Name, err)
		}
		all.byName[v.name] = v
		if !v.Deleted {
			all.sources[v.name] = v.Source
		}
	}
	return all, nil
}

// put stores a snippet in the place of what has its revision, and forgets what is known.
func (b *snippetBook) put(ctx context.Context, v *snippet) error {
	var value bytes.Buffer
	e := json.NewEncoder(&value)
	e.SetEscapeHTML(false) // templates are full of it
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("snippet %s: %w", v.name, err)
	}
	setting := schemas.Setting{Name: settingSnippet + v.name, Value: bytes.TrimSpace(value.Bytes()), Revision: v.revision}
	defer b.known.forget()
	if err := b.store.PutSetting(ctx, &setting); err != nil {
		return storeError(err)
	}
	v.revision = setting.Revision
	return nil
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
	handle(s, route{
		method: http.MethodPost, path: path, id: "create-snippet", templates: true, tag: tagLiquid,
		summary: "Create a snippet", scopes: scopes, maxBody: 1 << 20, status: http.StatusCreated,
		detail: "As PUT with revision 0: there must be none of this name yet.",
	}, s.createSnippet)
	handle(s, route{method: http.MethodGet, path: path + "/{name}", id: "get-snippet", tag: tagLiquid, summary: "One snippet", scopes: scopes}, s.getSnippet)
	handle(s, route{
		method: http.MethodPut, path: path + "/{name}", id: "put-snippet", templates: true, tag: tagLiquid, summary: "Create or replace a snippet", scopes: scopes, maxBody: 1 << 20,
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

func (s *server) viewSnippet(v snippet) SnippetView {
	return SnippetView{
		Name: v.name, Source: v.Source, Uses: append([]string{}, s.uses(v.Source)...), Revision: strconv.FormatUint(v.revision, 10), UpdatedAt: v.UpdatedAt.UTC(),
	}
}

// uses gives the names of the snippets that a source uses.
func (s *server) uses(source string) []string {
	return s.renderer.Inspect(map[string]string{"snippet": source}, nil).Snippets
}

func (s *server) listSnippets(ctx context.Context, in *Paging) (*answer[page[SnippetView]], error) {
	byName, sources, err := s.snippets.all(ctx, 0)
	if err != nil {
		return nil, err
	}
	shown, next, err := pageOf("snippets", slices.Sorted(maps.Keys(sources)), in, func(name string) string { return name })
	out := page[SnippetView]{Items: make([]SnippetView, len(shown)), NextCursor: next}
	for i, name := range shown {
		out.Items[i] = s.viewSnippet(byName[name])
	}
	return reply(out, err)
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

// snippet gives the newest state of a snippet.
func (s *server) snippet(ctx context.Context, name string) (snippet, error) {
	byName, sources, err := s.snippets.all(ctx, 0)
	if err != nil {
		return snippet{}, err
	}
	if _, ok := sources[name]; ok {
		return byName[name], nil
	}
	detail := "there is no snippet of this name"
	if meant := schemas.Nearest(name, slices.Sorted(maps.Keys(sources))); meant != "" {
		detail += `; did you mean "` + meant + `"?`
	}
	return snippet{}, &schemas.Problem{Class: schemas.ErrNotFound, Code: "no-such-snippet", Detail: detail}
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

type createSnippetInput struct {
	Body struct {
		Name   string `json:"name" maxLength:"100" doc:"Letters, digits, _ and -, with / between parts"`
		Source string `json:"source" doc:"Liquid, at most 256 KiB"`
	}
}

func (s *server) createSnippet(ctx context.Context, in *createSnippetInput) (*answer[putSnippetAnswer], error) {
	put := putSnippetInput{Name: in.Body.Name}
	put.Body.Source, put.Body.Revision = in.Body.Source, new("0")
	return s.putSnippet(ctx, &put)
}

func (s *server) putSnippet(ctx context.Context, in *putSnippetInput) (*answer[putSnippetAnswer], error) {
	warnings, err := s.checkSnippet(ctx, in)
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		v, err := s.writeSnippet(ctx, in)
		if errors.Is(err, schemas.ErrFenced) && in.Body.Revision == nil && try < changeTries {
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
		bad.add("name", "must be letters, digits, _ and -, with / between parts, as mail/footer")
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
	found := s.renderer.Inspect(map[string]string{"snippet": in.Body.Source}, known)
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
func (s *server) writeSnippet(ctx context.Context, in *putSnippetInput) (snippet, error) {
	byName, sources, err := s.snippets.all(ctx, 0)
	if err != nil {
		return snippet{}, err
	}
	if err := roomForSnippet(sources, in); err != nil {
		return snippet{}, err
	}
	old := byName[in.Name]
	newest := "0"
	if _, there := sources[in.Name]; there {
		newest = strconv.FormatUint(old.revision, 10)
	}
	if given := in.Body.Revision; given != nil && *given != newest {
		return snippet{}, &schemas.Problem{
			Class: schemas.ErrConflict, Code: "changed-meanwhile", Detail: "the newest revision of the snippet is " + newest + " (0: there is none); read it again",
		}
	}
	v := snippet{Source: in.Body.Source, UpdatedAt: s.Now().UTC(), name: in.Name, revision: old.revision}
	return v, s.snippets.put(ctx, &v)
}

// roomForSnippet keeps what every process holds in memory within bounds.
func roomForSnippet(sources map[string]string, in *putSnippetInput) error {
	old, there := sources[in.Name]
	size := len(in.Body.Source) - len(old)
	for _, source := range sources {
		size += len(source)
	}
	if !there && len(sources) >= mostSnippets || size > snippetsBytes {
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
	_, sources, err := s.snippets.all(ctx, snippetsFresh)
	if err != nil {
		return nil, err
	}
	var users []string
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		if name != v.name && slices.Contains(s.uses(sources[name]), v.name) {
			users = append(users, name)
		}
	}
	if len(users) > 0 {
		return nil, &schemas.Problem{Class: schemas.ErrConflict, Code: "snippet-in-use", Detail: "it is used by " + strings.Join(users, ", ") + "; change them first"}
	}
	v.Source, v.Deleted, v.UpdatedAt = "", true, s.Now().UTC()
	return nil, s.snippets.put(ctx, &v)
}
