package sinks

import (
	"slices"

	"deskstream/schemas"
)

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
	schemas.TableActivities: {
		month: "occurred_at", key: []string{"account", "activity", "occurred_at", "ticket_id", "activity_id"}, expires: "expires_at", arrival: "via",
	},
	schemas.TableTickets:          {month: "created_at", key: []string{"account", "created_at", "ticket_id"}},
	schemas.TableTicketEvents:     {month: "at", key: []string{"account", "kind", "at", "ticket_id", "event_id"}},
	schemas.TableMessages:         {month: "at", key: []string{"account", "at", "ticket_id", "message_id"}},
	schemas.TablePeople:           {key: []string{"account", "person_id"}},
	schemas.TablePersonAliases:    {key: []string{"account", "alias"}},
	schemas.TablePersonStats:      {key: []string{"account", "user_id"}, counts: "tickets_total"},
	schemas.TablePersonActivities: {key: []string{"account", "user_id", "activity"}, counts: "count"},
	schemas.TableOrganizations:    {key: []string{"account", "organization_id"}},
	schemas.TableAgents:           {key: []string{"account", "user_id"}},
	schemas.TableRatings:          {key: []string{"account", "rating_id"}},
	schemas.TableMetricEvents:     {key: []string{"account", "ticket_id", "metric", "instance_id", "event_id"}},
	schemas.TableNames:            {key: []string{"account", "kind", "id"}},
	schemas.TableActivityCounts:   {key: []string{"account", "activity", "at", "source_id"}, counts: "count"},
	schemas.TablePersonIdentities: {key: []string{"account", "kind", "value", "user_id"}},
	schemas.TablePersonMerges:     {key: []string{"account", "merge_id"}},
	schemas.TableAudienceMembers:  {key: []string{"account", "audience_id", "person_id"}},
	schemas.TableAudienceEntries:  {key: []string{"account", "audience_id", "at", "entry_id"}},
	schemas.TableOpeningHours:     {key: []string{"account", "in_force_from", "year"}},
	schemas.TablePhraseHits:       {month: "at", key: []string{"account", "at", "ticket_id", "message_id"}},
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
