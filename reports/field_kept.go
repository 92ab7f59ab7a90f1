package reports

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"deskstream/schemas"
)

// keptField is a field that keeps the newest value of an attribute of an activity.
type keptField struct {
	schemas.KeptField
	Label     string    `json:"label"`
	CreatedAt time.Time `json:"created_at"`
	Filled    []string  `json:"filled,omitempty"` // accounts in which what was stored before it is in it
}

// endedField is one that people may show still.
type endedField struct {
	ID   string   `json:"id"`
	Key  string   `json:"key"`
	Gone []string `json:"gone,omitempty"` // accounts in which nobody does
}

// keptFrom says where the value of a field comes from.
type keptFrom struct {
	_ struct{} `nullable:"true"` // read by huma

	Activity  string `json:"activity"`
	Attribute string `json:"attribute"`
	Filled    bool   `json:"filled" doc:"The activities that were stored when the field was made are in it"`
}

// maxKeptFields bounds the fields that every activity is looked at for.
const maxKeptFields = 50

func (f *keptField) view(accounts []string) recordField {
	out := ownField(f.Key, keptType(f.Attribute))
	out.Label = f.Label
	out.KeptFrom = &keptFrom{Activity: f.Activity, Attribute: f.Attribute, Filled: everywhere(accounts, f.Filled)}
	return out
}

// keptType gives the type of a field that keeps an attribute.
func keptType(attribute string) string {
	switch activityAttributes[attribute].typ {
	case schemas.TypeNumber:
		return "decimal"
	case schemas.TypeList:
		return "list"
	case schemas.TypeTime:
		return "time"
	default:
		return "text"
	}
}

// keeps says whether a field of the customer's own keeps an attribute.
func (v *fieldSettings) keeps(key string) bool {
	return slices.ContainsFunc(v.Kept, func(f keptField) bool { return f.Key == key })
}

type keepInput struct {
	Body struct {
		Key       string `json:"key" doc:"Of the field custom.<key>: a-z, then a-z, 0-9, _ and -, up to 64"`
		Label     string `json:"label,omitempty" maxLength:"100" doc:"Default is made of the key"`
		Activity  string `json:"activity" doc:"As ticket-closed"`
		Attribute string `json:"attribute" doc:"As filters name it, as subject"`
	}
}

// keptAttributes are those that can be kept, in order: names that others may change are not the activity's.
func keptAttributes() (out []string) {
	for _, name := range slices.Sorted(maps.Keys(activityAttributes)) {
		if activityAttributes[name].place != placeName {
			out = append(out, name)
		}
	}
	return out
}

func (in *keepInput) check() error {
	var bad fieldErrors
	b := &in.Body
	if !schemas.CustomKey.MatchString(b.Key) || b.Key == fieldTags {
		bad.add("body.key", "must be a-z, then a-z, 0-9, _ and -, up to 64 characters, and not "+fieldTags)
	}
	if !slices.Contains(activitySlugs, b.Activity) || strings.HasPrefix(b.Activity, "organization-") {
		bad.add("body.activity", "must be an activity of people; GET /v1/activities lists all")
	}
	if list := keptAttributes(); !slices.Contains(list, b.Attribute) {
		bad.add("body.attribute", "is not an attribute that can be kept; accepted: "+strings.Join(list, ", "))
	} else if b.Activity == noteAdded && b.Attribute == "message" {
		bad.add("body.attribute", "of ticket-note-added cannot be message: what agents write for agents stays out of the fields of people")
	}
	return invalidFields(bad)
}

