package processors

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"deskstream/schemas"
)

// TestIdentityBuckets: whatever users come, change and go, and in whatever batches: each identity is on the one bucket where it belongs, with those who
// carry it; there are as many buckets as there should be; and a directory of any time before leads to it.
func TestIdentityBuckets(t *testing.T) {
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
			s.checkBuckets(t, users)
			catalogues = append(catalogues, s.state[directoryKey(testAccount+".")])
		}
		for _, old := range catalogues {
			s.state[directoryKey(testAccount+".")] = old
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

// checkBuckets holds the buckets against the addresses of all users there are.
func (s *store) checkBuckets(t *rapid.T, users map[int]string) {
	want := map[string]string{}
	for id := 1; id <= 200; id++ {
		address, there := users[id]
		if !there {
			continue
		}
		want[fmt.Sprintf("%s e%d", schemas.IdentifierExternalID, id)] = fmt.Sprint([]int64{int64(id)})
		if address != "" {
			want[schemas.IdentifierEmail+" "+address] = strings.TrimSpace(want[schemas.IdentifierEmail+" "+address] + " " + fmt.Sprint(id))
		}
	}
	c, err := value[bucketDirectory](&schemas.StateRow{Data: s.state[directoryKey(testAccount+".")]})
	if err != nil || c == nil {
		t.Fatalf("directory: %v", err)
	}
	for n := range c.count() {
		sh, err := value[identityBucket](&schemas.StateRow{Data: s.state[bucketKey(testAccount+".", n)]})
		if err != nil {
			t.Fatal(err)
		}
		if sh == nil {
			continue
		}
		for data := sh.data; len(data) > 0; {
			e, rest := nextStored(data)
			data = rest
			id := schemas.Identity{Kind: identityKinds[e.name[0]], Value: string(e.name[1:])}
			row, err := sh.identity(id)
			if err != nil {
				t.Fatal(err)
			}
			if at := c.of(identityHash(id)); at != n || lastBits(identityHash(id), sh.depth) != n {
				t.Fatalf("%v is on bucket %d of depth %d instead of %d", id, n, sh.depth, at)
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
		t.Fatalf("%v are on no bucket, the directory has %d more", want, c.identities)
	}
	if c, _ = value[bucketDirectory](&schemas.StateRow{Data: s.state[directoryKey(testAccount+".")]}); crowded(c.count(), c.identities) {
		t.Fatalf("%d identities are on %d buckets", c.identities, c.count())
	}
}
