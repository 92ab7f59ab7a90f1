package reports

import (
	"strconv"
	"time"
)

// userKey tells users, or organizations, of several accounts apart.
func userKey(account string, user int64) string { return account + " " + strconv.FormatInt(user, 10) }

// idText gives an id as the API writes it; "" for none.
func idText(id int64) string {
	if id == 0 {
		return ""
	}
	return strconv.FormatInt(id, 10)
}

func utc(t *time.Time) any {
	if t == nil {
		return nil
	}
	return t.UTC()
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// parseID reads an id that idText wrote; anything else is 0.
func parseID(s string) int64 {
	id, _ := strconv.ParseInt(s, 10, 64) // 0 means none, as "" does
	return id
}