func (s *server) keepField(ctx context.Context, in *keepInput) (*answer[recordField], error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	all, err := s.fields(ctx)
	if err != nil {
		return nil, err
	}
	accounts, err := s.accounts(ctx)
	if err != nil {
		return nil, err
	}
	b := &in.Body
	id := customPrefix + b.Key
	f := keptField{
		KeptField: schemas.KeptField{ID: "kf_" + strings.ToLower(rand.Text()), Key: b.Key, Activity: b.Activity, Attribute: b.Attribute}, Label: b.Label, CreatedAt: s.Now().UTC(),
	}
	if f.Label == "" {
		f.Label = ownField(b.Key, "").Label
	}
	shown := f.view(accounts)
	err = s.fieldSettings.change(ctx, func(v *fieldSettings) error {
		if v.keeps(b.Key) || slices.ContainsFunc(all, func(f recordField) bool { return f.ID == id }) {
			return &schemas.Problem{Class: schemas.ErrConflict, Code: "field-exists", Detail: "there is a field " + id + " already; choose another key"}
		}
		if len(v.Kept) >= maxKeptFields {
			return &schemas.Problem{Class: schemas.ErrConflict, Code: "too-many-fields", Detail: fmt.Sprintf("%d fields may keep attributes; delete some first", maxKeptFields)}
		}
		v.Version++
		v.Kept = append(v.Kept, f)
		shown.decide(v)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.fieldsChanged.ring()
	return reply(shown, nil)
}

func (s *server) endField(ctx context.Context, in *byID) (*none, error) {
	err := s.fieldSettings.change(ctx, func(v *fieldSettings) error {
		i := slices.IndexFunc(v.Kept, func(f keptField) bool { return customPrefix+f.Key == in.ID })
		if i < 0 {
			return &schemas.Problem{Class: schemas.ErrNotFound, Code: "no-such-field", Detail: "no field of this id keeps an attribute; GET /v1/fields tells which do (kept_from)"}
		}
		v.Version++
		v.Ended = append(v.Ended, endedField{ID: v.Kept[i].ID, Key: v.Kept[i].Key})
		v.Kept = slices.Delete(v.Kept, i, i+1)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.fieldsChanged.ring()
	return nil, nil // no body
}

// refuseKept refuses values for fields that keep attributes.
func (s *server) refuseKept(ctx context.Context, custom map[string]json.RawMessage, at string, bad *fieldErrors) error {
	if len(custom) == 0 {
		return nil
	}
	v, err := s.fieldSettings.lately(ctx)
	if err != nil {
		return err
	}
	for i := range v.Kept {
		if f := &v.Kept[i]; custom[f.Key] != nil {
			bad.add(at+customPrefix+f.Key, "cannot be written: it keeps "+f.Attribute+" of the latest "+f.Activity)
		}
	}
	return nil
}

// fillFields has the fields filled that keep attributes, with what was stored before them, and those taken from people that ended. Only the
// processors look: ClickHouse says at which tickets and users, once everything is in it that was processed before the processors knew.
func (s *server) fillFields(ctx context.Context) error {
	_, settings, err := s.fieldSettings.load(ctx)
	if err != nil || len(settings.Kept)+len(settings.Ended) == 0 {
		return err
	}
	accounts, err := s.accounts(ctx)
	if err != nil {
		return err
	}
	var failed error
	for _, account := range accounts {
		w := fieldWork{server: s, account: account, version: settings.Version}
		if w.find(&settings) {
			if err := w.do(ctx); err != nil {
				failed = errors.Join(failed, fmt.Errorf("account %s: %w", account, err))
			}
		}
	}
	if failed != nil || len(settings.Ended) == 0 {
		return failed
	}
	return s.fieldSettings.change(ctx, func(v *fieldSettings) error {
		v.Ended = slices.DeleteFunc(v.Ended, func(f endedField) bool {
			return everywhere(accounts, f.Gone)
		})
		return nil
	})
}

// fieldWork is what is to be done in an account for fields that began or ended to keep attributes.
type fieldWork struct {
	*server
	account string
	version uint64
	kinds   []string // of activity
	begun   []string // ids
	ended   []string // ids
	keys    []string // of those that ended
}

// find says whether there is anything to do.
func (w *fieldWork) find(v *fieldSettings) bool {
	for i := range v.Kept {
		if f := &v.Kept[i]; !slices.Contains(f.Filled, w.account) {
			w.begun, w.kinds = append(w.begun, f.ID), append(w.kinds, f.Activity)
		}
	}
	for i := range v.Ended {
		if f := &v.Ended[i]; !slices.Contains(f.Gone, w.account) {
			w.ended, w.keys = append(w.ended, f.ID), append(w.keys, f.Key)
		}
	}
	return len(w.begun)+len(w.ended) > 0
}

func (w *fieldWork) do(ctx context.Context) error {
	if err := w.reflected(ctx, w.account, schemas.TableActivities, schemas.TablePeople); err != nil {
		return err
	}
	again, err := w.again(ctx)
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(again, decisionChunk) {
		if err := w.Events.Publish(ctx, chunk...); err != nil {
			return storeError(err)
		}
		if err := w.reflected(ctx, w.account); err != nil {
			return err
		}
	}
	if err := w.reflected(ctx, w.account, schemas.TablePeople); err != nil {
		return err
	}
	return w.fieldSettings.change(ctx, w.done)
}

// again gives the events that have tickets and people looked at again.
func (w *fieldWork) again(ctx context.Context) ([]schemas.Event, error) {
	p := params{}
	p.text("account", w.account)
	p.texts("kinds", w.kinds)
	p.texts("keys", w.keys)
	p.time("now", w.Now())
	var events []schemas.Event
	add := func(kind schemas.Kind, source string, id int64, body any) error {
		e, err := apiEvent(w.account, source, kind, w.Now().UTC(), body)
		e.ID = strings.Join([]string{"fields", w.account, strconv.FormatUint(w.version, 10), string(kind), strconv.FormatInt(id, 10)}, ":")
		events = append(events, e)
		return err
	}
	user := func(source string, id int64) error {
		return add(schemas.KindPerson, source, id, schemas.PersonChange{ID: schemas.ZID(id), At: w.Now().UTC()})
	}
	err := w.queryWithin(ctx, decisionWait, 0, "kept_sources", sqlText("kept_sources"), p, func(rows driver.Rows) error {
		var ticket, who int64
		var source string
		if err := rows.Scan(&ticket, &who, &source); err != nil {
			return err
		}
		if ticket == 0 {
			return user(source, who)
		}
		return add(schemas.KindRecount, "", ticket, schemas.Recount{ID: schemas.ZID(ticket)})
	})
	if err != nil {
		return nil, err
	}
	err = w.queryWithin(ctx, decisionWait, 0, "kept_people", sqlText("kept_people"), p, func(rows driver.Rows) error {
		var users []int64
		var source string
		if err := rows.Scan(&users, &source); err != nil {
			return err
		}
		for _, id := range users {
			if err := user(source, id); err != nil {
				return err
			}
		}
		return nil
	})
	return events, err
}

// done notes that the account is up to date.
func (w *fieldWork) done(v *fieldSettings) error {
	for i := range v.Kept {
		if f := &v.Kept[i]; slices.Contains(w.begun, f.ID) && !slices.Contains(f.Filled, w.account) {
			f.Filled = append(f.Filled, w.account)
		}
	}
	for i := range v.Ended {
		if f := &v.Ended[i]; slices.Contains(w.ended, f.ID) && !slices.Contains(f.Gone, w.account) {
			f.Gone = append(f.Gone, w.account)
		}
	}
	return nil
}
