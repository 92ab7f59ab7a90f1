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

// checkNATS refuses a NATS server outside that says that it acknowledges writes before they are synced. Most servers tell this only to their system
// account, or to accounts that import the service: of all others warnings say so, and of one that does not take the largest event.
func checkNATS(nc *nats.Conn) (warnings []string, err error) {
	if least := stream.Payload(ingest.MaxWebhookBody); nc.MaxPayload() < least {
		warnings = append(warnings, fmt.Sprintf("the server takes messages of %d bytes, so the largest webhooks are refused with 413: set its max_payload to %d or more, e.g. 2MB",
			nc.MaxPayload(), least))
	}
	synced, known := syncsAlways(nc)
	switch {
	case !known:
		warnings = append(warnings, unsynced)
	case !synced:
		err = &settingError{
			"nats-url", nc.ConnectedAddr(), "a server with `sync_interval: always` in its jetstream section; this one acknowledges writes before they are synced",
		}
	}
	return warnings, err
}

// syncsAlways asks a server whether it syncs every write. known is false when it does not tell.
func syncsAlways(nc *nats.Conn) (synced, known bool) {
	m, err := nc.Request("$SYS.REQ.SERVER.PING.JSZ", []byte(`{"config":true}`), jszPatience)
	if err != nil {
		return false, false
	}
	var jsz struct {
		Data struct {
			Config *struct {
				SyncAlways bool `json:"sync_always"`
			} `json:"config"`
		} `json:"data"`
	}
	if json.Unmarshal(m.Data, &jsz) != nil || jsz.Data.Config == nil {
		return false, false
	}
	return jsz.Data.Config.SyncAlways, true
}
