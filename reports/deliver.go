package reports

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"
	"unicode/utf8"

	"deskstream/schemas"
)

const (
	leastDeliverSecret = 16
	mostDeliverSecret  = 200
	mostDeliverURL     = 2000
	defaultDeliverRate = 10
	mostDeliverRate    = 1000
	resolveTime        = 3 * time.Second
)

// deliverView shows a target without its secret.
type deliverView struct {
	URL   string    `json:"url"`
	Rate  float64   `json:"rate" doc:"Most posts a second"`
	Since time.Time `json:"since" doc:"Entries from before are not posted"`
}

func viewDeliver(d *schemas.Deliver) *deliverView {
	if d == nil {
		return nil
	}
	return &deliverView{URL: d.URL, Rate: d.Rate, Since: d.Since.UTC()}
}

// deliverTarget is the deliver of a body. What is nil stays as it is.
type deliverTarget struct {
	URL    *string  `json:"url"`
	Secret *string  `json:"secret"`
	Rate   *float64 `json:"rate"`
	none   bool     // it was null
}

// checkDeliver reads the deliver of a body; nil when there is none.
func (s *server) checkDeliver(ctx context.Context, given json.RawMessage) (*deliverTarget, error) {
	if given == nil {
		return nil, nil // nothing was asked for
	}
	if string(given) == "null" {
		return &deliverTarget{none: true}, nil
	}
	var t deliverTarget
	d := json.NewDecoder(bytes.NewReader(given))
	d.DisallowUnknownFields()
	if d.Decode(&t) != nil {
		return nil, schemas.Invalid("body.deliver",
			"must be null or an object of url, secret and rate, e.g. {\"url\":\"https://example.com/hook\",\"secret\":\"at least 16 characters\",\"rate\":10}")
	}
	if t.Secret != nil {
		if n := utf8.RuneCountInString(*t.Secret); n < leastDeliverSecret || n > mostDeliverSecret {
			return nil, schemas.Invalid("body.deliver.secret", fmt.Sprintf("must have %d to %d characters", leastDeliverSecret, mostDeliverSecret))
		}
	}
	if t.Rate != nil && (*t.Rate <= 0 || *t.Rate > mostDeliverRate) {
		return nil, schemas.Invalid("body.deliver.rate", fmt.Sprintf("must be above 0 and at most %d posts a second", mostDeliverRate))
	}
	if t.URL != nil {
		return &t, s.checkTarget(ctx, *t.URL)
	}
	return &t, nil
}

// checkTarget refuses what is no address of a public host.
func (s *server) checkTarget(ctx context.Context, target string) error {
	const where = "body.deliver.url"
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || len(target) > mostDeliverURL {
		return schemas.Invalid(where, fmt.Sprintf("must be an http or https address of at most %d characters without user, password and fragment", mostDeliverURL))
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return schemas.Invalid(where, "must have a port from 1 to 65535, or none")
		}
	}
	if s.PrivateTargets {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
	if err != nil || len(addresses) == 0 {
		return schemas.Invalid(where, "its host has no address")
	}
	for _, a := range addresses {
		if !schemas.PublicAddress(a) {
			return schemas.Invalid(where, "must be on a public host, not on this machine or a private network (--allow-private-deliveries allows that)")
		}
	}
	return nil
}

// setTarget gives an audience the target of a body.
func (s *server) setTarget(a *schemas.Audience, t *deliverTarget) error {
	if t == nil {
		return nil
	}
	if t.none {
		a.Deliver = nil
		return nil
	}
	now := s.Now().UTC()
	d := schemas.Deliver{Rate: defaultDeliverRate, Since: now}
	if a.Deliver != nil {
		d = *a.Deliver
	}
	d.ChangedAt = now
	if t.URL != nil {
		d.URL = *t.URL
	}
	if t.Secret != nil {
		d.Secret = s.Seal(a.ID, schemas.FieldDeliverSecret, *t.Secret)
	}
	if t.Rate != nil {
		d.Rate = *t.Rate
	}
	switch {
	case d.URL == "":
		return schemas.Invalid("body.deliver.url", "is needed")
	case d.Secret == "":
		return schemas.Invalid("body.deliver.secret", fmt.Sprintf("is needed: %d to %d characters", leastDeliverSecret, mostDeliverSecret))
	}
	a.Deliver = &d
	return nil
}
