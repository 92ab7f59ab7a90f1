package processors

import (
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/language"

	"deskstream/schemas"
)

// maxNamePart bounds first and last name in characters.
const maxNamePart = 255

// splitName splits a name at its first space: the first word is the first name, the rest the last name (R31 to R33). Any Unicode space
// counts, runs of them as one.
func splitName(name string) (first, last string) {
	words := strings.FieldsFunc(name, unicode.IsSpace)
	if len(words) == 0 {
		return "", ""
	}
	return bound(words[0]), bound(strings.Join(words[1:], " "))
}

func bound(s string) string {
	n := 0
	for i := range s {
		if n == maxNamePart {
			return s[:i]
		}
		n++
	}
	return s
}

// languageTag brings a Zendesk locale to a BCP 47 tag; one that is none stays as it is.
func languageTag(locale string) string {
	if locale == "" {
		return ""
	}
	tag, err := language.Raw.Parse(locale)
	if err != nil {
		return locale
	}
	return tag.String()
}

func parseTime(s string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339Nano, s)
	return t, err == nil
}

// Kinds of identities, as the settings name them.
const (
	byExternal = "external-id"
	byEmail    = "email"
	byPhone    = "phone-number"
)

// identitiesOf keeps addresses and numbers that are proven to be the user's own.
func identitiesOf(list []schemas.ZIdentity) []schemas.Identity {
	var out []schemas.Identity
	for _, z := range list {
		switch {
		case !z.Verified:
		case z.Type == "email" && personal(z.Deliverable):
			out = append(out, schemas.Identity{Kind: byEmail, Value: foldEmail(z.Value), Strong: true})
		case z.Type == "phone_number":
			if n := schemas.PhoneNumber(z.Value); n != "" {
				out = append(out, schemas.Identity{Kind: byPhone, Value: n, Strong: true})
			}
		}
	}
	return out
}

// personal leaves out addresses behind which there is no single person.
func personal(state string) bool {
	switch state {
	case "mailing_list", "machine", "mailer_daemon", "ticket_sharing_partner":
		return false
	}
	return true
}

func foldEmail(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// identities lists by what the user may be found and merged: external id (case does not matter), verified email addresses, phone
// number unless it is shared, and whatever was told through our API. An address that is not verified only finds the user. Of a deleted user the
// address it had still counts.
func (u *user) identities() []schemas.Identity {
	if u.id == 0 {
		return nil
	}
	f := u.now()
	if f.erased {
		return nil
	}
	var out []schemas.Identity
	add := func(i schemas.Identity) {
		if i.Value == "" {
			return
		}
		for j := range out {
			if out[j].Kind == i.Kind && out[j].Value == i.Value {
				out[j].Strong = out[j].Strong || i.Strong
				return
			}
		}
		out = append(out, i)
	}
	add(schemas.Identity{Kind: byExternal, Value: strings.ToLower(strings.TrimSpace(f.external)), Strong: true})
	add(schemas.Identity{Kind: byEmail, Value: foldEmail(f.email), Strong: f.verified && !f.fetched})
	for _, i := range f.identities {
		if f.fetched {
			add(i)
		}
	}
	// Kept past a deletion: who comes back under the same proven address is the same person, with what they decided.
	add(schemas.Identity{Kind: byEmail, Value: u.system.email.value, Strong: f.verified && !f.active})
	if !f.shared {
		add(schemas.Identity{Kind: byPhone, Value: f.dial, Strong: true})
	}
	for _, i := range u.told.identities() {
		add(i)
	}
	return out
}
