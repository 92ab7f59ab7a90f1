package reports

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"deskstream/schemas"
)

// SourceStore keeps source records. Source gives schemas.ErrNotFound for an unknown id; PutSource is a compare-and-set on
// Revision (0 = must not exist) and gives schemas.ErrFenced when another writer was faster. Accounts lists those that have a source or
// had one.
type SourceStore interface {
	Sources(ctx context.Context) ([]schemas.Source, error)
	Accounts(ctx context.Context) ([]string, error)
	Source(ctx context.Context, id string) (schemas.Source, error)
	PutSource(ctx context.Context, s *schemas.Source) error
	CreateSource(ctx context.Context, s *schemas.Source, allow func(others []schemas.Source) error) error
	Cursors(ctx context.Context, source string) ([]schemas.Cursor, error)
}

// KeyStore lists the stored API keys.
type KeyStore interface {
	APIKeys(ctx context.Context) ([]schemas.Key, error)
}

// SettingStore keeps settings of the installation by name. One that was never set has Revision 0; PutSetting is a compare-and-set on
// Revision, sets the new one, and gives schemas.ErrFenced when another writer was faster.
type SettingStore interface {
	Setting(ctx context.Context, name string) (schemas.Setting, error)
	PutSetting(ctx context.Context, v *schemas.Setting) error
	// Settings gives those whose names begin with a prefix, in no order.
	Settings(ctx context.Context, prefix string) ([]schemas.Setting, error)
}

// Connections carries out the steps of a source's life that talk to Zendesk or that the state machine guards (R53 to R56). A wrong
// step gives schemas.ErrConflict naming the missing one, an unknown source schemas.ErrNotFound.
type Connections interface {
	// Authorize connects at once, or starts an OAuth flow and returns the address the user must visit.
	Authorize(ctx context.Context, id string, r schemas.AuthorizeRequest) (authorizeURL string, err error)
	// Callback ends an OAuth flow and returns the source it connected.
	Callback(ctx context.Context, state, code string) (schemas.Source, error)
	SetWebhookSecret(ctx context.Context, id, secret string) error
	// RegisterWebhook creates the webhook in Zendesk, under our public address.
	RegisterWebhook(ctx context.Context, id string) error
	Disconnect(ctx context.Context, id string) (schemas.Source, error)
	Reconnect(ctx context.Context, id string) (schemas.Source, error)
	Archive(ctx context.Context, id string) (schemas.Source, error)
	Restore(ctx context.Context, id string) (schemas.Source, error)
	Delete(ctx context.Context, id string) error
	// Resync reads again what changed ("delta") or everything within retention ("backfill").
	Resync(ctx context.Context, id, mode string) error
	// Widen reads again what a longer retention needs.
	Widen(ctx context.Context, id string) error
	// Reread reads the tickets again that changed since from, because some are missing. It may be asked again and again.
	Reread(ctx context.Context, id string, from time.Time) error
}

// Retention gives the stored activities of an account the expiry that a retention asks for, and returns when readers see it.
type Retention interface {
	ApplyRetention(ctx context.Context, account string, r schemas.Retention) error
}

// Events takes events for the processors.
type Events interface {
	// Publish returns once the events are stored.
	Publish(ctx context.Context, events ...schemas.Event) error
	// Reflected returns once what was published for an account before is in the given tables; an error if ctx ends first.
	Reflected(ctx context.Context, account string, tables ...string) error
	// Position gives the newest event that is stored for an account, up to which one its events are processed, and up to where what came of
	// those lies among all that the processors put out.
	Position(ctx context.Context, account string) (stored, processed, output uint64, err error)
	// Written gives the position (_seq) up to which everything that the processors put out is in the tables.
	Written(ctx context.Context) (uint64, error)
	// Newest gives for each table a position behind which it has no row; a table that never had one is missing.
	Newest(ctx context.Context) (map[string]uint64, error)
	// Outputs calls fn with the rows that a query asks for, whose end Written has reached, a message at a time and in order, until fn gives
	// false. all is false if some may be gone, because they are in the table.
	Outputs(ctx context.Context, q schemas.OutputQuery, fn func(schemas.OutputMessage) (more bool, err error)) (all bool, err error)
}

// Teller tells what the tables have or will have, before they do. schemas.ErrUnavailable when it cannot be told; then the tables may know.
type Teller interface {
	// Person gives what is known of a person by a name of schemas.PersonAlias; nil when nobody answers to the name. With names of others it is the person
	// as it would be if these were merged into it by hand.
	Person(ctx context.Context, account, name string, others ...string) (*schemas.PersonFacts, error)
	// Ticket gives the row of a ticket, without its longer texts; nil when there is none.
	Ticket(ctx context.Context, account string, id int64) (*schemas.TicketRow, error)
}

