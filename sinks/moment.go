package sinks

import (
	"math"
	"time"
)

// lastSecond is the largest DateTime that ClickHouse holds.
const lastSecond = math.MaxUint32

// parseTime gives seconds since 1970, brought into the range of DateTime, where ClickHouse itself would wrap around.
func parseTime(s []byte) (int64, bool) {
	sec, ok := parseUTC(s)
	if !ok {
		var t time.Time
		if t.UnmarshalText(s) != nil {
			return 0, false
		}
		sec = t.Unix()
	}
	return min(max(sec, 0), lastSecond), true
}

// parseUTC reads 2006-01-02T15:04:05Z, the form nearly all times have; false leaves the decision to package time.
func parseUTC(s []byte) (int64, bool) {
	if len(s) != 20 || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' || s[19] != 'Z' {
		return 0, false
	}
	var n [6]int
	for i, field := range [6][]byte{s[0:4], s[5:7], s[8:10], s[11:13], s[14:16], s[17:19]} {
		for _, b := range field {
			if b < '0' || b > '9' {
				return 0, false
			}
			n[i] = n[i]*10 + int(b-'0')
		}
	}
	t := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], 0, time.UTC)
	// A field that is out of its range moves those before it.
	if t.Month() != time.Month(n[1]) || t.Day() != n[2] || n[3] > 23 || n[4] > 59 || n[5] > 59 {
		return 0, false
	}
	return t.Unix(), true
}

// month is the value of toYYYYMM.
func month(seconds int64) int {
	t := time.Unix(seconds, 0).UTC()
	return t.Year()*100 + int(t.Month())
}
