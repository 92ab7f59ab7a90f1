package reports

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"deskstream/schemas"
)

const (
	tagAudiences  = "Audiences"
	mostAudiences = 500
)

func (s *server) audienceRoutes() {
	scopes := []string{scopePeople}
	const path = "/v1/audiences"
	handle(s, route{
		method: http.MethodPost, path: path, id: "create-audience", tag: tagAudiences, summary: "Create an audience", scopes: scopes, status: http.StatusCreated,
		detail: "Its members are the people who match the filter; they enter and leave as what is known of them changes, and at midnight where days count. A filter with " +
			"occurs has people enter each time the activity occurs from now on, and nobody leaves. Entries go to NATS subjects deskstream.audience.<id>.entered and .left and, " +
			"with deliver, to its url as signed POSTs.",
	}, s.createAudience)
	handle(s, route{
		method: http.MethodGet, path: path, id: "list-audiences", tag: tagAudiences, summary: "Audiences by name, with the number of their members", scopes: scopes,
	}, s.listAudiences)
	handle(s, route{method: http.MethodGet, path: path + "/{id}", id: "get-audience", tag: tagAudiences, summary: "One audience", scopes: scopes}, s.getAudience)
	handle(s, route{
		method: http.MethodPatch, path: path + "/{id}", id: "change-audience", tag: tagAudiences, summary: "Rename an audience, change its filter or its target", scopes: scopes,
		detail: "With another filter everybody is evaluated anew: those who match it no more leave, those who match now enter.",
	}, s.changeAudience)
	handle(s, route{
		method: http.MethodDelete, path: path + "/{id}", id: "delete-audience", tag: tagAudiences, summary: "Delete an audience; its members leave", scopes: scopes,
	}, s.deleteAudience)
	s.audienceLogRoutes()
	s.deliveryRoutes()
}

type audienceView struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Filter    json.RawMessage `json:"filter"`
	Members   uint64          `json:"members" doc:"People in it"`
	Evaluated bool            `json:"evaluated" doc:"Everybody was evaluated by this filter"`
	Deliver   *deliverView    `json:"deliver" doc:"Where entries are posted; null = nowhere"`
	Since     time.Time       `json:"since" doc:"When the filter came to hold; what occurred before does not make people enter"`
	CreatedAt time.Time       `json:"created_at"`
	UpdatedAt time.Time       `json:"updated_at"`
}

type createAudienceInput struct {
	Body struct {
		Name   string          `json:"name" minLength:"1" maxLength:"200"`
		Filter json.RawMessage `json:"filter" doc:"As in GET /v1/people?filter="`

		Deliver json.RawMessage `json:"deliver,omitempty" doc:"{url, secret, rate}: where entries are posted, signed by the secret of 16 to 200 characters, at most rate (10) a second; null = nowhere"`
	}
}

func (s *server) createAudience(ctx context.Context, in *createAudienceInput) (*answer[audienceView], error) {
	if _, err := s.checkFilter(ctx, in.Body.Filter); err != nil {
		return nil, err
	}
	target, err := s.checkDeliver(ctx, in.Body.Deliver)
	if err != nil {
		return nil, err
	}
	all, err := s.audiences(ctx)
	if err != nil {
		return nil, err
	}
	if len(all) >= mostAudiences {
		return nil, &schemas.Problem{
			Class: schemas.ErrConflict, Code: "too-many-audiences", Detail: fmt.Sprintf("there may be %d audiences; delete some first", mostAudiences),
		}
	}
	if err := s.beginEvaluation(ctx); err != nil {
		return nil, err
	}
	now := s.Now().UTC()
	a := schemas.Audience{
		ID: "aud_" + strings.ToLower(rand.Text()), Name: in.Body.Name, Filter: in.Body.Filter, Generation: 1, Since: now, CreatedAt: now, UpdatedAt: now,
	}
	if err := s.setTarget(&a, target); err != nil {
		return nil, err
	}
	if err := s.putAudience(ctx, &a); err != nil {
		return nil, err
	}
	return reply(s.viewAudience(ctx, a))
}

