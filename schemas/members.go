package schemas

import "time"

// MemberParts is into how many parts the users of an account are divided when their memberships are told as a whole.
const MemberParts = 256

// MemberPart says which part a user belongs to.
func MemberPart(user ZID) int { return int(uint64(user) * 0x9E3779B97F4A7C15 >> 56) }

// MemberRoll is what one reading of the whole list of organization memberships showed of the users of one part. The list does not tell
// which memberships ended: those that an earlier roll had and this one has not.
type MemberRoll struct {
	Part    int       `json:"part"`    // 0 to MemberParts-1
	At      time.Time `json:"at"`      // what began, changed or ended later may be missing
	Members [][2]ZID  `json:"members"` // user and organization
}
