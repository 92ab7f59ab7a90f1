package processors

import (
	"bytes"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"deskstream/schemas"
)

// userReader reads the record of a user in the form that Zendesk gives it: a contact sync brings hundreds of thousands of them.
type userReader struct {
	words []byte // the strings of the record, one behind the other
	ends  [12]wordEnd
	said  int // how many of ends there are

	active bool
	login  time.Time
	user   schemas.ZUser // without its fields
	fields string        // user_fields as an object with sorted keys
}

// userReaders are readers with the room for strings that they had before.
var userReaders = sync.Pool{New: func() any { return new(userReader) }}

// read reads a record; it is false when that is for encoding/json. What it gives is good until the next one is read.
func (r *userReader) read(data []byte) bool {
	*r = userReader{words: r.words[:0]}
	s := scanner{b: data}
	if s.space(); s.i == len(data) || data[s.i] != '{' {
		return false
	}
	scanObject(&s, r, userMembers)
	r.share()
	return s.whole()
}

// userMembers are the members of a record that matter, in the order in which Zendesk writes them.
var userMembers = []property[userReader]{
	{"id", func(s *scanner, r *userReader) { r.user.ID = s.id() }},
	{"url", func(s *scanner, r *userReader) { r.text(s, &r.user.URL) }},
	{"name", func(s *scanner, r *userReader) { r.text(s, &r.user.Name) }},
	{"email", func(s *scanner, r *userReader) { r.text(s, &r.user.Email) }},
	{"created_at", func(s *scanner, r *userReader) { r.user.CreatedAt = s.time() }},
	{"updated_at", func(s *scanner, r *userReader) { r.user.UpdatedAt = s.time() }},
	{"time_zone", func(s *scanner, r *userReader) { r.text(s, &r.user.TimeZone) }},
	{"iana_time_zone", func(s *scanner, r *userReader) { r.text(s, &r.user.IANATimeZone) }},
	{"phone", func(s *scanner, r *userReader) { r.text(s, &r.user.Phone) }},
	{"shared_phone_number", func(s *scanner, r *userReader) { s.truth(&r.user.SharedPhone) }},
	{"locale", func(s *scanner, r *userReader) { r.text(s, &r.user.Locale) }},
	{"organization_id", func(s *scanner, r *userReader) { r.user.Organization = s.id() }},
	{"role", func(s *scanner, r *userReader) { r.text(s, &r.user.Role) }},
	{"verified", func(s *scanner, r *userReader) { s.truth(&r.user.Verified) }},
	{"external_id", func(s *scanner, r *userReader) { r.text(s, &r.user.ExternalID) }},
	{"tags", func(s *scanner, r *userReader) { r.user.Tags = s.strings() }},
	{"alias", func(s *scanner, r *userReader) { r.text(s, &r.user.Alias) }},
	{"active", func(s *scanner, r *userReader) {
		if s.truth(&r.active) {
			r.user.Active = &r.active
		}
	}},
	{"last_login_at", func(s *scanner, r *userReader) {
		if !s.null() {
			r.login = s.time()
			r.user.LastLoginAt = &r.login
		}
	}},
	{"details", func(s *scanner, r *userReader) { r.text(s, &r.user.Details) }},
	{"notes", func(s *scanner, r *userReader) { r.text(s, &r.user.Notes) }},
	{"suspended", func(s *scanner, r *userReader) { s.truth(&r.user.Suspended) }},
	{"user_fields", func(s *scanner, r *userReader) { r.userFields(s) }},
	{"permanently_deleted", func(s *scanner, r *userReader) { s.truth(&r.user.PermanentlyDe) }},
	{"identities", func(s *scanner, r *userReader) {
		s.odd = json.Unmarshal(s.raw(), &r.user.Identities) != nil || s.odd
	}},
}

// wordEnd is where a string ends among the strings of a record.
type wordEnd struct {
	to  *string
	end int
}

// text reads a string, which share gives out.
func (r *userReader) text(s *scanner, to *string) {
	r.words = append(r.words, s.text()...)
	r.ends[r.said] = wordEnd{to, len(r.words)}
	r.said++
}

// share gives out the strings, which have their memory in common.
func (r *userReader) share() {
	all, start := string(r.words), 0
	for _, w := range r.ends[:r.said] {
		*w.to = all[start:w.end]
		start = w.end
	}
}

// userField is a field of the customer's own as it stands in a record, its key with quotes.
type userField struct{ key, value []byte }

// userFields reads the fields of the customer's own and brings them to the form that schemas.Marshal gives an object.
func (r *userReader) userFields(s *scanner) {
	if s.null() {
		return
	}
	start := s.i
	if !s.take('{') {
		s.odd = true
	}
	var room [32]userField
	fields, simple := room[:0], true
	for first := true; !s.odd && !s.end('}', first); first = false {
		s.space()
		begin := s.i
		name := s.name()
		value := s.raw()
		if s.odd {
			return
		}
		key := s.b[begin : begin+len(name)+len(`""`)]
		fields, simple = append(fields, userField{key, value}), simple && keepsForm(key) && keepsForm(value)
	}
	switch {
	case s.odd, len(fields) == 0:
	case simple && sortFields(fields):
		r.fields = joinFields(fields)
	default:
		r.fields = canonical(s.b[start:s.i])
		s.odd = r.fields == ""
	}
}

// sortFields sorts fields by their keys; it is false when one stands twice.
func sortFields(fields []userField) bool {
	slices.SortFunc(fields, func(a, b userField) int { return bytes.Compare(a.key[:len(a.key)-1], b.key[:len(b.key)-1]) })
	for i := range fields[1:] {
		if bytes.Equal(fields[i].key, fields[i+1].key) {
			return false
		}
	}
	return true
}

// joinFields writes fields as an object, "{}" when they are too much.
func joinFields(fields []userField) string {
	n := len(`{`)
	for _, f := range fields {
		n += len(f.key) + len(f.value) + len(`:,`)
	}
	if n >= maxText {
		return "{}"
	}
	b := make([]byte, 0, n)
	for i, f := range fields {
		b = append(b, "{,"[min(i, 1)])
		b = append(append(append(b, f.key...), ':'), f.value...)
	}
	return string(append(b, '}'))
}

// keepsForm says whether schemas.Marshal writes a value as it was read.
func keepsForm(value []byte) bool {
	if len(value) == 0 {
		return false
	}
	switch c := value[0]; {
	case c == '"':
		for i := range len(value) {
			if c := value[i]; c >= 0x7f || c == '\\' {
				return false
			}
		}
		return true
	case c >= '1' && c <= '9':
		return len(bytes.Trim(value, "0123456789")) == 0
	}
	switch string(value) {
	case "0", "null", "true", "false":
		return true
	}
	return false
}

// canonical reads an object and writes it with sorted keys; "" when it is none.
func canonical(object []byte) string {
	var all map[string]json.RawMessage
	if json.Unmarshal(object, &all) != nil {
		return ""
	}
	return fieldsOf(all)
}

// fieldsOf writes the fields of the customer's own, "{}" when there are none or too much of them.
func fieldsOf(all map[string]json.RawMessage) string {
	if len(all) > 0 {
		if b, err := schemas.Marshal(all); err == nil && len(b) < maxText {
			return string(b)
		}
	}
	return "{}"
}
