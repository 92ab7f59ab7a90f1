package processors

import (
	"strings"
	"time"
	"unicode"

	"github.com/nyaruka/phonenumbers"
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

// phoneNumber gives the E.164 form of a number that carries its country code, "" for any other: without a country it could be anyone's.
func phoneNumber(s string) string {
	s = strings.TrimSpace(s)
	if len(s) < 5 || len(s) > 64 || s[0] != '+' {
		return ""
	}
	n, err := phonenumbers.Parse(s, "ZZ")
	if err != nil || !phonenumbers.IsPossibleNumber(n) {
		return ""
	}
	return phonenumbers.Format(n, phonenumbers.E164)
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

// identity is a name by which a user may be the same person as another. Kind is one of the settings' identifiers.
type identity struct {
	kind, value string
	strong      bool // may merge people; a weak one only finds them
}

// Kinds of identities, as the settings name them.
const (
	byExternal = "external-id"
	byEmail    = "email"
	byPhone    = "phone-number"
)

// identitiesOf keeps addresses and numbers that are proven to be the user's own.
func identitiesOf(list []schemas.ZIdentity) []identity {
	var out []identity
	for _, z := range list {
		switch {
		case !z.Verified:
		case z.Type == "email" && personal(z.Deliverable):
			out = append(out, identity{byEmail, foldEmail(z.Value), true})
		case z.Type == "phone_number":
			if n := phoneNumber(z.Value); n != "" {
				out = append(out, identity{byPhone, n, true})
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
// number unless it is shared. An address that is not verified only finds the user.
func (u *user) identities() []identity {
	if u.id == 0 {
		return nil
	}
	f := u.now()
	if f.erased {
		return nil
	}
	var out []identity
	add := func(i identity) {
		if i.value == "" {
			return
		}
		for j := range out {
			if out[j].kind == i.kind && out[j].value == i.value {
				out[j].strong = out[j].strong || i.strong
				return
			}
		}
		out = append(out, i)
	}
	add(identity{byExternal, strings.ToLower(strings.TrimSpace(f.external)), true})
	add(identity{byEmail, foldEmail(f.email), f.verified && !f.fetched})
	for _, i := range f.identities {
		if f.fetched {
			add(i)
		}
	}
	add(identity{byEmail, u.system.email.value, false}) // kept past a deletion
	if !f.shared {
		add(identity{byPhone, f.dial, true})
	}
	return out
}