// checkFilter reads the filter of an audience's body.
func (s *server) checkFilter(ctx context.Context, given json.RawMessage) (*schemas.Filter, error) {
	if len(given) > maxFilterBytes {
		return nil, schemas.Invalid("body.filter", fmt.Sprintf("must have at most %d bytes", maxFilterBytes))
	}
	names, err := s.allFilterNames(ctx)
	if err != nil {
		return nil, err
	}
	return schemas.ParseFilter(given, "body.filter", names)
}

const maxFilterBytes = 20_000

// audiences gives those that were not deleted, by name.
func (s *server) audiences(ctx context.Context) ([]schemas.Audience, error) {
	all, _, err := s.everyAudience(ctx)
	all = slices.DeleteFunc(all, func(a schemas.Audience) bool { return a.Deleted })
	slices.SortFunc(all, func(a, b schemas.Audience) int { return strings.Compare(audienceOrder(a), audienceOrder(b)) })
	return all, err
}

// audienceOrder is what audiences are sorted by.
func audienceOrder(a schemas.Audience) string { return strings.ToLower(a.Name) + "\x00" + a.ID }

// everyAudience gives all, deleted ones too, and the ids of those whose record cannot be read, which the log tells.
func (s *server) everyAudience(ctx context.Context) (all []schemas.Audience, unreadable []string, err error) {
	settings, err := s.Settings.Settings(ctx, schemas.SettingAudience)
	if err != nil {
		return nil, nil, storeError(err)
	}
	for _, v := range settings {
		var a schemas.Audience
		if err := json.Unmarshal(v.Value, &a); err != nil {
			s.Log.Error().Err(err).Str("setting", v.Name).Msg("audience record is not readable")
			unreadable = append(unreadable, strings.TrimPrefix(v.Name, schemas.SettingAudience))
			continue
		}
		a.Revision = v.Revision
		all = append(all, a)
	}
	return all, unreadable, nil
}

func (s *server) audienceOf(ctx context.Context, id string) (a schemas.Audience, err error) {
	v, err := s.Settings.Setting(ctx, schemas.SettingAudience+id)
	if err != nil {
		return a, storeError(err)
	}
	if v.Revision != 0 {
		if err := json.Unmarshal(v.Value, &a); err != nil {
			return a, fmt.Errorf("audience %s: %w", id, err)
		}
	}
	if v.Revision == 0 || a.Deleted {
		return a, &schemas.Problem{Class: schemas.ErrNotFound, Code: "no-such-audience", Detail: "there is no audience of this id"}
	}
	a.Revision = v.Revision
	return a, nil
}

// putAudience stores an audience if its Revision is the newest.
func (s *server) putAudience(ctx context.Context, a *schemas.Audience) error {
	data, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("audience %s: %w", a.ID, err)
	}
	v := schemas.Setting{Name: schemas.SettingAudience + a.ID, Value: data, Revision: a.Revision}
	err = s.Settings.PutSetting(ctx, &v)
	s.audienceEdits.Add(1)
	a.Revision = v.Revision
	return storeError(err)
}

// alterAudience changes an audience, again if another writer was faster.
func (s *server) alterAudience(ctx context.Context, id string, change func(*schemas.Audience) error) (a schemas.Audience, err error) {
	err = retried(func() (err error) {
		if a, err = s.audienceOf(ctx, id); err != nil {
			return err
		}
		if err := change(&a); err != nil {
			return err
		}
		a.UpdatedAt = s.Now().UTC()
		return s.putAudience(ctx, &a)
	})
	return a, err
}

func (s *server) viewAudience(ctx context.Context, a schemas.Audience) (audienceView, error) {
	views, err := s.viewAudiences(ctx, []schemas.Audience{a})
	if err != nil {
		return audienceView{}, err
	}
	return views[0], nil
}

