package schemas

import (
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// PhoneNumber gives the E.164 form of a number that carries its country code, "" for any other: without a country it could be anyone's.
func PhoneNumber(s string) string {
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
