package sinks

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	dto "github.com/prometheus/client_model/go"
	"github.com/rs/zerolog"

	"deskstream/local/localtest"
	"deskstream/schemas"
	"deskstream/stream"
)

const deliverSecret = "0123456789abcdef"

// deliveryTest is a stream with an audience whose entries go to a target that answers what the test says.
type deliveryTest struct {
	t      *testing.T
	conn   *nats.Conn
	store  *stream.Stream
	target *httptest.Server
	asked  chan hook // requests as they come
}

// hook is a request. Each has an answer of its own: one that was cut off cannot take what is meant for its repetition.
type hook struct {
	header http.Header
	body   string
	answer chan response
}

type response struct {
	status int
	header map[string]string
}

func newDeliveryTest(t *testing.T) *deliveryTest {
	t.Helper()
	nc, err := localtest.TestNATS(t).Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	d := &deliveryTest{t: t, conn: nc, asked: make(chan hook, 100)}
	if d.store, err = stream.Open(t.Context(), stream.Options{Conn: nc, Log: zerolog.Nop(), Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.store.Close(context.Background()) })
	d.target = httptest.NewServer(http.HandlerFunc(d.serve))
	t.Cleanup(d.target.Close)
	d.aim("aud_1", d.target.URL)
	return d
}

func (d *deliveryTest) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	h := hook{r.Header, string(body), make(chan response, 1)}
	d.asked <- h
	select {
	case a := <-h.answer:
		for name, value := range a.header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(a.status)
	case <-r.Context().Done():
	}
}

