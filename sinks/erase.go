package sinks

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	"deskstream/schemas"
)

// eraseTickets is how many tickets one statement names at most: the server keeps the statement with its list of mutations.
const eraseTickets = 2000

//go:embed erase_find.sql
var eraseFindSQL string

// FindErased gives the tickets that the users of an erasure requested, and other ones that hold words of theirs, as far as the tables
// know: everything processed must be in them.
func (db *DB) FindErased(ctx context.Context, e *schemas.Erasure) (requested, others []int64, err error) {
	rows, err := db.queries.Query(parameters(ctx, "account", e.Account, "users", intArray(e.UserIDs)), eraseFindSQL)
	if err != nil {
		return nil, nil, unavailable(fmt.Errorf("erasure: tickets: %w", err))
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id int64
		var own uint8
		if err := rows.Scan(&id, &own); err != nil {
			return nil, nil, unavailable(fmt.Errorf("erasure: tickets: %w", err))
		}
		if own == 1 {
			requested = append(requested, id)
		} else {
			others = append(others, id)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, nil, unavailable(fmt.Errorf("erasure: tickets: %w", err))
	}
	return requested, others, nil
}

//go:embed erase_entries.sql
var eraseEntriesSQL string

// ErasedEntries gives what the log of audiences has about a person, without the activities: everything processed must be in the tables.
func (db *DB) ErasedEntries(ctx context.Context, e *schemas.Erasure) (entries []schemas.AudienceEntry, err error) {
	rows, err := db.queries.Query(parameters(ctx, "account", e.Account, "own", stringArray(e.OwnIDs)), eraseEntriesSQL)
	if err != nil {
		return nil, unavailable(fmt.Errorf("erasure: entries: %w", err))
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var x schemas.AudienceEntry
		if err := rows.Scan(&x.AudienceID, &x.EntryID, &x.PersonID, &x.Event, &x.At, &x.ActivityID, &x.Activity); err != nil {
			return nil, unavailable(fmt.Errorf("erasure: entries: %w", err))
		}
		entries = append(entries, x)
	}
	if err := rows.Err(); err != nil {
		return nil, unavailable(fmt.Errorf("erasure: entries: %w", err))
	}
	return entries, nil
}

var (
	//go:embed erase_described.sql
	eraseDescribedSQL string
	//go:embed erase_aliases.sql
	eraseAliasesSQL string
	//go:embed erase_count.sql
	eraseCountSQL string
	//go:embed erase_people.sql
	erasePeopleSQL string
	//go:embed erase_person_aliases.sql
	erasePersonAliasesSQL string
	//go:embed erase_person_identities.sql
	erasePersonIdentitiesSQL string
	//go:embed erase_agents.sql
	eraseAgentsSQL string
	//go:embed erase_person_stats.sql
	erasePersonStatsSQL string
	//go:embed erase_tickets.sql
	eraseTicketsSQL string
	//go:embed erase_messages.sql
	eraseMessagesSQL string
	//go:embed erase_ratings.sql
	eraseRatingsSQL string
	//go:embed erase_activities.sql
	eraseActivitiesSQL string
	//go:embed erase_audience_entries.sql
	eraseAudienceEntriesSQL string
)

// erasures are the statements that remove an erased person from the tables. Rows that counts are made of lose their texts in all versions;
// only people and the names and identifiers to find them by go as a whole.
var erasures = []struct{ table, statement string }{
	{schemas.TablePeople, erasePeopleSQL},
	{schemas.TablePersonAliases, erasePersonAliasesSQL},
	{schemas.TablePersonIdentities, erasePersonIdentitiesSQL},
	{schemas.TableAgents, eraseAgentsSQL},
	{schemas.TablePersonStats, erasePersonStatsSQL},
	{schemas.TableTickets, eraseTicketsSQL},
	{schemas.TableMessages, eraseMessagesSQL},
	{schemas.TableRatings, eraseRatingsSQL},
	{schemas.TableActivities, eraseActivitiesSQL},
	{schemas.TableAudienceEntries, eraseAudienceEntriesSQL},
}

// CountErased gives the number of rows that Erase would remove or blank now, by table.
func (db *DB) CountErased(ctx context.Context, e *schemas.Erasure) (map[string]uint64, error) {
	_, rows, err := db.erasable(ctx, e)
	if err != nil {
		return nil, unavailable(fmt.Errorf("erasure: %w", err))
	}
	return rows, nil
}

// Erase removes an erased person from the tables, older versions of rows included, and returns when it is done with the number of rows by
// table. All that was stored of the person must be in the tables before, in blocks that are not written again. It may be called again.
// ClickHouse removes the files of the old parts some minutes later (old_parts_lifetime).
func (db *DB) Erase(ctx context.Context, e *schemas.Erasure) (map[string]uint64, error) {
	total := map[string]uint64{}
	rest, others := e.Tickets, e.Others
	for first := true; first || len(rest)+len(others) > 0; first = false {
		part := *e
		n, m := min(len(rest), eraseTickets), min(len(others), eraseTickets)
		part.Tickets, part.Others, rest, others = rest[:n], others[:m], rest[n:], others[m:]
		rows, err := db.erasePart(ctx, &part)
		if err != nil {
			return total, unavailable(fmt.Errorf("erasure: %w", err))
		}
		for table, n := range rows {
			if n > 0 {
				total[table] += n
			}
		}
	}
	return total, nil
}

// erasePart is Erase with so many tickets as a statement may name.
func (db *DB) erasePart(ctx context.Context, e *schemas.Erasure) (map[string]uint64, error) {
	bound, rows, err := db.erasable(ctx, e)
	if err != nil {
		return nil, err
	}
	for _, x := range erasures {
		if rows[x.table] == 0 {
			continue
		}
		if err := db.queries.Exec(waitForMutation(bound), x.statement); err != nil {
			return nil, fmt.Errorf("table %s: %w", x.table, err)
		}
	}
	return rows, nil
}

// erasable binds the parameters of the statements and counts the rows they are about.
func (db *DB) erasable(ctx context.Context, e *schemas.Erasure) (bound context.Context, rows map[string]uint64, err error) {
	names := []any{
		"account", e.Account, "users", intArray(e.UserIDs), "own", stringArray(e.OwnIDs), "tickets", intArray(e.Tickets), "others", intArray(e.Others),
	}
	described, err := db.strings(parameters(ctx, names...), eraseDescribedSQL)
	if err != nil {
		return nil, nil, fmt.Errorf("descriptions: %w", err)
	}
	aliases, err := db.strings(parameters(ctx, names...), eraseAliasesSQL)
	if err != nil {
		return nil, nil, fmt.Errorf("aliases: %w", err)
	}
	bound = parameters(ctx, append(names, "described", numberArray(described), "aliases", numberArray(aliases))...)
	if rows, err = db.counts(bound, eraseCountSQL); err != nil {
		return nil, nil, fmt.Errorf("count: %w", err)
	}
	return bound, rows, nil
}

// counts gives the numbers of a query by name.
func (db *DB) counts(ctx context.Context, query string) (map[string]uint64, error) {
	rows, err := db.queries.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	out := map[string]uint64{}
	for rows.Next() {
		var name string
		var n uint64
		if err := rows.Scan(&name, &n); err != nil {
			return nil, err
		}
		out[name] = n
	}
	return out, rows.Err()
}

// intArray writes an array of whole numbers.
func intArray(all []int64) arrayLiteral {
	texts := make([]string, len(all))
	for i, n := range all {
		texts[i] = strconv.FormatInt(n, 10)
	}
	return numberArray(texts)
}

// numberArray writes an array of numbers that are written out already.
func numberArray(all []string) arrayLiteral { return arrayLiteral("[" + strings.Join(all, ",") + "]") }
