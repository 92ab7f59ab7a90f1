package reports

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"deskstream/schemas"
)

// maxSavedPhrases bounds what is looked for in every text that arrives.
const maxSavedPhrases = 200

func (s *server) keywordRoutes() {
	scopes := []string{scopeReports}
	const path = "/v1/keywords"
	handle(s, route{method: http.MethodGet, path: path, id: "list-keywords", tag: tagReports, summary: "Saved phrases by their words", scopes: scopes}, s.listKeywords)
	handle(s, route{
		method: http.MethodPost, path: path, id: "save-keyword", tag: tagReports, summary: "Save a phrase", scopes: scopes, status: http.StatusCreated,
		detail: "A saved phrase is counted as messages and subjects arrive, and the report keywords answers from these counts once filled is true: then the texts " +
			"that were there before are counted too. Until then, and for phrases that are not saved, the report searches; the figures are the same.",
	}, s.saveKeyword)
	handle(s, route{
		method: http.MethodDelete, path: path + "/{id}", id: "delete-keyword", tag: tagReports, summary: "Forget a saved phrase and its counts", scopes: scopes,
	}, s.deleteKeyword)
}

type keywordView struct {
	ID        string    `json:"id"`
	Phrase    string    `json:"phrase" doc:"As given"`
	Tokens    []string  `json:"tokens" doc:"The words that are looked for, one after the other"`
	CreatedAt time.Time `json:"created_at"`
	Filled    bool      `json:"filled" doc:"Texts from before the phrase was saved are counted too"`
}

func viewKeyword(p *savedPhrase, accounts []string) keywordView {
	return keywordView{ID: p.ID, Phrase: p.Phrase, Tokens: strings.Fields(p.Tokens), CreatedAt: p.CreatedAt.UTC(), Filled: p.countedIn(accounts)}
}

func (s *server) listKeywords(ctx context.Context, in *Paging) (*answer[page[keywordView]], error) {
	accounts, err := s.accounts(ctx)
	if err != nil {
		return nil, err
	}
	_, settings, err := s.phrases.load(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(settings.Phrases, func(a, b savedPhrase) int { return strings.Compare(a.Tokens, b.Tokens) })
	shown, next, err := pageOf("keywords", settings.Phrases, in, func(p savedPhrase) string { return p.Tokens })
	out := page[keywordView]{Items: []keywordView{}, NextCursor: next}
	for i := range shown {
		out.Items = append(out.Items, viewKeyword(&shown[i], accounts))
	}
	return reply(out, err)
}

type keywordInput struct {
	Body struct {
		Phrase string `json:"phrase" doc:"Words that follow each other; at most 200 bytes"`
	}
}

func (s *server) saveKeyword(ctx context.Context, in *keywordInput) (*answer[keywordView], error) {
	tokens := schemas.Tokens(in.Body.Phrase)
	if len(in.Body.Phrase) > maxPhraseLength || tokens == "" {
		return nil, schemas.Invalid("body.phrase", "must hold a letter or a digit and at most 200 bytes")
	}
	accounts, err := s.accounts(ctx)
	if err != nil {
		return nil, err
	}
	p := savedPhrase{
		SavedPhrase: schemas.SavedPhrase{ID: "kw_" + strings.ToLower(rand.Text()), Tokens: tokens}, Phrase: strings.TrimSpace(in.Body.Phrase), CreatedAt: s.Now().UTC(),
	}
	err = s.phrases.change(ctx, func(v *phraseSettings) error {
		if err := roomForPhrase(v, tokens); err != nil {
			return err
		}
		v.Version++
		v.Phrases = append(v.Phrases, p)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.phrases.woken.ring()
	return reply(viewKeyword(&p, accounts), nil)
}

func roomForPhrase(v *phraseSettings, tokens string) error {
	if len(v.Phrases) >= maxSavedPhrases {
		return &schemas.Problem{
			Class: schemas.ErrConflict, Code: "too-many-keywords", Detail: fmt.Sprintf("there may be %d saved phrases; delete some first", maxSavedPhrases),
		}
	}
	for i := range v.Phrases {
		if v.Phrases[i].Tokens == tokens {
			return &schemas.Problem{Class: schemas.ErrConflict, Code: "keyword-exists", Detail: "the phrase is saved already, with id " + v.Phrases[i].ID}
		}
	}
	return nil
}

type keywordID struct {
	ID string `path:"id" maxLength:"100" doc:"Id"`
}

func (s *server) deleteKeyword(ctx context.Context, in *keywordID) (*none, error) {
	err := s.phrases.change(ctx, func(v *phraseSettings) error {
		i := slices.IndexFunc(v.Phrases, func(p savedPhrase) bool { return p.ID == in.ID })
		if i < 0 {
			return &schemas.Problem{Class: schemas.ErrNotFound, Code: "no-such-keyword", Detail: "there is no saved phrase of this id; GET /v1/keywords lists them"}
		}
		v.Version++
		v.Phrases = slices.Delete(v.Phrases, i, i+1)
		v.Deleted = append(v.Deleted, deletedPhrase{ID: in.ID})
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.phrases.woken.ring()
	return nil, nil // no body
}
