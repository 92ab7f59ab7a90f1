package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"deskstream/ingest"
	"deskstream/stream"
)

// unsynced is said of a NATS server whose settings are not for our eyes.
const unsynced = "whether the server syncs every write is only seen by its system account: see that its jetstream section has `sync_interval: always`, " +
	"or acknowledged events are lost when power fails"

// jszPatience bounds the wait for a server that may not answer what it is asked.
const jszPatience = time.Second

// checkNATS refuses a NATS server outside that does not take the largest event, or that says that it acknowledges writes before they are
// synced. Most servers tell this only to their system account, or to accounts that import the service; warning says so of all others.
func checkNATS(nc *nats.Conn) (warning string, err error) {
	refuse := func(accepted string) error { return &settingError{"nats-url", nc.ConnectedAddr(), accepted} }
	if least := stream.Payload(ingest.MaxWebhookBody); nc.MaxPayload() < least {
		return "", refuse(fmt.Sprintf("a server with a max_payload of at least %d bytes, e.g. 2MB; this one has %d, and could never store a large webhook",
			least, nc.MaxPayload()))
	}
	m, err := nc.Request("$SYS.REQ.SERVER.PING.JSZ", []byte(`{"config":true}`), jszPatience)
	if err != nil {
		return unsynced, nil //nolint:nilerr // not to be known is no failure
	}
	var jsz struct {
		Data struct {
			Config *struct {
				SyncAlways bool `json:"sync_always"`
			} `json:"config"`
		} `json:"data"`
	}
	switch err := json.Unmarshal(m.Data, &jsz); {
	case err != nil || jsz.Data.Config == nil:
		return unsynced, nil
	case !jsz.Data.Config.SyncAlways:
		return "", refuse("a server with `sync_interval: always` in its jetstream section; this one acknowledges writes before they are synced")
	}
	return "", nil
}
