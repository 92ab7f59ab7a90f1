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
	if usualTag(locale) {
		return locale
	}
	return parsedTag(locale)
}

// usualTag says whether a locale is a language and maybe a country in their usual form, to which a parser would change nothing.
func usualTag(s string) bool {
	if len(s) != 2 && (len(s) != 5 || s[2] != '-' || s[3] < 'A' || s[3] > 'Z' || s[4] < 'A' || s[4] > 'Z') {
		return s == ""
	}
	return s[0] >= 'a' && s[0] <= 'z' && s[1] >= 'a' && s[1] <= 'z'
}

func parsedTag(locale string) string {
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

// identitiesOf keeps addresses and numbers; only those that are proven to be the user's own may merge it.
func identitiesOf(list []schemas.ZIdentity) []schemas.Identity {
	var out []schemas.Identity
	for _, z := range list {
		switch {
		case z.Type == "email" && personal(z.Deliverable):
			out = append(out, schemas.Identity{Kind: schemas.IdentifierEmail, Value: foldEmail(z.Value), Strong: z.Verified})
		case z.Type == "phone_number":
			if n := schemas.PhoneNumber(z.Value); n != "" {
				out = append(out, schemas.Identity{Kind: schemas.IdentifierPhone, Value: n, Strong: z.Verified})
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
func (u *user) identities() []hashedIdentity {
	if u.id == 0 {
		return nil
	}
	f := u.now()
	if f.erased {
		return nil
	}
	list := make([]hashedIdentity, 0, len(identityKinds))
	list = add(list, schemas.IdentifierExternalID, strings.ToLower(strings.TrimSpace(f.external)), true)
	list = add(list, schemas.IdentifierEmail, foldEmail(f.email), f.verified && !f.fetched)
	if f.fetched {
		for _, i := range f.identities {
			list = add(list, i.Kind, i.Value, i.Strong)
		}
	}
	// Kept past a deletion: who comes back under the same proven address is the same person, with what they decided.
	list = add(list, schemas.IdentifierEmail, u.system.email.value, f.verified && !f.active)
	if !f.shared {
		list = add(list, schemas.IdentifierPhone, f.dial, true)
	}
	return u.apiValues.identities(list)
}

// add adds an identity to a list, which has each once: strong if one of its mentions is.
func add(list []hashedIdentity, kind, value string, strong bool) []hashedIdentity {
	if value == "" {
		return list
	}
	for n := range list {
		if x := &list[n]; x.Kind == kind && x.Value == value {
			x.Strong = x.Strong || strong
			return list
		}
	}
	return append(list, newHashedIdentity(schemas.Identity{Kind: kind, Value: value, Strong: strong}))
}
