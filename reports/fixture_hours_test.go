package reports

import (
	"time"

	"deskstream/schemas"
)

// fixtureHours are open from 9 to 17 on all days; on the 6th there is no schedule, and from the 10th on the account closes at 13. Another account is
// always open.
func fixtureHours() []schemas.OpeningHours {
	begin := schemas.OpeningHours{Account: testAccount, InForceFrom: at("06 00:00"), Year: 1970, Opens: []int64{0}, Closes: []int64{0}}
	out := []schemas.OpeningHours{begin}
	for _, v := range []struct {
		account      string
		from         time.Time
		opens, lasts int64 // hours
	}{
		{testAccount, time.Unix(0, 0).UTC(), 9, 8}, {testAccount, at("07 00:00"), 9, 8}, {testAccount, at("10 00:00"), 9, 4}, {"other", time.Unix(0, 0).UTC(), 0, 24},
	} {
		h := begin
		h.Account, h.InForceFrom, h.ScheduleID = v.account, v.from, 7
		out = append(out, h)
		h.Year, h.Opens, h.Closes = 2025, []int64{at("01 00:00").AddDate(-1, 0, 0).Unix()}, []int64{at("01 00:00").AddDate(-1, 0, 0).Unix() + 60}
		out = append(out, h)
		h.Year, h.Opens, h.Closes, h.OpenBeforeS = 2026, nil, nil, 60
		for day := range int64(31) {
			opens := at("01 00:00").Unix() + 86400*day + 3600*v.opens
			h.Opens, h.Closes = append(h.Opens, opens), append(h.Closes, opens+3600*v.lasts)
		}
		out = append(out, h)
	}
	return out
}
