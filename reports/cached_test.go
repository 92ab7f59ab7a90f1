package reports

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"deskstream/schemas"
)

// slowKeys is a store whose answers take a while.
type slowKeys struct {
	mu    sync.Mutex
	keys  []schemas.Key
	err   error
	takes time.Duration
	reads int
}

func (k *slowKeys) APIKeys(context.Context) ([]schemas.Key, error) {
	k.mu.Lock()
	k.reads++
	keys, err := k.keys, k.err
	k.mu.Unlock()
	time.Sleep(k.takes)
	return keys, err
}

// findAll looks for a key 20 times at once and says how long that took and what the last error was.
func findAll(ctx context.Context, keys *Keyring, text string) (took time.Duration, err error) {
	start := time.Now()
	var callers sync.WaitGroup
	errs := make([]error, 20)
	for i := range errs {
		callers.Go(func() { _, errs[i] = keys.find(ctx, text) })
	}
	callers.Wait()
	return time.Since(start), errors.Join(errs...)
}

// TestKnownKeysDoNotWaitForAStoreThatFails: those who ask while the store does not answer wait for one try together, and nobody for another one within
// a second.
func TestKnownKeysDoNotWaitForAStoreThatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const takes = 400 * time.Millisecond
		store := &slowKeys{keys: []schemas.Key{keyOf("known", "admin")}}
		keys := NewKeyring(store, time.Now)
		if _, err := keys.find(t.Context(), "known"); err != nil {
			t.Fatal(err)
		}
		store.err, store.takes = errors.New("away"), takes
		time.Sleep(keysFresh)
		if took, err := findAll(t.Context(), keys, "unknown"); took != takes || !errors.Is(err, schemas.ErrUnauthenticated) || store.reads != 2 {
			t.Errorf("20 unknown keys: %s, %d reads, %v", took, store.reads, err)
		}
		if took, err := findAll(t.Context(), keys, "known"); took != 0 || err != nil || store.reads != 2 {
			t.Errorf("20 known keys: %s, %d reads, %v", took, store.reads, err)
		}
		time.Sleep(readRetry)
		if took, err := findAll(t.Context(), keys, "known"); took != takes || err != nil || store.reads != 3 {
			t.Errorf("a second later: %s, %d reads, %v", took, store.reads, err)
		}
		time.Sleep(keysStale)
		if took, err := findAll(t.Context(), keys, "known"); took != takes || !errors.Is(err, schemas.ErrUnavailable) || store.reads != 4 {
			t.Errorf("when they are stale: %s, %d reads, %v", took, store.reads, err)
		}
	})
}

// TestKeyRevokedDuringARead: who asks after a key was revoked does not get what was read before, and neither does who comes later; a try that failed
// a moment ago puts nothing off.
func TestKeyRevokedDuringARead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &slowKeys{keys: []schemas.Key{keyOf("k", "admin")}, takes: time.Second}
		keys := NewKeyring(store, time.Now)
		before := make(chan error, 1)
		go func() {
			_, err := keys.find(t.Context(), "k")
			before <- err
		}()
		synctest.Wait() // it was read, and is under way
		revoke := func(at *time.Time) {
			key := keyOf("k", "admin")
			key.RevokedAt = at
			store.mu.Lock()
			store.keys, store.err = []schemas.Key{key}, nil
			store.mu.Unlock()
			keys.Changed()
		}
		revoke(&testNow)
		time.Sleep(time.Second / 2)
		if _, err := keys.find(t.Context(), "k"); !errors.Is(err, schemas.ErrUnauthenticated) {
			t.Errorf("asked after the change: %v", err)
		}
		if err := <-before; err != nil {
			t.Errorf("asked before the change: %v", err)
		}
		if _, err := keys.find(t.Context(), "k"); !errors.Is(err, schemas.ErrUnauthenticated) {
			t.Errorf("asked later: %v", err)
		}
		time.Sleep(keysFresh)
		store.err = errors.New("away")
		_, _ = keys.find(t.Context(), "k")
		revoke(nil)
		if _, err := keys.find(t.Context(), "k"); err != nil {
			t.Errorf("changed just after a try that failed: %v", err)
		}
	})
}

// TestWaitForAReadEndsWithItsCaller: a caller that gives up goes at once; the read goes on, for the others and for those to come.
func TestWaitForAReadEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &slowKeys{keys: []schemas.Key{keyOf("k", "admin")}, takes: 4 * time.Second}
		keys := NewKeyring(store, time.Now)
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if took, err := findAll(short, keys, "k"); took != time.Second || err == nil {
			t.Errorf("%s, %v", took, err)
		}
		if _, err := keys.find(t.Context(), "k"); err != nil || time.Since(start) != store.takes || store.reads != 1 {
			t.Errorf("%s, %d reads, %v", time.Since(start), store.reads, err)
		}
		if _, err := keys.find(short, "k"); err != nil {
			t.Errorf("what is known: %v", err)
		}
	})
}

