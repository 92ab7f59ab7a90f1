package reports

import (
	"encoding/json"
	"fmt"
	"net/mail"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/language"

	"deskstream/schemas"
)

// personValues are the fields of a person that a call may set. Null or absent says nothing, "" empties a field.
type personValues struct {
	FirstName   *string           `json:"first_name,omitempty" maxLength:"255"`
	LastName    *string           `json:"last_name,omitempty" maxLength:"255"`
	Email       *string           `json:"email,omitempty" maxLength:"320"`
	PhoneNumber *string           `json:"phone_number,omitempty" maxLength:"64" doc:"With the country code, as +49 30 123456"`
	ExternalID  *string           `json:"external_id,omitempty" maxLength:"1024"`
	Language    *string           `json:"language,omitempty" maxLength:"64" doc:"BCP 47, as en-US"`
	Timezone    *string           `json:"timezone,omitempty" maxLength:"64" doc:"IANA, as Europe/Berlin"`
	Permissions *permissionValues `json:"permissions,omitempty" doc:"An explicit no outlives every sync, merge and resync"`

	Custom map[string]json.RawMessage `json:"custom,omitempty" doc:"Fields of your own: text, number, boolean or list of texts; null takes one away. A person has at most 200, of 256 KiB of JSON together"`
}

type permissionValues struct {
	Email *bool `json:"email,omitempty" doc:"May be mailed"`
	SMS   *bool `json:"sms,omitempty" doc:"May be texted"`
}

// maxName bounds what a person is called by, as the tags maxLength of such parameters do: as much as "external:" and the longest external id.
const maxName = 1033

// longest is how many characters the texts of a person may have, by name, as the tags say it.
var longest = func() map[string]int {
	out := map[string]int{}
	for f := range reflect.TypeFor[personValues]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if n, err := strconv.Atoi(f.Tag.Get("maxLength")); err == nil {
			out[name] = n
		}
	}
	return out
}()

// empty says whether nothing is said.
func (v *personValues) empty() bool {
	return (v.Permissions == nil || *v.Permissions == permissionValues{}) && len(v.Custom) == 0 && v.system() == schemas.PersonValues{}
}

func (v *personValues) system() schemas.PersonValues {
	return schemas.PersonValues{
		FirstName: v.FirstName, LastName: v.LastName, Email: v.Email, PhoneNumber: v.PhoneNumber, Language: v.Language, Timezone: v.Timezone,
		ExternalID: v.ExternalID,
	}
}

// change gives the values as an event tells them.
func (v *personValues) change(at time.Time) schemas.PersonChange {
	c := schemas.PersonChange{At: at, Values: v.system(), Custom: v.Custom}
	if v.Permissions != nil {
		c.Email, c.SMS = v.Permissions.Email, v.Permissions.SMS
	}
	return c
}

const (
	maxCustomFields = 50
	maxCustomBytes  = 4096
)

// clean brings values into the form they are compared in and refuses those that cannot be used; at is where they stand.
func (v *personValues) clean(at string) fieldErrors {
	bad := v.tooLong(at)
	if len(bad) > 0 {
		return bad
	}
	system := v.system()
	for _, t := range system.All() {
		if t != nil {
			*t = strings.TrimSpace(*t)
		}
	}
	check := func(value *string, name, accepted string, ok func(string) bool) {
		if value != nil && *value != "" && !ok(*value) {
			bad.add(at+name, accepted)
		}
	}
	if v.Email != nil {
		*v.Email = strings.ToLower(*v.Email)
	}
	check(v.Email, "email", "must be an address as jo@x.test", isAddress)
	check(v.PhoneNumber, "phone_number", "must be a number with its country code as +49 30 123456", func(s string) bool {
		*v.PhoneNumber = schemas.PhoneNumber(s)
		return *v.PhoneNumber != ""
	})
	check(v.Language, "language", "must be a language as en-US (BCP 47)", func(s string) bool { _, err := language.Parse(s); return err == nil })
	check(v.Timezone, "timezone", mustBeZone, func(s string) bool {
		_, err := time.LoadLocation(s)
		return err == nil && s != "Local"
	})
	if len(v.Custom) > maxCustomFields {
		bad.add(at+"custom", fmt.Sprintf("must have at most %d fields", maxCustomFields))
		return bad
	}
	for key, raw := range v.Custom {
		value, ok := schemas.Compact(raw)
		if v.Custom[key] = value; !schemas.CustomKey.MatchString(key) {
			bad.add(at+"custom."+key, "a name must begin with a letter and have up to 64 of a-z, 0-9, _ and -")
		} else if !ok || !isCustomValue(value) {
			bad.add(at+"custom."+key, fmt.Sprintf("must be a text, a number, true, false, a list of texts or null, up to %d bytes as JSON", maxCustomBytes))
		}
	}
	return bad
}

// tooLong names the texts that have too many characters.
func (v *personValues) tooLong(at string) fieldErrors {
	var bad fieldErrors
	for name, to := range v.texts() {
		if n := longest[name]; utf8.RuneCountInString(textOf(*to)) > n {
			bad.add(at+name, fmt.Sprintf("must have at most %d characters", n))
		}
	}
	slices.SortFunc(bad, func(a, b schemas.Field) int { return strings.Compare(a.Location, b.Location) })
	return bad
}

// texts gives the places of the texts by name.
func (v *personValues) texts() map[string]**string {
	return map[string]**string{
		"first_name": &v.FirstName, "last_name": &v.LastName, "email": &v.Email, "phone_number": &v.PhoneNumber, "external_id": &v.ExternalID,
		"language": &v.Language, "timezone": &v.Timezone,
	}
}

func isAddress(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s && len(s) <= 320
}

func isCustomValue(raw json.RawMessage) bool {
	var v any
	if len(raw) > maxCustomBytes || json.Unmarshal(raw, &v) != nil {
		return false
	}
	switch v := v.(type) {
	case nil, string, float64, bool:
		return true
	case []any:
		return !slices.ContainsFunc(v, func(item any) bool { _, text := item.(string); return !text })
	}
	return false
}
