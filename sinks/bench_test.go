package sinks

import (
	"context"
	"testing"
	"time"

	"deskstream/schemas"

	"github.com/ClickHouse/clickhouse-go/v2"
)

const benchRows = 10_000

// BenchmarkWriteActivities compares writing packed JSON with the client's own row insert of rows that are ready, into the same table on
// the same engine: blocks of 10,000 rows, one connection, no compression, tokens and fsync on in both. They take turns, so that the load
// of the machine and the merges weigh on both. ratio is the rows a second of the writer against those of the bare insert.
func BenchmarkWriteActivities(b *testing.B) {
	db, _ := testDB(b)
	rows := activities(0, benchRows, day(2))
	block := pack(b, schemas.TableActivities, 1, rows...)
	w := NewWriter(db, schemas.TableActivities)
	var ours, bare time.Duration
	for b.Loop() {
		advance(&block)
		started := time.Now()
		if err := w.Write(b.Context(), block); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(started)
		advance(&block)
		started = time.Now()
		if err := bareRows(b.Context(), db, rows, block); err != nil {
			b.Fatal(err)
		}
		bare += time.Since(started)
	}
	written := benchRows * float64(b.N)
	b.ReportMetric(written/ours.Seconds(), "rows/s")
	b.ReportMetric(written/bare.Seconds(), "bare-rows/s")
	b.ReportMetric(bare.Seconds()/ours.Seconds(), "ratio")
}

// BenchmarkFill decodes blocks of 10,000 activities into columns and sends nothing.
func BenchmarkFill(b *testing.B) {
	block := pack(b, schemas.TableActivities, 1, activities(0, benchRows, day(2))...)
	s := newParts(migrationPlan(b, schemas.TableActivities))
	for b.Loop() {
		if err := s.fill(b.Context(), block, false, day(0)); err != nil {
			b.Fatal(err)
		}
		s.reset()
	}
	b.ReportMetric(benchRows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// advance gives the block the next place in the stream, so that its token is new.
func advance(b *schemas.Block) {
	b.From, b.To = b.From+benchRows, b.To+benchRows
	for i := range b.Messages {
		b.Messages[i].Seq += benchRows
	}
}

func bareRows(ctx context.Context, db *DB, rows []schemas.Activity, block schemas.Block) error {
	token := Token(block, "bare")
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
		"async_insert": 0, "insert_deduplication_token": token,
	}))
	batch, err := db.queries.PrepareBatch(ctx, "INSERT INTO activities")
	if err != nil {
		return err
	}
	defer func() { _ = batch.Close() }()
	for i := range rows {
		r := &rows[i]
		err := batch.Append(r.Account, r.Activity, r.OccurredAt, r.ActivityID, r.SourceID, r.TicketID, r.PersonID, r.UserID, r.OrganizationID,
			r.ActorID, r.AssigneeID, r.GroupID, r.BrandID, r.Channel, r.Priority, r.Type, r.Status, r.PreviousStatus, r.Subject, r.Message,
			r.Tags, r.Text, r.Attributes, r.Via, r.ExpiresAt, r.IsDeleted, block.Messages[i].Seq, block.Messages[i].Seq, token)
		if err != nil {
			return err
		}
	}
	return batch.Send()
}
