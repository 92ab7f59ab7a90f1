package stream

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"deskstream/schemas"
)

const (
	defaultMaxBytes = 8 << 30
	// initialMaxBytes is what a stream is created with: the least with which the server makes its files as large as those of any larger stream.
	initialMaxBytes = 64 << 20
	sinkMaxBytes    = initialMaxBytes
	// eventsDuplicates is how long a repeated webhook is recognised by its Nats-Msg-Id. It only saves work: the processor's state is
	// what makes repeats harmless.
	eventsDuplicates = 10 * time.Minute
	// txnDuplicates is the shortest window the server takes. A Msg-Id inside an atomic batch that is known rejects the whole batch, so
	// the window must be over before a batch could be tried again.
	txnDuplicates = 100 * time.Millisecond
	// schemaVersion is the version of what is stored in the streams: headers, offset records, packing, journal, state rows.
	schemaVersion = "12"
	// rawSubjects are those of all raw events, whatever their partition.
	rawSubjects = "deskstream.raw.*"
)

// Keys of the stream metadata.
const (
	metaEpoch      = "epoch"
	metaGen        = "gen" // on EVENTS also with "."+namespace: generation of the TXN stream there must be
	metaPartitions = "partitions"
	metaSchema     = "schema"
	metaEvents     = "events"   // on TXN and SINK: epoch of the EVENTS stream they belong to
	metaTxn        = "txn"      // on SINK: epoch of its TXN stream; on EVENTS with "."+namespace: epoch of the TXN stream there must be
	metaSink       = "sink"     // on EVENTS with "."+namespace: epoch of the SINK stream there must be
	metaOutdated   = "outdated" // on TXN: rows of generations before this one are to be removed when a replay is through
	metaPurged     = "purged"   // on EVENTS: not empty when raw events are gone of which state and tables were made
)

var namespaceForm = regexp.MustCompile(`^[a-z0-9]{0,32}$`)

// layout knows the names under which a namespace keeps its streams and subjects.
type layout struct {
	namespace         string
	events, txn, sink string
	prefix            string
}

func newLayout(namespace string) (layout, error) {
	if !namespaceForm.MatchString(namespace) {
		return layout{}, fmt.Errorf("stream options: Namespace %q: accepted are up to 32 of a-z and 0-9: %w", namespace, schemas.ErrInvalid)
	}
	l := layout{namespace: namespace, events: schemas.StreamEvents, txn: schemas.StreamTxn, sink: schemas.StreamSink, prefix: "deskstream"}
	if namespace != "" {
		l.txn += "_" + strings.ToUpper(namespace)
		l.sink += "_" + strings.ToUpper(namespace)
		l.prefix += "-" + namespace
	}
	return l, nil
}

// own moves a subject of TXN or SINK into the namespace.
func (l layout) own(subject string) string {
	if l.namespace == "" {
		return subject
	}
	return l.prefix + strings.TrimPrefix(subject, "deskstream")
}

func (l layout) offset(p int) string { return l.own(schemas.SubjectOffset(p)) }

func (l layout) state(p int, key string) string { return l.own(schemas.SubjectState(p, key)) }

func (l layout) dead(p int) string { return l.own(schemas.SubjectDead(p)) }

func (l layout) intent(table string) string { return l.own(schemas.SubjectSink(table)) }

// wake is where a plain message makes the loops look whether their record has changed; no stream stores it.
func (l layout) wake() string { return l.prefix + ".wake" }

// looks is where a loop is asked for people and tickets of its partition; no stream stores it.
func (l layout) looks(p int) string { return l.prefix + ".look." + strconv.Itoa(p) }

func (l layout) outputs(table string) string { return l.own(schemas.TableFilter(table)) }

func (l layout) eventsConfig() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        l.events,
		Description: "Events as received, positions of the pollers, source records, API keys, settings, erasures, deliveries.",
		Subjects: []string{
			rawSubjects, "deskstream.cursor.>", "deskstream.source.*", "deskstream.key.*", "deskstream.setting.*", "deskstream.erasure.*",
			"deskstream.delivery.*", "deskstream.undelivered.*.*",
		},
		Duplicates: eventsDuplicates,
	}
}

func (l layout) txnConfig() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        l.txn,
		Description: "Positions, state and outputs of the processors, committed together.",
		Subjects: []string{
			l.prefix + ".offset.*", l.prefix + ".state.>", l.prefix + ".out.>", l.prefix + ".activity.>", l.prefix + ".audience.>", l.prefix + ".dead.*",
		},
		Duplicates: txnDuplicates,
	}
}

func (l layout) sinkConfig() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              l.sink,
		Description:       "What the sinks are about to write and have written.",
		Subjects:          []string{l.prefix + ".sink.*"},
		MaxMsgsPerSubject: 3,
		MaxBytes:          sinkMaxBytes,
		Duplicates:        txnDuplicates,
	}
}

// complete adds what all streams have in common. There is no MaxAge: state must not age, and with it the server deletes messages
// marked "never" at a restart.
func complete(c jetstream.StreamConfig) jetstream.StreamConfig {
	c.Storage = jetstream.FileStorage
	c.Replicas = 1
	c.Retention = jetstream.LimitsPolicy
	c.Discard = jetstream.DiscardNew
	c.AllowAtomicPublish = true
	c.AllowRollup = true
	c.AllowDirect = true
	return c
}
