package main

import (
	"net/url"
	"slices"
	"strings"
)

// checkURL takes an empty value as "not given". The value itself is not repeated when it may hold a password.
func checkURL(name, value string, schemes ...string) error {
	if value == "" {
		return nil
	}
	u, err := url.Parse(value)
	if err == nil && u.Host != "" && slices.Contains(schemes, u.Scheme) {
		return nil
	}
	return &settingError{name, withoutLogin(value), "an address with host and one of the schemes " + strings.Join(schemes, ", ")}
}

// withoutLogin gives an address as it may be shown.
func withoutLogin(address string) string {
	if i := strings.LastIndex(address, "@"); i >= 0 {
		return "…" + address[i:]
	}
	return address
}

// publicURL is the address given to others, known once the listener has its port.
func (f *APIFlags) publicURL(addr string) string {
	if f.PublicURL != "" {
		return strings.TrimSuffix(f.PublicURL, "/")
	}
	return "http://" + addr
}