// aim stores an audience that is posted to an address.
func (d *deliveryTest) aim(audience, to string) {
	d.t.Helper()
	a := schemas.Audience{ID: audience, Deliver: &schemas.Deliver{URL: to, Secret: "sealed", Rate: 1000, Since: midMonth, ChangedAt: time.Now()}}
	data, err := json.Marshal(a)
	if err != nil {
		d.t.Fatal(err)
	}
	v, err := d.store.Setting(d.t.Context(), schemas.SettingAudience+audience)
	if err == nil {
		v.Value = data
		err = d.store.PutSetting(d.t.Context(), &v)
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

// enter puts an entry into the stream as a processor of a generation would.
func (d *deliveryTest) enter(audience, id string, at time.Time, gen string) {
	d.t.Helper()
	data, err := json.Marshal(schemas.AudienceEntry{
		Account: "acme", AudienceID: audience, EntryID: id, PersonID: "p_1", Event: "entered", At: at, ActivityID: "a_" + id, Activity: "ticket-closed", Attributes: `{"subject":"private"}`,
	})
	if err != nil {
		d.t.Fatal(err)
	}
	m := &nats.Msg{Subject: schemas.SubjectAudience(audience, "entered"), Header: nats.Header{"Deskstream-Gen": {gen}}, Data: data}
	if _, err := d.conn.RequestMsg(m, 5*time.Second); err != nil {
		d.t.Fatal(err)
	}
}

// run posts until stop is called.
func (d *deliveryTest) run(allowPrivate bool) (w *Deliveries, stop func()) {
	d.t.Helper()
	w, err := NewDeliveries(DeliveryOptions{
		Store: d.store, Unseal: func(string, string, string) (string, error) { return deliverSecret, nil }, AllowPrivate: allowPrivate, Log: zerolog.Nop(),
		Look: 10 * time.Millisecond, FirstWait: 10 * time.Millisecond,
	})
	if err != nil {
		d.t.Fatal(err)
	}
	w.client.Timeout = soonTime // a slow machine is no failure of the target
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := w.Run(ctx); err != nil {
			d.t.Error(err)
		}
	}()
	stop = func() { cancel(); <-done }
	d.t.Cleanup(stop)
	return w, stop
}

// want waits for a post of an entry.
func (d *deliveryTest) want(id string) hook {
	d.t.Helper()
	select {
	case h := <-d.asked:
		if h.header.Get("Deskstream-Delivery") != id {
			d.t.Fatalf("posted %s, want %s", h.header.Get("Deskstream-Delivery"), id)
		}
		return h
	case <-time.After(soonTime):
		d.t.Fatalf("%s is not posted", id)
	}
	return hook{}
}

// state waits until the position is as told.
func (d *deliveryTest) state(what string, ok func(schemas.Delivery) bool) {
	d.t.Helper()
	var at schemas.Delivery
	soon(d.t, what, func() bool {
		var err error
		at, err = d.store.Delivery(context.Background(), "aud_1")
		return err == nil && ok(at)
	})
}

func (d *deliveryTest) dead() (ids []string) {
	d.t.Helper()
	all, err := d.store.Undelivered(d.t.Context(), "aud_1")
	if err != nil {
		d.t.Fatal(err)
	}
	for _, u := range all {
		ids = append(ids, u.ID+": "+u.Reason)
	}
	return ids
}

// TestEntriesAreDelivered: signed, in order, again after 503, and nothing from before there was a target.
func TestEntriesAreDelivered(t *testing.T) {
	t.Parallel()
	d := newDeliveryTest(t)
	d.enter("aud_1", "e_0", midMonth.Add(-time.Second), "1")
	d.enter("aud_1", "e_1", midMonth, "1")
	d.enter("aud_2", "e_x", midMonth, "1")
	d.enter("aud_1", "e_2", midMonth.Add(time.Second), "1")
	w, _ := d.run(true)
	first := d.want("e_1")
	first.answer <- response{status: 503}
	d.want("e_1").answer <- response{status: 302, header: map[string]string{"Location": d.target.URL + "/elsewhere"}}
	d.want("e_1").answer <- response{status: 200}
	d.want("e_2").answer <- response{status: 204}
	d.state("two delivered", func(at schemas.Delivery) bool {
		return at.Delivered == 2 && at.LastError == "" && at.FailingSince.IsZero()
	})
	mac := hmac.New(sha256.New, []byte(deliverSecret))
	mac.Write([]byte(first.header.Get("Deskstream-Timestamp") + "." + first.body))
	if got := first.header.Get("Deskstream-Signature"); got != hex.EncodeToString(mac.Sum(nil)) {
		t.Errorf("signature %s", got)
	}
	want := `{"id":"e_1","audience_id":"aud_1","person_id":"p_1","event":"entered","at":"2030-01-15T00:00:00Z","activity_id":"a_e_1","activity":"ticket-closed"}`
	if first.body != want || first.header.Get("Content-Type") != "application/json" || first.header.Get("User-Agent") != "deskstream" {
		t.Errorf("%s %v", first.body, first.header)
	}
	d.counted(w, map[string]float64{"failed": 2})
}

// counted compares the figures of posts for the audience.
func (d *deliveryTest) counted(w *Deliveries, want map[string]float64) {
	d.t.Helper()
	for outcome, n := range want {
		var counted dto.Metric
		if err := w.count.WithLabelValues("aud_1", outcome).Write(&counted); err != nil || counted.GetCounter().GetValue() != n {
			d.t.Errorf("%v %s posts are counted, want %v: %v", counted.GetCounter().GetValue(), outcome, n, err)
		}
	}
}

// TestRefusedEntriesAreKept: an entry that is refused is given up at once, the next ones go on, and it can be asked for again.
func TestRefusedEntriesAreKept(t *testing.T) {
	t.Parallel()
	d := newDeliveryTest(t)
	d.enter("aud_1", "e_1", midMonth, "1")
	d.enter("aud_1", "e_2", midMonth, "1")
	w, _ := d.run(true)
	d.want("e_1").answer <- response{status: 400}
	d.want("e_2").answer <- response{status: 200}
	d.state("one delivered, one dead", func(at schemas.Delivery) bool { return at.Delivered == 1 && at.Dead == 1 })
	if got := d.dead(); !slices.Equal(got, []string{"e_1: answered 400"}) {
		t.Error(got)
	}
	for _, status := range []int{410, 200} {
		d.retry("e_1")
		d.want("e_1").answer <- response{status: status}
		d.state("the retry is over", func(at schemas.Delivery) bool { return len(at.Retry) == 0 })
		if got := strings.Join(d.dead(), " "); got != map[int]string{410: "e_1: answered 410"}[status] {
			t.Errorf("after %d: %q", status, got)
		}
	}
	d.counted(w, map[string]float64{"dead": 1, "failed": 1, "delivered": 2})
}

// retry asks for an entry again as the API does.
func (d *deliveryTest) retry(id string) {
	d.t.Helper()
	at, err := d.store.Delivery(d.t.Context(), "aud_1")
	if err == nil {
		at.Retry = append(at.Retry, id)
		err = d.store.PutDelivery(d.t.Context(), &at)
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

// TestDeliveriesSurviveRestarts: what was answered is not repeated, what was not is, with the same id; nor does a replay repeat anything.
func TestDeliveriesSurviveRestarts(t *testing.T) {
	t.Parallel()
	d := newDeliveryTest(t)
	for i := range 3 {
		d.enter("aud_1", fmt.Sprintf("e_%d", i), midMonth.Add(time.Duration(i)*time.Hour), "1")
	}
	_, stop := d.run(true)
	d.want("e_0").answer <- response{status: 200}
	d.want("e_1") // is not answered
	stop()
	_, stop = d.run(true)
	d.want("e_1").answer <- response{status: 200}
	d.want("e_2").answer <- response{status: 200}
	d.state("all delivered", func(at schemas.Delivery) bool { return at.Delivered == 3 })
	stop()
	d.enter("aud_1", "e_lost", midMonth.Add(2*time.Hour-time.Minute), "2")
	for i := range 5 { // a replay puts out all again, and what was lost before it was stored
		d.enter("aud_1", fmt.Sprintf("e_%d", i), midMonth.Add(time.Duration(i)*time.Hour), "2")
	}
	d.run(true)
	for _, id := range []string{"e_lost", "e_3", "e_4"} {
		d.want(id).answer <- response{status: 200}
	}
	d.state("each delivered once", func(at schemas.Delivery) bool { return at.Delivered == 6 })
}

// TestReplayOfManyEntries: a replay does not repeat the newest entries; of those of the last minutes before these nothing is known.
func TestReplayOfManyEntries(t *testing.T) {
	t.Parallel()
	d := newDeliveryTest(t)
	go func() {
		for h := range d.asked {
			h.answer <- response{status: 200}
		}
	}()
	enter := func(gen string) {
		for i := range mostRecent + 10 {
			d.enter("aud_1", fmt.Sprintf("e_%d", i), midMonth.Add(time.Duration(i)*time.Second), gen)
		}
	}
	enter("1")
	d.run(true)
	d.state("all delivered", func(at schemas.Delivery) bool { return at.Delivered == mostRecent+10 })
	enter("2")
	d.enter("aud_1", "e_new", midMonth.Add(time.Hour), "2")
	d.state("the newest are not repeated", func(at schemas.Delivery) bool {
		return at.At.Equal(midMonth.Add(time.Hour)) && at.Delivered == mostRecent+10+10+1 && len(at.Recent) == mostRecent
	})
}

// TestTroubleStaysWithItsAudience: a target that fails does not hold up another's, and a new address is tried at once.
func TestTroubleStaysWithItsAudience(t *testing.T) {
	t.Parallel()
	d := newDeliveryTest(t)
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	t.Cleanup(down.Close)
	d.aim("aud_1", down.URL)
	d.aim("aud_2", d.target.URL)
	d.enter("aud_1", "e_1", midMonth, "1")
	d.enter("aud_2", "e_2", midMonth, "1")
	d.run(true)
	d.want("e_2").answer <- response{status: 200}
	d.state("the wait is what was asked for", func(at schemas.Delivery) bool {
		return at.LastError == "answered 429" && at.NextAttemptAt.After(time.Now().Add(59*time.Minute))
	})
	d.aim("aud_1", d.target.URL)
	d.want("e_1").answer <- response{status: 200}
}

// TestPrivateTargetsAreNotDialed: the address is looked at when the connection is made.
func TestPrivateTargetsAreNotDialed(t *testing.T) {
	t.Parallel()
	d := newDeliveryTest(t)
	d.enter("aud_1", "e_1", midMonth, "1")
	d.run(false)
	d.state("it is refused", func(at schemas.Delivery) bool { return strings.Contains(at.LastError, "not public") })
	if len(d.asked) != 0 {
		t.Error("the target was asked")
	}
	for address, public := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1": true, "10.0.0.1": false, "127.0.0.1": false, "::1": false, "169.254.169.254": false, "fe80::1%eth0": false, "fd00::1": false,
		"0.0.0.0": false, "::": false, "224.0.0.1": false, "ff02::1": false, "100.64.1.1": false, "::ffff:127.0.0.1": false, "64:ff9b::7f00:1": false, "255.255.255.255": false,
		"192.0.2.1": false, "2001:db8::1": false, "::7f00:1": false,
	} {
		if schemas.PublicAddress(netip.MustParseAddr(address)) != public {
			t.Errorf("%s: public is not %v", address, public)
		}
	}
}

// TestTargetsThatAreGone: after 24 h of failures entries are given up, those as old without an attempt.
func TestTargetsThatAreGone(t *testing.T) {
	t.Parallel()
	d := newDeliveryTest(t)
	d.enter("aud_1", "e_1", midMonth, "1")
	d.enter("aud_1", "e_2", midMonth, "1")
	w, err := NewDeliveries(DeliveryOptions{Store: d.store, Unseal: func(string, string, string) (string, error) { return deliverSecret, nil }, AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	now := midMonth
	w.Now = func() time.Time { return now }
	c := newCourier(w, "aud_1", schemas.Deliver{URL: d.target.URL, Rate: 1000, Since: midMonth, ChangedAt: midMonth})
	for i, wait := range []time.Duration{0, 12 * time.Hour} {
		now = now.Add(wait)
		done := make(chan error, 1)
		go func() {
			_, err := c.step(t.Context())
			done <- err
		}()
		d.want("e_1").answer <- response{status: 500}
		if err := <-done; err != nil {
			t.Fatal(i, err)
		}
	}
	now = now.Add(12 * time.Hour)
	for range 2 {
		if _, err := c.step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := d.dead(); !slices.Equal(got, []string{"e_1: the target failed for 24 h, at last: answered 500", "e_2: the target failed for 24 h, at last: answered 500"}) {
		t.Error(got)
	}
}

// TestPostsKeepTheirRate: the next post waits for its turn.
func TestPostsKeepTheirRate(t *testing.T) {
	t.Parallel()
	d := newDeliveryTest(t)
	d.enter("aud_1", "e_1", midMonth, "1")
	d.enter("aud_1", "e_2", midMonth, "1")
	w, err := NewDeliveries(DeliveryOptions{Store: d.store, Unseal: func(string, string, string) (string, error) { return deliverSecret, nil }, AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	const anHour = 1.0 / 3600
	c := newCourier(w, "aud_1", schemas.Deliver{URL: d.target.URL, Rate: anHour, Since: midMonth, ChangedAt: midMonth})
	ctx, cancel := context.WithTimeout(t.Context(), soonTime)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := c.step(ctx)
		done <- err
	}()
	d.want("e_1").answer <- response{status: 200}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, err := c.step(ctx); err == nil || len(d.asked) != 0 {
		t.Errorf("the second post did not wait: %v, %d posts", err, len(d.asked))
	}
}

// TestUnreadableAudienceStopsNoOthers: entries of the audiences behind one whose record cannot be read are posted, and it is told.
func TestUnreadableAudienceStopsNoOthers(t *testing.T) {
	t.Parallel()
	d := newDeliveryTest(t)
	broken := schemas.Setting{Name: schemas.SettingAudience + "aud_0", Value: []byte(`{"id":0}`)}
	if err := d.store.PutSetting(t.Context(), &broken); err != nil {
		t.Fatal(err)
	}
	d.aim("aud_1", d.target.URL) // behind the one that is broken
	w, err := NewDeliveries(DeliveryOptions{Store: d.store, Unseal: func(string, string, string) (string, error) { return deliverSecret, nil }, AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = w.look(ctx)
	if err == nil || !strings.Contains(err.Error(), broken.Name) {
		t.Errorf("%v, want the name of the audience", err)
	}
	d.enter("aud_1", "e_1", midMonth, "1")
	if w.running["aud_1"] != nil {
		d.want("e_1").answer <- response{status: 200}
	} else {
		t.Error("the audience behind it is not posted")
	}
	cancel()
	for _, r := range w.running {
		r.stop()
	}
}