// Deliveries keeps how far entries of audiences are posted, and those that were given up, oldest first. PutDelivery is a compare-and-set
// on Revision and gives schemas.ErrFenced when another writer was faster.
type Deliveries interface {
	Delivery(ctx context.Context, audience string) (schemas.Delivery, error)
	PutDelivery(ctx context.Context, d *schemas.Delivery) error
	Undelivered(ctx context.Context, audience string) ([]schemas.Undelivered, error)
}

// Check is one thing that must be in order before the process is ready. Check returns why it is not. Hint says what to do then; everybody may read it.
type Check struct {
	Name  string
	Check func(ctx context.Context) error
	Hint  string
}

// Options is what the API is built from. DB, Sources, Keys, Settings, Connections, Retention, Events, Erasures, Deliveries, Seal,
// Match and Group are needed; everything else has a default.
type Options struct {
	DB          driver.Conn
	Sources     SourceStore
	Keys        KeyStore
	Settings    SettingStore
	Connections Connections
	Retention   Retention
	Events      Events
	Teller      Teller // nil = people and tickets are looked up in the tables alone, which takes longer
	Erasures    Erasures
	Deliveries  Deliveries
	// Seal encrypts the secret of an audience for storage.
	Seal func(audience, field, secret string) string
	// Match says whether a person matches a filter at a time; days are those of the zone.
	Match func(f *schemas.Filter, p *schemas.FilterPerson, now time.Time, zone *time.Location) bool
	// Group tells which users are one person by some identifiers, strongest first; it may reorder users.
	Group func(users []schemas.Identified, identifiers []string) []schemas.Party
	// Keeps is told about how many bytes are kept in memory for audiences, each time that changes much; nil = nobody asks.
	Keeps func(bytes int)

	Location        *time.Location        // account time zone; nil = UTC
	Now             func() time.Time      // nil = time.Now
	Log             zerolog.Logger        //
	Registerer      prometheus.Registerer // nil = metrics are counted and not shown
	Gatherer        prometheus.Gatherer   // what GET /metrics shows; nil = nothing
	MetricsNeedKey  bool                  // ask for a key on GET /metrics too
	PrivateTargets  bool                  // audiences may be delivered to private addresses
	SeveralAccounts bool                  // allow more than one Zendesk account at a time (R56)
	Ready           []Check               // checked by GET /readyz, besides ClickHouse
	Version         string                // of the program
	QueryTimeout    time.Duration         // of one report query; 0 = 5 s
	EraseEvery      time.Duration         // how often archived people who are due are erased; 0 = 1 h
	RereadAfter     time.Duration         // how long after a check tickets are read again that are missing; 0 = 10 min
	HeavyQueries    int                   // reports computed at the same time; 0 = 2 for each core, at least 4
}

// filled returns the options with defaults, or an error that names what is missing.
func (o Options) filled() (Options, error) {
	for name, missing := range map[string]bool{
		"DB": o.DB == nil, "Sources": o.Sources == nil, "Keys": o.Keys == nil, "Settings": o.Settings == nil,
		"Connections": o.Connections == nil, "Retention": o.Retention == nil, "Events": o.Events == nil, "Group": o.Group == nil, "Match": o.Match == nil, "Erasures": o.Erasures == nil,
		"Deliveries": o.Deliveries == nil, "Seal": o.Seal == nil,
	} {
		if missing {
			return o, fmt.Errorf("reports options: %s: %w", name, errMissing)
		}
	}
	if o.Location == nil {
		o.Location = time.UTC
	}
	if o.Keeps == nil {
		o.Keeps = func(int) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Registerer == nil {
		o.Registerer = prometheus.NewRegistry()
	}
	if o.Gatherer == nil {
		o.Gatherer = prometheus.NewRegistry()
	}
	if o.QueryTimeout <= 0 {
		o.QueryTimeout = 5 * time.Second
	}
	if o.EraseEvery <= 0 {
		o.EraseEvery = dueEvery
	}
	if o.RereadAfter <= 0 {
		o.RereadAfter = defaultReread
	}
	if o.HeavyQueries <= 0 {
		o.HeavyQueries = max(4, 2*runtime.GOMAXPROCS(0))
	}
	return o, nil
}

var errMissing = errors.New("is needed")

// API answers /v1, /openapi.json, /docs, /healthz, /readyz and /metrics, and a problem for everything else. It is safe for concurrent use.
type API struct{ server *server }

// New builds the API. Call Run too, once for each API.
func New(o Options) (*API, error) {
	s, err := newServer(o)
	if err != nil {
		return nil, err
	}
	return &API{s}, nil
}

// EndLive ends the streams of GET /v1/live, which nothing else ends before their viewers go.
func (a *API) EndLive() { a.server.live.end() }

// KeysChanged makes the next request read the API keys again.
func (a *API) KeysChanged() { a.server.keys.Changed() }

// ServeHTTP answers a request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.server.handler.ServeHTTP(w, r) }
