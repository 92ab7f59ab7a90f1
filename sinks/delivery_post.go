package sinks

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"deskstream/schemas"
)

const (
	postTime = 10 * time.Second
	// answerBytes is what is read of an answer, so that its connection can be used again.
	answerBytes = 64 << 10
	// longestRetryAfter bounds what a target may ask for.
	longestRetryAfter = time.Hour
)

// posted is the body of a delivery. Its names are those of the lists of entries and deliveries in the API.
type posted struct {
	ID         string    `json:"id"`
	AudienceID string    `json:"audience_id"`
	PersonID   string    `json:"person_id"`
	Event      string    `json:"event"`
	At         time.Time `json:"at"`
	ActivityID string    `json:"activity_id,omitempty"`
	Activity   string    `json:"activity,omitempty"`
}

// outcome is what became of one post. Reason is empty when it was taken.
type outcome struct {
	reason  string
	final   bool          // another try is of no use
	untried bool          // it was given up without one
	after   time.Duration // least time to the next try
}

// newPoster makes a client that follows no redirects, uses no proxy and connects to public addresses only, unless private ones are allowed.
func newPoster(allowPrivate bool) *http.Client {
	d := &net.Dialer{Timeout: postTime}
	if !allowPrivate {
		d.Control = dialPublic
	}
	return &http.Client{
		Timeout:       postTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: d.DialContext, TLSHandshakeTimeout: postTime, MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
		},
	}
}

// dialPublic refuses private addresses with what would allow them.
func dialPublic(network, address string, c syscall.RawConn) error {
	if err := schemas.DialPublic(network, address, c); err != nil {
		return errPrivate
	}
	return nil
}

var errPrivate = errors.New("the address is not public; --allow-private-deliveries allows it")

// post sends one entry.
func post(ctx context.Context, client *http.Client, target, secret string, e *schemas.AudienceEntry, now time.Time) outcome {
	r, err := request(ctx, target, secret, e, now)
	if err != nil {
		return outcome{reason: "the request could not be made", final: true}
	}
	answer, err := client.Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // without the address, which may hold a key
		}
		return outcome{reason: "no answer: " + err.Error()}
	}
	_, _ = io.CopyN(io.Discard, answer.Body, answerBytes)
	_ = answer.Body.Close()
	return judge(answer, now)
}

func request(ctx context.Context, target, secret string, e *schemas.AudienceEntry, now time.Time) (*http.Request, error) {
	body, err := json.Marshal(posted{
		ID: e.EntryID, AudienceID: e.AudienceID, PersonID: e.PersonID, Event: e.Event, At: e.At.UTC(), ActivityID: e.ActivityID, Activity: e.Activity,
	})
	if err != nil {
		return nil, fmt.Errorf("entry %s: %w", e.EntryID, err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("entry %s: %w", e.EntryID, err)
	}
	timestamp := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	for name, value := range map[string]string{
		"Content-Type": "application/json", "User-Agent": "deskstream", "Deskstream-Delivery": e.EntryID, "Deskstream-Timestamp": timestamp,
		"Deskstream-Signature": hex.EncodeToString(mac.Sum(nil)),
	} {
		r.Header.Set(name, value)
	}
	return r, nil
}

func judge(answer *http.Response, now time.Time) outcome {
	code := answer.StatusCode
	if code >= 200 && code < 300 {
		return outcome{}
	}
	o := outcome{reason: "answered " + strconv.Itoa(code)}
	o.after, _ = schemas.RetryAfter(answer.Header, now, longestRetryAfter)
	switch code {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
	default:
		o.final = code >= 400 && code < 500
	}
	return o
}