// TestCachedReadThatBeginsAnew: who wants the newest state does not get that of a read which began before, and it stays known.
func TestCachedReadThatBeginsAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := 0
		c := cached[int]{now: time.Now, read: func(context.Context) (int, error) {
			begun++
			n := begun
			time.Sleep(time.Duration(5-n) * time.Second)
			return n, nil
		}}
		first := make(chan int, 1)
		go func() {
			n, _ := c.get(t.Context(), time.Minute)
			first <- n
		}()
		synctest.Wait()
		if n, err := c.get(t.Context(), 0); n != 2 || err != nil {
			t.Errorf("%d %v", n, err)
		}
		if n := <-first; n != 1 {
			t.Errorf("the first one got %d", n)
		}
		if n, _ := c.get(t.Context(), time.Minute); n != 2 {
			t.Errorf("%d is known", n)
		}
		c.set(7)
		if n, _ := c.get(t.Context(), time.Minute); n != 7 {
			t.Errorf("%d is known after 7 was stored", n)
		}
		c.forget()
		if n, ok := c.known(); n != 0 || ok {
			t.Errorf("%d is known after it was forgotten", n)
		}
	})
}

// slowSettings takes four seconds for every answer.
type slowSettings struct{ *memory }

func (slowSettings) wait() { time.Sleep(4 * time.Second) }

func (s slowSettings) Setting(ctx context.Context, name string) (schemas.Setting, error) {
	s.wait()
	return s.memory.Setting(ctx, name)
}

func (s slowSettings) Settings(ctx context.Context, prefix string) ([]schemas.Setting, error) {
	s.wait()
	return s.memory.Settings(ctx, prefix)
}

// TestSettingsAndSnippetsWhileTheStoreFails: what is known of them is given after one try for all who ask, and the one who stored a snippet does not see
// the former one.
func TestSettingsAndSnippetsWhileTheStoreFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := slowSettings{&memory{settings: map[string]schemas.Setting{}}}
		setting := newStoredSetting[int]("n", store, time.Now)
		book := newSnippetBook(store, time.Now)
		if err := setting.change(t.Context(), func(n *int) error { *n = 3; return nil }); err != nil {
			t.Fatal(err)
		}
		if err := book.put(t.Context(), &snippet{name: "a", Source: "text"}); err != nil {
			t.Fatal(err)
		}
		if _, sources, err := book.all(t.Context(), snippetsFresh); err != nil || sources["a"] != "text" {
			t.Fatal(sources, err)
		}
		time.Sleep(snippetsFresh)
		store.fail = schemas.ErrUnavailable
		start := time.Now()
		var callers sync.WaitGroup
		for range 20 {
			callers.Go(func() {
				if n, err := setting.lately(t.Context()); n != 3 || err != nil {
					t.Error(n, err)
				}
			})
			callers.Go(func() {
				if _, sources, err := book.all(t.Context(), snippetsFresh); sources["a"] != "text" || err != nil {
					t.Error(sources, err)
				}
			})
		}
		callers.Wait()
		if took := time.Since(start); took != 4*time.Second {
			t.Errorf("took %s", took)
		}
		store.fail = nil
		if err := book.put(t.Context(), &snippet{name: "a", Source: "new", revision: 1}); err != nil {
			t.Fatal(err)
		}
		store.fail = schemas.ErrUnavailable
		if _, sources, err := book.all(t.Context(), snippetsFresh); !errors.Is(err, schemas.ErrUnavailable) {
			t.Errorf("after a change: %v, %v", sources, err)
		}
	})
}

// TestComparisonsDoNotWaitForEachOther: a source that is compared for long keeps no other one waiting.
func TestComparisonsDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(t, silentDB{ping: func(context.Context) error { return nil }}, nil)
		s.checked("19 00:00", 1)
		slow := synced{s.store.sources[testSource], s.store.cursors[testSource]}
		s.checked("19 00:00") // no periods, so that nothing is asked
		quick := synced{slow.Source, s.store.cursors[testSource]}
		quick.ID = "src_other"
		start := time.Now()
		go func() { _, _ = s.compared.of(t.Context(), &slow, completeFresh) }()
		synctest.Wait()
		if out, err := s.compared.of(t.Context(), &quick, completeFresh); out == nil || err != nil || time.Since(start) != 0 {
			t.Errorf("%+v %v after %s", out, err, time.Since(start))
		}
		time.Sleep(s.QueryTimeout)
	})
}

// slowPositions has no answer about one account.
type slowPositions struct{ *memory }

func (p slowPositions) Position(ctx context.Context, account string) (stored, processed, output uint64, err error) {
	if account == testAccount {
		<-ctx.Done()
		return 0, 0, 0, ctx.Err()
	}
	return p.memory.Position(ctx, account)
}

// TestLandingsDoNotWaitForEachOther: a source about which there is no answer keeps no other one waiting.
func TestLandingsDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(t, silentDB{ping: func(context.Context) error { return nil }}, func(o *Options) {
			o.Events, o.Now = slowPositions{o.Events.(*memory)}, time.Now
		})
		slow := synced{s.store.sources[testSource], []schemas.Cursor{{Resource: "tickets", Through: &testNow}}}
		quick := slow
		quick.ID, quick.Account = "src_other", "other"
		start := time.Now()
		var stuck sync.WaitGroup
		stuck.Go(func() {
			if _, err := s.landed.through(t.Context(), []synced{slow}); err == nil {
				t.Error("no error without an answer")
			}
		})
		synctest.Wait()
		if at, err := s.landed.through(t.Context(), []synced{quick}); at == nil || !at.Equal(testNow) || err != nil || time.Since(start) != 0 {
			t.Errorf("%v %v after %s", at, err, time.Since(start))
		}
		stuck.Wait()
	})
}