func (s *server) viewAudiences(ctx context.Context, list []schemas.Audience) ([]audienceView, error) {
	counts, err := s.countMembers(ctx, list)
	if err != nil {
		return nil, err
	}
	reached, err := s.evaluation(ctx)
	if err != nil {
		return nil, err
	}
	views := make([]audienceView, len(list))
	for i, a := range list {
		views[i] = audienceView{
			ID: a.ID, Name: a.Name, Filter: a.Filter, Members: counts[a.ID], Evaluated: reached.Passed[a.ID] == a.Generation, Deliver: viewDeliver(a.Deliver),
			Since: a.Since.UTC(), CreatedAt: a.CreatedAt.UTC(), UpdatedAt: a.UpdatedAt.UTC(),
		}
	}
	return views, nil
}

func (s *server) countMembers(ctx context.Context, list []schemas.Audience) (map[string]uint64, error) {
	accounts, err := s.accounts(ctx)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(list))
	for i, a := range list {
		ids[i] = a.ID
	}
	p := params{}
	p.texts("accounts", accounts)
	p.texts("audiences", ids)
	counts := map[string]uint64{}
	err = s.query(ctx, "audience_counts", sqlText("audience_counts"), p, func(rows driver.Rows) error {
		var id string
		var n uint64
		err := rows.Scan(&id, &n)
		counts[id] = n
		return err
	})
	return counts, err
}

func (s *server) listAudiences(ctx context.Context, in *Paging) (*answer[page[audienceView]], error) {
	all, err := s.audiences(ctx)
	if err != nil {
		return nil, err
	}
	shown, next, err := pageOf("audiences", all, in, audienceOrder)
	if err != nil {
		return nil, err
	}
	views, err := s.viewAudiences(ctx, shown)
	return reply(page[audienceView]{Items: views, NextCursor: next}, err)
}

func (s *server) getAudience(ctx context.Context, in *byID) (*answer[audienceView], error) {
	a, err := s.audienceOf(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return reply(s.viewAudience(ctx, a))
}

type changeAudienceInput struct {
	ID   string `path:"id" maxLength:"100"`
	Body struct {
		Name   *string         `json:"name,omitempty" minLength:"1" maxLength:"200"`
		Filter json.RawMessage `json:"filter,omitempty" doc:"As in GET /v1/people?filter="`

		Deliver json.RawMessage `json:"deliver,omitempty" doc:"{url, secret, rate}: where entries are posted; what is left out stays. null = nowhere"`
	}
}

func (s *server) changeAudience(ctx context.Context, in *changeAudienceInput) (*answer[audienceView], error) {
	var fires bool
	if in.Body.Filter != nil {
		f, err := s.checkFilter(ctx, in.Body.Filter)
		if err != nil {
			return nil, err
		}
		fires = len(f.Fires()) > 0
	}
	target, err := s.checkDeliver(ctx, in.Body.Deliver)
	if err != nil {
		return nil, err
	}
	a, err := s.alterAudience(ctx, in.ID, func(a *schemas.Audience) error {
		if err := s.setTarget(a, target); err != nil {
			return err
		}
		if in.Body.Name != nil {
			a.Name = *in.Body.Name
		}
		if in.Body.Filter == nil || string(in.Body.Filter) == string(a.Filter) {
			return nil
		}
		if before, err := s.checkFilter(ctx, a.Filter); err == nil && (len(before.Fires()) > 0) != fires {
			return schemas.Invalid("body.filter", "must keep or leave out occurs as before: who enters at each activity is another audience than who matches; create a new one")
		}
		a.Filter, a.Since = in.Body.Filter, s.Now().UTC()
		a.Generation++
		return nil
	})
	if err != nil {
		return nil, err
	}
	return reply(s.viewAudience(ctx, a))
}

func (s *server) deleteAudience(ctx context.Context, in *byID) (*none, error) {
	_, err := s.alterAudience(ctx, in.ID, func(a *schemas.Audience) error {
		a.Deleted, a.Deliver = true, nil
		a.Generation++
		return nil
	})
	return nil, err
}
