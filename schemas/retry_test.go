package schemas_test

import (
	"net/http"
	"testing"
	"time"

	"deskstream/schemas"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"0": 0, "42": 42 * time.Second, " 7 ": 7 * time.Second, "3600": 10 * time.Minute, "99999999999999999": 10 * time.Minute, "99999999999999999999999": 10 * time.Minute,
		now.Add(90 * time.Second).Format(http.TimeFormat): 90 * time.Second, now.Add(-time.Hour).Format(http.TimeFormat): 0,
		now.Add(100 * time.Hour).Format(http.TimeFormat): 10 * time.Minute,
	} {
		if got, ok := schemas.RetryAfter(http.Header{"Retry-After": {value}}, now, 10*time.Minute); !ok || got != want {
			t.Errorf("%q: %s, %t, want %s", value, got, ok, want)
		}
	}
	for _, value := range []string{"", "-1", "1.5", "soon", "99999999999999999999999x", "-99999999999999999999999"} {
		if got, ok := schemas.RetryAfter(http.Header{"Retry-After": {value}}, now, 10*time.Minute); ok {
			t.Errorf("%q: %s", value, got)
		}
	}
}
