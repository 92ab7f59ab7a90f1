package sinks

import "slices"

// shape is what an insert must know of a table beyond its columns.
type shape struct {
	// month is the column whose month (UTC) is the table's partition; "" if the table has one partition only.
	month string
	// key is the sorting key: rows that agree in it replace each other.
	key []string
	// expires is the column after which ClickHouse may drop the row; "" = never.
	expires string
	// arrival is a column that depends on which events came together, and so may be another after a replay; "" = none.
	arrival string
	// counts is a column that is 0 in a row as good as none: whether there is one depends on which events came together. "" = none.
	counts string
}

// shapes must agree with the migrations, which a test checks on the engine.
var shapes = map[string]shape{
	"activities":        {month: "occurred_at", key: []string{"account", "activity", "occurred_at", "ticket_id", "activity_id"}, expires: "expires_at", arrival: "via"},
	"tickets":           {month: "created_at", key: []string{"account", "created_at", "ticket_id"}},
	"ticket_events":     {month: "at", key: []string{"account", "kind", "at", "ticket_id", "event_id"}},
	"messages":          {month: "at", key: []string{"account", "at", "ticket_id", "message_id"}},
	"people":            {key: []string{"account", "person_id"}},
	"person_aliases":    {key: []string{"account", "alias"}},
	"person_stats":      {key: []string{"account", "user_id"}, counts: "tickets_total"},
	"person_activities": {key: []string{"account", "user_id", "activity"}, counts: "count"},
	"organizations":     {key: []string{"account", "organization_id"}},
	"agents":            {key: []string{"account", "user_id"}},
	"ratings":           {key: []string{"account", "rating_id"}},
	"metric_events":     {key: []string{"account", "ticket_id", "metric", "instance_id", "event_id"}},
	"names":             {key: []string{"account", "kind", "id"}},
	"activity_counts":   {key: []string{"account", "activity", "at", "source_id"}, counts: "count"},
	"person_identities": {key: []string{"account", "kind", "value", "user_id"}},
	"person_merges":     {key: []string{"account", "merge_id"}},
	"audience_members":  {key: []string{"account", "audience_id", "person_id"}},
	"audience_entries":  {key: []string{"account", "audience_id", "at", "entry_id"}},
	"opening_hours":     {key: []string{"account", "in_force_from", "year"}},
	"phrase_hits":       {month: "at", key: []string{"account", "at", "ticket_id", "message_id"}},
}

// Columns that the sink fills in itself.
const (
	columnSeq   = "_seq"
	columnVer   = "_ver"
	columnBatch = "_batch"
)

func isOwnColumn(name string) bool {
	return slices.Contains([]string{columnSeq, columnVer, columnBatch}, name)
}
