package processors

import (
	"fmt"
	"testing"
)

// TestRatingWithinASecond: a rating that is answered in the second in which it was offered is answered, in whatever order the two forms come.
func TestRatingWithinASecond(t *testing.T) {
	t.Parallel()
	for _, hashes := range [][2]uint64{{1, 2}, {2, 1}} {
		offered := rating{id: 7, score: "offered", updated: 100, hash: hashes[0]}
		given := rating{id: 7, score: "good", updated: 100, hash: hashes[1]}
		later := rating{id: 7, score: "offered", updated: 101, hash: hashes[0]}
		for _, c := range []struct {
			forms []rating
			want  string
		}{
			{[]rating{offered, given}, "good"},
			{[]rating{given, offered}, "good"},
			{[]rating{offered, given, offered}, "good"},
			{[]rating{later, given}, "offered"},
			{[]rating{given, later}, "offered"},
		} {
			x := &ticket{}
			for _, form := range c.forms {
				x.takeRating(form)
			}
			if len(x.ratings) != 1 || x.ratings[0].score != c.want {
				t.Errorf("of %s %s is kept", fmt.Sprintf("%+v", c.forms), x.ratings[0].score)
			}
		}
	}
}
