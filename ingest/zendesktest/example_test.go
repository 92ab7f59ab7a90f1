package zendesktest_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"deskstream/ingest/zendesktest"
)

// A server over a generated past, read like the real thing.
func Example() {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	account, err := zendesktest.History(1, 5, 4, now)
	if err != nil {
		fmt.Println(err)
		return
	}
	server := zendesktest.NewServer(account, zendesktest.Options{
		Now:       func() time.Time { return now },
		APITokens: map[string]string{"secret": zendesktest.AdminEmail},
	})
	if err := server.Listen("127.0.0.1:0"); err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close(context.Background())
	req, err := http.NewRequest(http.MethodGet, server.URL()+"/api/v2/incremental/tickets/cursor.json?start_time=0", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	req.SetBasicAuth(zendesktest.AdminEmail+"/token", "secret")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status, resp.Header.Get("Zendesk-Ratelimit-Incremental-Exports"))
	// Output: 200 OK total=10; remaining=9; resets=60
}
