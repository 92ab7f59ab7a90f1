package reports

import (
	"time"

	"deskstream/schemas"
)

// fixtureHours are open from 9 to 17 on all days; on the 6th there is no schedule, and from the 10th on the account closes at 13. Another account is
// always open.
func fixtureHours() []schemas.OpeningHours {
	epoch := time.Unix(0, 0).UTC()
	out := []schemas.OpeningHours{{Account: testAccount, InForceFrom: at("06 00:00"), OpensAt: epoch, ClosesAt: epoch}}
	for _, v := range []struct {
		account      string
		from         time.Time
		opens, lasts time.Duration
	}{
		{testAccount, epoch, 9 * time.Hour, 8 * time.Hour},
		{testAccount, at("07 00:00"), 9 * time.Hour, 8 * time.Hour},
		{testAccount, at("10 00:00"), 9 * time.Hour, 4 * time.Hour},
		{"other", epoch, 0, 24 * time.Hour},
	} {
		h := schemas.OpeningHours{Account: v.account, InForceFrom: v.from, OpensAt: epoch, ClosesAt: epoch, ScheduleID: 7}
		out = append(out, h)
		for day := range 31 {
			h.OpensAt = at("01 00:00").AddDate(0, 0, day).Add(v.opens)
			h.ClosesAt, h.OpenBeforeS = h.OpensAt.Add(v.lasts), int64(day)*int64(v.lasts/time.Second)
			out = append(out, h)
		}
	}
	return out
}
