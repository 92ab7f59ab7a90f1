package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"deskstream/schemas"
)

// Codes of the Problems that a check of an account may end in.
const (
	CodeWrongCredentials = "wrong-credentials"
	CodeNotAdministrator = "not-administrator"
	CodeNoSupport        = "no-support-account"
	CodeUnknownAccount   = "unknown-account"
	CodeRateLimited      = "zendesk-rate-limited"
)

func refuse(code, detail string) error {
	return &schemas.Problem{Class: schemas.ErrInvalid, Code: code, Detail: detail}
}

// Check asks Zendesk who the credentials belong to and whether the account has Support. A Problem with one of the codes above says what is
// wrong, of class schemas.ErrInvalid but for the limit of the rate; other errors mean that Zendesk could not be asked.
func (c *Client) Check(ctx context.Context, now time.Time) error {
	var me struct {
		User struct {
			ID   schemas.ZID `json:"id"`
			Role string      `json:"role"`
		} `json:"user"`
	}
	body, err := c.Get(ctx, "/api/v2/users/me.json", nil)
	if err != nil {
		return c.explainMe(err)
	}
	if json.Unmarshal(body, &me) != nil {
		return refuse(CodeUnknownAccount, "the address of the account does not answer like Zendesk; check the account name")
	}
	// Wrong credentials are answered 200, with a user that has a name and nothing else.
	if me.User.ID == 0 {
		return wrongCredentials()
	}
	if me.User.Role != "admin" {
		return refuse(CodeNotAdministrator, fmt.Sprintf("the credentials belong to a user with the role %.20q; a user with the role admin (Administrator) is needed", me.User.Role))
	}
	return c.checkSupport(ctx, now)
}

// limited is a Problem of class schemas.ErrUnavailable.
func limited(wait time.Duration) error {
	return &schemas.Problem{
		Class: schemas.ErrUnavailable, Code: CodeRateLimited, After: wait,
		Detail: fmt.Sprintf("Zendesk limits the rate of requests to this account: try again in %d s", int(math.Ceil(wait.Seconds()))),
	}
}

func unknownAccount() error {
	return refuse(CodeUnknownAccount, "there is no Zendesk account of this name")
}

// noHost says that the address of the account is not in the DNS.
func noHost(err error) bool {
	dns := new(net.DNSError)
	return errors.As(err, &dns) && dns.IsNotFound
}

func wrongCredentials() error {
	return refuse(CodeWrongCredentials, "Zendesk does not know these credentials; check the e-mail address and the token, or the OAuth client and its secret")
}

// explainMe turns a failed question for the caller into a Problem where the answer tells.
func (c *Client) explainMe(err error) error {
	status := new(StatusError)
	switch {
	case errors.Is(err, schemas.ErrUnauthenticated):
		return wrongCredentials()
	case noHost(err):
		return unknownAccount()
	case !errors.As(err, &status):
		return err
	case status.Status == http.StatusForbidden:
		return wrongCredentials()
	case status.Status == http.StatusNotFound && saysNoEndpoint(status.Body):
		return noSupport()
	case status.Status == http.StatusNotFound, status.Status >= 300 && status.Status < 400:
		return unknownAccount()
	}
	return err
}

// saysNoEndpoint tells an account that lacks the Support API from an account that does not exist; both answer 404, the latter with a page
// or an error object.
func saysNoEndpoint(body []byte) bool {
	var e struct {
		Error json.RawMessage `json:"error"`
	}
	return json.Unmarshal(body, &e) == nil && bytes.HasPrefix(bytes.TrimSpace(e.Error), []byte(`"`))
}

func noSupport() error {
	return refuse(CodeNoSupport, "this account has no Zendesk Support; Zendesk for service is needed, Zendesk Sell does not fit")
}

// checkSupport reads one row of the ticket export, which only accounts with Support have. Zendesk's time is known by the answer before.
func (c *Client) checkSupport(ctx context.Context, now time.Time) error {
	query := url.Values{"start_time": {strconv.FormatInt(c.time(now).Add(-2*time.Minute).Unix(), 10)}, "per_page": {"1"}}
	_, err := c.Get(ctx, "/api/v2/incremental/tickets/cursor.json", query)
	status := new(StatusError)
	switch {
	case errors.Is(err, schemas.ErrUnauthenticated):
		return wrongCredentials()
	case !errors.As(err, &status):
		return err
	case status.Status == http.StatusNotFound, status.Status == http.StatusForbidden:
		return noSupport()
	}
	return err
}
