package ingest

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"deskstream/schemas"
)

// DefaultBaseURL is where Zendesk accounts live; {account} stands for the subdomain.
const DefaultBaseURL = "https://{account}.zendesk.com"

// baseOf builds the address of an account. The name is checked again although it was when it was stored: it becomes part of a host.
func baseOf(template, account string) (*url.URL, error) {
	name, err := schemas.ParseAccount(account)
	if err != nil || name != account {
		return nil, schemas.Invalid("body.account", "must be the first part of your Zendesk address: letters a-z, digits and hyphens, at most 63")
	}
	if template == "" {
		template = DefaultBaseURL
	}
	u, err := url.Parse(strings.ReplaceAll(template, "{account}", account))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return nil, fmt.Errorf("zendesk-url %q: %w: must be an http or https address, {account} stands for the account", template, schemas.ErrInvalid)
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	u.RawQuery, u.Fragment = "", ""
	return u, nil
}

// sameHost checks an address found in an answer: only one on the same host and scheme may be followed, because everything sent carries
// the account's credentials. It returns the query, from which the request is built anew.
func sameHost(base *url.URL, next string) (url.Values, error) {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != base.Scheme || !strings.EqualFold(u.Host, base.Host) || u.User != nil {
		return nil, fmt.Errorf("next page %.80q: %w: is not on %s", next, schemas.ErrInvalid, base.Host)
	}
	return u.Query(), nil
}

// newHTTP returns a client that never follows redirects, uses no proxy and, unless private is set, refuses to connect to an address
// that is not on the public internet.
func newHTTP(private bool) *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	if !private {
		dialer.Control = schemas.DialPublic
	}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:         dialer.DialContext,
			ForceAttemptHTTP2:   true,
			MaxIdleConns:        64,
			MaxIdleConnsPerHost: 4,
			IdleConnTimeout:     90 * time.Second,
			TLSHandshakeTimeout: 10 * time.Second,
		},
	}
}
