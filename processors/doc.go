// Package processors turns raw events into rows: people, ticket facts, ticket events, messages, activities, ratings and names.
//
// It is pure: no I/O, no clock (only Event.ReceivedAt), no randomness. A ticket, a user, an organization is the set of what is known about
// it; every batch merges its events into that set, computes the rows that follow from the whole set and emits only the rows that differ
// from those emitted before. That makes repeats, reordering and lost commits harmless: the rows depend on the set, not on the way it came
// together. It never talks to NATS or ClickHouse (package stream does), and never merges activities: those carry Zendesk user ids, and
// readers resolve them to people through person_aliases.
//
// Words that mean something particular here:
//
//   - take: to merge what one event says into what is known; load: to decode an event, only once something needs what is in it.
//   - audit, hint: what Zendesk's history says of a ticket, and what only a webhook says, in force until history confirms or contradicts it.
//   - step, moment: simultaneous changes of a ticket, and a step with the values before and after it.
//   - mark, version: a hash of each field of a record at one time, by which it is told later what changed; the floor is the time up to which these
//     were forgotten.
//   - word: what one source, or somebody through our API, says about a field of a person, and when.
//   - party, head: the users that are one person, and the user among them whose id the person has.
//   - gone, absorbed: users that are no contacts any more, erased or agents, and contacts that lost a merge in Zendesk to one of these. They go on to count
//     in figures as the person they belonged to.
//   - by hand: decided by somebody through our API, as opposed to what follows from identifiers or from Zendesk's merges.
//   - refusal: an unsubscribe. It counts for others who have the same address too.
//   - verdict, fired: what the rules of an audience said about a user, and the activities by which it entered one.
//   - our own: users and events that this program makes, not Zendesk.
//   - erased, scrubbed, masked: a person of whom nothing personal may stay; a ticket that Zendesk deleted for good; a subject of which only a hash
//     is left.
//   - room: memory that is used again for the next row.
package processors
