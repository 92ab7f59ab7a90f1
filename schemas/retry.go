package schemas

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// RetryAfter reads the header Retry-After of an answer, whole seconds or a date (RFC 9110, section 10.2.3), as a wait from now on. It is
// never negative and at most longest, so that no answer can stop who heeds it for hours. ok is false where there is nothing to read.
func RetryAfter(h http.Header, now time.Time, longest time.Duration) (wait time.Duration, ok bool) {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if value != "" && strings.Trim(value, "0123456789") == "" {
		n, _ := strconv.ParseUint(value, 10, 64) // beyond 64 bits it is the most there is
		return time.Duration(min(n, uint64(longest/time.Second))) * time.Second, true
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), 0), longest), true
	}
	return 0, false
}
