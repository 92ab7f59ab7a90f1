// Package ingest turns what Zendesk says, pushed or asked, into events. It owns the webhook endpoint, the Zendesk client with its
// credentials, the poller with its schedule, and the steps of a source's life. It stores nothing itself: events, cursors and source
// records go to a Store. It never reads the meaning of an object; only ids and times are looked at, the bytes stay Zendesk's.
package ingest
