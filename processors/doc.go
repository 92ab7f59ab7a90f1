// Package processors turns raw events into rows: people, ticket facts, ticket events, messages, activities, ratings and names.
//
// It is pure: no I/O, no clock (only Event.ReceivedAt), no randomness. A ticket, a user, an organization is the set of what is known about
// it; every batch merges its events into that set, computes the rows that follow from the whole set and emits only the rows that differ
// from those emitted before. That makes repeats, reordering and lost commits harmless: the rows depend on the set, not on the way it came
// together. It never talks to NATS or ClickHouse (package stream does), and never merges activities: those carry Zendesk user ids, and
// readers resolve them to people through person_aliases.
package processors
