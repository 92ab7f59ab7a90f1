package reports

import (
	"slices"
	"strconv"
	"strings"
)

// reportPieces are what the statement of a report is made of.
type reportPieces struct {
	Accounts string // the condition that a row is of the accounts asked about
	Several  bool   // these are several, so that ids are those of an account
	Live     bool   // as of now: what was in force then need not be looked up

	By, AndBy, Keys string // the columns to group by with their names, these names, and the keys of a row
	Place, OfPlace  string // a bucket and what rows are grouped by in one value, and taken out of it again
	Current         bool   // events need what their tickets are now

	Filters        string // conditions on dimensions
	Counted        string // the condition that a ticket counts
	Kept           string // that it is not deleted, where deleted ones are looked at too
	LeftOut        string // that it does not count; "" = all do
	IncludeDeleted bool
	Months         bool // of some months only, see cellsByMonth
	EachActivity   bool // rows are one for each activity

	Lasting             lasting // the duration that a report of one looks at
	Business, Completed bool    // values of the options hours and variant

	Told             bool   // first tickets are those that the figures of people tell: see part_firsts.sql
	Saved            bool   // all phrases are counted as texts arrive: see part_found.sql
	Words            bool   // each phrase is one word
	Alone            bool   // nothing is asked of the tickets of texts
	Phrases, Anchors string // parameters with the phrases, and with the longest word of each
	Phrase           string // that of the one phrase as it was asked for, where a statement shows each by itself

	Values []string // the figures of the metric

	oneBound, evenBounds, evenEnds bool
}

// statementText writes the statement that answers the question.
func (q *question) statementText(groupBy []dimension) string {
	return sqlWith(q.file(), q.pieces(groupBy))
}

// pieces gives what the statement is made of. What a client sent is never among them.
func (q *question) pieces(groupBy []dimension) *reportPieces {
	p := &reportPieces{
		Accounts: "account IN {accounts:Array(String)}", Several: len(q.accounts) != 1, Live: q.live, Filters: q.conditions, IncludeDeleted: q.includeDeleted,
		Months: q.months, Lasting: q.lasting, Business: q.option("hours") == "business", Completed: q.option("variant") == "completed",
		Told: q.told, Saved: q.saved, Words: q.words, Alone: len(groupBy) == 0 && len(q.filters) == 0,
		Phrases: "{phrases" + q.nth + ":Array(String)}", Anchors: "{anchors" + q.nth + ":Array(String)}", Phrase: "{phrase" + q.nth + ":String}",
		oneBound: len(q.bounds) == 1, evenBounds: q.evenBounds, evenEnds: q.evenEnds,
	}
	if !p.Several { // ClickHouse looks a list up for every row, and for every mark of an index
		p.Accounts = "account = {account:String}"
	}
	for _, v := range q.values {
		p.Values = append(p.Values, v.name)
	}
	p.group(q, groupBy)
	p.leaveOut(q)
	return p
}

// group sets what the rows are grouped by. A bucket alone is its own place: lists of numbers are several times faster than lists of tuples.
func (p *reportPieces) group(q *question, by []dimension) {
	keys := make([]string, len(by))
	place, of := "bucket", "tupleElement(place, 1) AS bucket, "
	for i, d := range by {
		if shaped, ok := findDimension(q.dimensions, d.name); ok { // by options
			d = shaped
		}
		k := "k" + strconv.Itoa(i+1)
		keys[i] = d.key(k)
		p.By, p.AndBy = p.By+d.column+" AS "+k+", ", p.AndBy+", "+k
		place, of = place+", "+k, of+"tupleElement(place, "+strconv.Itoa(i+2)+") AS "+k+", "
		p.Current = p.Current || d.current
	}
	p.EachActivity = len(by) == 1 && by[0].name == activityDimension.name && len(q.bounds) == 1
	p.Keys = "CAST([" + strings.Join(keys, ", ") + "], 'Array(String)')"
	p.Place, p.OfPlace = "tuple("+place+")", of
	if len(by) == 0 {
		p.Place, p.OfPlace = "bucket", "place AS bucket, "
	}
	p.Current = p.Current || slices.ContainsFunc(q.dimensions, func(d dimension) bool { return d.current && q.filters[d.name] != nil })
}

// leaveOut sets which tickets do not count.
func (p *reportPieces) leaveOut(q *question) {
	var counted, gone []string
	p.Counted, p.Kept = "1", "1"
	if !q.includeDeleted {
		counted, gone, p.Kept = append(counted, "deleted = 0"), append(gone, "deleted = 1"), "t.deleted = 0"
	}
	if q.excludeMerged {
		counted, gone = append(counted, "merged = 0"), append(gone, "merged = 1")
	}
	if len(counted) > 0 {
		p.Counted, p.LeftOut = strings.Join(counted, " AND "), strings.Join(gone, " OR ")
	}
}
