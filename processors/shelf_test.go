package processors

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"deskstream/schemas"
)

// TestShelves: whatever users come, change and go, and in whatever batches: each identity is on the one shelf where it belongs, with those who
// carry it; there are as many shelves as there should be; and a catalogue of any time before leads to it.
func TestShelves(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, rnd := newStore(), rand.New(rand.NewSource(rapid.Int64().Draw(t, "seed")))
		var f feed
		f.connect(replayStart)
		s.batches(fataler{t}, f.out, 1)
		if rapid.Bool().Draw(t, "cached") {
			s.cache = map[string]*schemas.StateRow{}
		}
		users := map[int]string{}
		var catalogues [][]byte
		for round := range 12 {
			f.out = f.out[:0]
			for range 1 + rnd.Intn(60) {
				id := 1 + rnd.Intn(200)
				users[id] = fmt.Sprintf("u%d@x.test", rnd.Intn(150))
				if rnd.Intn(10) == 0 {
					users[id] = ""
				}
				f.add(schemas.KindUser, "poll", replayStart, fmt.Appendf(nil, `{"id":%d,"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-03-01T%02d:%02d:%02dZ",`+
					`"role":"end-user","active":true,"email":%q,"external_id":"E%d"}`, id, round, len(f.out)/60, len(f.out)%60, users[id], id))
			}
			s.batches(fataler{t}, f.out, 1+rnd.Intn(len(f.out)))
			s.checkShelves(t, users)
			catalogues = append(catalogues, s.state[catalogueKey(testAccount+".")])
		}
		for _, old := range catalogues {
			s.state[catalogueKey(testAccount+".")] = old
			for id := 1 + rnd.Intn(20); id <= 200; id += 20 {
				if users[id] == "" {
					continue
				}
				if facts := s.look(fataler{t}, fmt.Sprintf("external:e%d", id)); facts == nil || !contains(facts.Person.UserIDs, int64(id)) {
					t.Fatalf("user %d is not found by its external id", id)
				}
			}
		}
	})
}

// checkShelves holds the shelves against the addresses of all users there are.
func (s *store) checkShelves(t *rapid.T, users map[int]string) {
	want := map[string]string{}
	for id := 1; id <= 200; id++ {
		address, there := users[id]
		if !there {
			continue
		}
		want[fmt.Sprintf("%s e%d", byExternal, id)] = fmt.Sprint([]int64{int64(id)})
		if address != "" {
			want[byEmail+" "+address] = strings.TrimSpace(want[byEmail+" "+address] + " " + fmt.Sprint(id))
		}
	}
	c, err := value[catalogue](&schemas.StateRow{Data: s.state[catalogueKey(testAccount+".")]})
	if err != nil || c == nil {
		t.Fatalf("catalogue: %v", err)
	}
	for n := range c.count() {
		sh, err := value[shelf](&schemas.StateRow{Data: s.state[shelfKey(testAccount+".", n)]})
		if err != nil {
			t.Fatal(err)
		}
		if sh == nil {
			continue
		}
		for data := sh.data; len(data) > 0; {
			e, rest := nextShelved(data)
			data = rest
			id := schemas.Identity{Kind: identityKinds[e.name[0]], Value: string(e.name[1:])}
			row, err := sh.identity(id)
			if err != nil {
				t.Fatal(err)
			}
			if at := c.of(identityHash(id)); at != n || lastBits(identityHash(id), sh.depth) != n {
				t.Fatalf("%v is on shelf %d of depth %d instead of %d", id, n, sh.depth, at)
			}
			key := id.Kind + " " + id.Value
			if have := fmt.Sprint(row.users); have != want[key] && have != "["+want[key]+"]" {
				t.Fatalf("%s is carried by %s instead of %s", key, have, want[key])
			}
			delete(want, key)
			c.identities--
		}
	}
	if len(want) > 0 || c.identities != 0 {
		t.Fatalf("%v are on no shelf, the catalogue has %d more", want, c.identities)
	}
	if c, _ = value[catalogue](&schemas.StateRow{Data: s.state[catalogueKey(testAccount+".")]}); crowded(c.count(), c.identities) {
		t.Fatalf("%d identities are on %d shelves", c.identities, c.count())
	}
}
