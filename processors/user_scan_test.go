package processors

import (
	"math/rand"
	"reflect"
	"strings"
	"testing"

	"deskstream/schemas"
)

// userSamples are records in which every member is told in some way or other, and what is near them.
var userSamples = []string{
	`{"id":7,"url":"https://x.test/7.json","name":"Jo \"the\" Doe","email":" Jo@x.test","phone":"+49 30 123456","shared_phone_number":false,"alias":"","details":"a\nb","notes":"é",` +
		`"role":"end-user","locale":"en-US","time_zone":"Berlin","iana_time_zone":"Europe/Berlin","verified":true,"active":true,"suspended":false,"external_id":"E-1","tags":["a","b\u00e9"],` +
		`"organization_id":null,"user_fields":{"tier":"gold","seats":5,"a.b":1.50,"no":null,"yes":true},"last_login_at":"2026-03-01T10:00:00Z","created_at":"2026-02-28T23:59:59Z",` +
		`"updated_at":"2026-03-02T09:00:00Z","permanently_deleted":false,"identities":[{"id":1,"type":"email","value":"jo@x.test","verified":true}],"photo":{"url":null,"sizes":[1,-2.5e3]}}`,
	`{"id":"8","active":null,"last_login_at":null,"tags":[],"user_fields":{},"created_at":"2024-02-29T00:00:00Z","updated_at":null,"organization_id":"12","email":null}`,
	` { "id" : 9 , "user_fields" : { "b" : "x" , "a" : "y" } , "created_at" : "2026-03-02T09:00:00Z" } `,
	`{"id":1,"user_fields":{"a":"<&>","b":"ü","c":[1,"x"],"d":{"z":1,"y":2},"e":12345678901234567890,"f":-0,"g":1e3},"created_at":"2026-03-02T09:00:00Z"}`,
	`{"id":1,"user_fields":{"a":1,"a":2},"created_at":"2026-03-02T09:00:00Z"}`,
	`{"id":1,"user_fields":{"a":1,"a ":2,"a!":3},"created_at":"2026-03-02T09:00:00Z"}`,
	`{"id":1,"user_fields":[],"created_at":"2026-03-02T09:00:00Z"}`,
	`{"id":1,"Name":"in capitals","created_at":"2026-03-02T09:00:00Z"}`,
	`{"id":1,"name":"one","name":"two","created_at":"2026-03-02T09:00:00Z"}`,
	`{"id":1,"n\u0061me":"escaped","created_at":"2026-03-02T09:00:00Z"}`,
	`{"id":1,"name":"\ud83d\ude00 \ud83d \\ \/","created_at":"2026-03-02T09:00:00.5+01:00"}`,
	`{"id":1,"name":"` + "\xff" + `","created_at":"2026-02-30T09:00:00Z"}`,
	`{"id":1,"name":5,"created_at":"2026-03-02T24:00:00Z"}`,
	`{"id":1.5,"tags":null,"verified":"yes"}`, `{"id":1,"tags":["a",null,5]}`, `{"id":1,"tags":{}}`, `{"id":1,` +
		`"identities":[{"id":"x"}]}`, `{"id":01}`, `{"id":1}x`, `{"id":1,}`, `{"user_fields":{`, `{"user_fields":{"`, `{`, ``, `[]`, `null`,
}

// TestUserReaderAgreesWithEncodingJSON: whatever the reader of records takes, it takes as encoding/json does.
func TestUserReaderAgreesWithEncodingJSON(t *testing.T) {
	t.Parallel()
	for _, sample := range userSamples {
		agree(t, []byte(sample))
	}
	pieces := []string{`"`, `\`, `{`, `}`, `[`, `]`, `,`, `:`, `null`, `true`, `0`, `-`, `1e5`, `.`, ` `, "\n", "\x00", "\xc3", `\u00`, `"id":2`, `"x":{}`, `Z`, `T`, `9`, `_`, `A`}
	random := rand.New(rand.NewSource(1))
	taken := 0
	for range 20000 {
		s := userSamples[random.Intn(4)]
		for range 1 + random.Intn(2) {
			at := random.Intn(len(s) + 1)
			end := min(len(s), at+random.Intn(3))
			s = s[:at] + pieces[random.Intn(len(pieces))] + s[end:]
		}
		if agree(t, []byte(s)) {
			taken++
		}
	}
	if taken < 1000 {
		t.Errorf("the reader took %d of 20000 records: too few to tell", taken)
	}
}

// FuzzUserReader: as TestUserReaderAgreesWithEncodingJSON.
func FuzzUserReader(f *testing.F) {
	for _, s := range userSamples {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) { agree(t, data) })
}

// agree says whether the reader took a record, and fails if encoding/json takes it in another way.
func agree(t *testing.T, data []byte) bool {
	t.Helper()
	var r userReader
	if !r.read(data) {
		return false
	}
	var want schemas.ZUser
	it := &item{ev: &schemas.Event{Kind: schemas.KindUser}}
	if !it.unmarshal(data, &want) {
		t.Fatalf("%s: taken, but it is %s", data, it.reason)
	}
	fields := fieldsOf(want.UserFields)
	want.UserFields = nil
	if got := orElse(r.fields, "{}"); got != fields {
		t.Fatalf("%s:\n got fields %s\nwant fields %s", data, got, fields)
	}
	if !reflect.DeepEqual(r.user, want) {
		t.Fatalf("%s:\n got %+v\nwant %+v", data, r.user, want)
	}
	return true
}

// TestUserReaderTakesZendesksForm: the usual records are not left to encoding/json.
func TestUserReaderTakesZendesksForm(t *testing.T) {
	t.Parallel()
	for _, sample := range userSamples[:4] {
		if !agree(t, []byte(sample)) {
			t.Errorf("not taken: %s", sample)
		}
	}
}

// TestLanguagesInUsualFormStay: a tag of two letters, or of two and a country, is what a parser makes of it.
func TestLanguagesInUsualFormStay(t *testing.T) {
	t.Parallel()
	letters := "abcdefghijklmnopqrstuvwxyz"
	check := func(locale string) {
		if got, want := languageTag(locale), parsedTag(locale); got != want {
			t.Fatalf("%s: got %s, want %s", locale, got, want)
		}
	}
	for _, a := range letters {
		for _, b := range letters {
			language, country := string([]rune{a, b}), strings.ToUpper(string([]rune{a, b}))
			for _, locale := range []string{language, language + "-US", language + "-ZZ", "en-" + country, "zh-" + country, "xx-" + country} {
				check(locale)
			}
		}
	}
}
