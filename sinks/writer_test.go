package sinks

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"deskstream/schemas"
)

// A full row of each table comes back as it was written: structs and columns agree in names and types.
func TestWriteEveryTable(t *testing.T) {
	t.Parallel()
	db, _ := testDB(t)
	for table, typ := range rowTypes {
		t.Run(table, func(t *testing.T) {
			full := sample(typ, 3)
			b := pack(t, table, 41, full.Interface())
			b.Gen = 5
			w := NewWriter(db, table)
			if err := w.Write(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			var seq, ver uint64
			var batch string
			row := reflect.New(typ)
			err := db.queries.QueryRow(t.Context(), "SELECT _seq, _ver, _batch FROM "+table).Scan(&seq, &ver, &batch)
			if err != nil || seq != 41 || ver != 5<<48|41 || batch != Token(b, w.parts.spare[0].partition()) {
				t.Errorf("seq %d, ver %x, batch %s, %v", seq, ver, batch, err)
			}
			rows, err := db.queries.Query(t.Context(), "SELECT * EXCEPT (_seq, _ver, _batch) FROM "+table)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = rows.Close() }()
			if !rows.Next() {
				t.Fatal("no row", rows.Err())
			}
			if err := rows.ScanStruct(row.Interface()); err != nil {
				t.Fatal(err)
			}
			want := throughJSON(t, full)
			if got := row.Elem().Interface(); fmt.Sprintf("%+v", dereferenced(got)) != fmt.Sprintf("%+v", dereferenced(want)) {
				t.Errorf("got  %+v\nwant %+v", dereferenced(got), dereferenced(want))
			}
		})
	}
}

// throughJSON is the row after JSON, which cannot carry bytes that are not UTF-8.
func throughJSON(t *testing.T, row reflect.Value) any {
	t.Helper()
	data, err := json.Marshal(row.Interface())
	if err != nil {
		t.Fatal(err)
	}
	back := reflect.New(row.Type())
	if err := json.Unmarshal(data, back.Interface()); err != nil {
		t.Fatal(err)
	}
	return back.Elem().Interface()
}

// dereferenced makes a row printable and comparable.
func dereferenced(row any) map[string]any {
	all := map[string]any{}
	v := reflect.ValueOf(row)
	for i := range v.NumField() {
		f := v.Field(i)
		if f.Kind() == reflect.Pointer && !f.IsNil() {
			f = f.Elem()
		}
		value := f.Interface()
		if at, ok := value.(time.Time); ok {
			value = at.Unix()
		}
		all[v.Type().Field(i).Name] = value
	}
	return all
}

func TestWriteTwice(t *testing.T) {
	t.Parallel()
	db, _ := testDB(t)
	w := NewWriter(db, schemas.TableActivities)
	b := pack(t, schemas.TableActivities, 1, activities(0, 500, day(3))...)
	for _, recover := range []bool{false, false, true, true} {
		b.Recover = recover
		if err := w.Write(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if n := count(t, db, "activities"); n != 500 {
			t.Fatalf("recover %v: %d rows, want 500", recover, n)
		}
	}
	// Another writer, as after a restart, and the next block.
	w = NewWriter(db, schemas.TableActivities)
	next := pack(t, schemas.TableActivities, 501, activities(500, 700, day(3))...)
	for _, b := range []schemas.Block{b, next, next} {
		if err := w.Write(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, db, "activities"); n != 700 {
		t.Errorf("%d rows, want 700", n)
	}
}

// months are rows of three months, in turn.
func months(n int) []schemas.Activity {
	all := activities(0, n, day(1))
	for i := range all {
		all[i].OccurredAt = time.Date(2030, time.Month(1+i%3), 15, 0, 0, i%60, 0, time.UTC)
		all[i].ExpiresAt = all[i].OccurredAt.AddDate(0, 0, 90)
	}
	return all
}

func TestWriteSplitsByMonth(t *testing.T) {
	t.Parallel()
	db, _ := testDB(t)
	w := NewWriter(db, schemas.TableActivities)
	b := pack(t, schemas.TableActivities, 10, months(20_000)...)
	if err := w.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for i, want := range []uint64{6667, 6667, 6666} {
		token := Token(b, fmt.Sprintf("20300%d", i+1))
		if n := count(t, db, "activities WHERE _batch = '"+token+"'"); n != want {
			t.Errorf("%s: %d rows, want %d", token, n, want)
		}
	}
	if n := count(t, db, "system.parts WHERE database = currentDatabase() AND table = 'activities' AND active"); n != 3 {
		t.Errorf("%d parts, want one for each month", n)
	}
}

// A crash may leave some of a block's partitions stored. Recovery adds the others.
func TestRecoverHalfStored(t *testing.T) {
	t.Parallel()
	for stored := range 4 {
		t.Run(fmt.Sprint(stored), func(t *testing.T) {
			t.Parallel()
			db, _ := testDB(t)
			b := pack(t, schemas.TableActivities, 10, months(900)...)
			half := NewWriter(db, schemas.TableActivities)
			if err := half.describe(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := half.parts.fill(t.Context(), b, false, time.Now()); err != nil {
				t.Fatal(err)
			}
			for _, p := range half.parts.used[:stored] {
				if err := half.insert(t.Context(), p, Token(b, p.partition())); err != nil {
					t.Fatal(err)
				}
			}
			b.Recover = true
			if err := NewWriter(db, schemas.TableActivities).Write(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			if n, distinct := count(t, db, "activities"), count(t, db, "(SELECT DISTINCT activity_id FROM activities)"); n != 900 || distinct != 900 {
				t.Errorf("%d rows, %d activities, want 900", n, distinct)
			}
		})
	}
}

// The server's log of tokens may know an insert whose rows a power cut took.
func TestRecoverFromLyingTokenLog(t *testing.T) {
	t.Parallel()
	db, _ := testDB(t)
	w := NewWriter(db, schemas.TableTickets)
	ticket := schemas.TicketRow{Account: "acme", TicketID: 35436, CreatedAt: day(5), UpdatedAt: day(4), Status: "open"}
	b := pack(t, schemas.TableTickets, 7, ticket)
	if err := w.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for round := 1; round <= 3; round++ {
		exec(t, db, "ALTER TABLE tickets DELETE WHERE 1")
		b.Recover = false
		if err := w.Write(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if n := count(t, db, "tickets"); n != 0 {
			t.Fatalf("the log of tokens let the insert pass: %d rows; this test proves nothing", n)
		}
		b.Recover = true
		if err := w.Write(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if err := w.Write(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if n := count(t, db, fmt.Sprintf("tickets WHERE endsWith(_batch, '#%d')", round)); n != 1 {
			t.Errorf("round %d: %d rows, want 1", round, n)
		}
	}
}

func TestRecoverTornBlock(t *testing.T) {
	t.Parallel()
	db, _ := testDB(t)
	w := NewWriter(db, schemas.TableActivities)
	b := pack(t, schemas.TableActivities, 1, activities(0, 50, midMonth)...)
	if err := w.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	exec(t, db, "ALTER TABLE activities DELETE WHERE ticket_id < 10")
	b.Recover = true
	err := w.Write(t.Context(), b)
	if !errors.Is(err, schemas.ErrConflict) || !strings.Contains(err.Error(), "40 rows") || !strings.Contains(err.Error(), "expected 50 to 50") {
		t.Fatalf("torn block: %v", err)
	}
	// The way out that the error names.
	exec(t, db, "ALTER TABLE activities DELETE WHERE startsWith(_batch, '"+Token(b, w.parts.spare[0].partition())+"')")
	if err := w.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if n := count(t, db, "activities"); n != 50 {
		t.Errorf("%d rows, want 50", n)
	}
}

// Rows of one block that replace each other, and merges before the recovery, leave fewer rows than the block has.
func TestRecoverReplacedRows(t *testing.T) {
	t.Parallel()
	db, _ := testDB(t)
	w := NewWriter(db, schemas.TablePeople)
	var rows []schemas.PersonRow
	for i := range 30 {
		rows = append(rows, schemas.PersonRow{Account: "acme", PersonID: fmt.Sprint("p_", i%10), FirstName: fmt.Sprint("version ", i)})
	}
	b := pack(t, schemas.TablePeople, 100, rows...)
	b.Recover = true
	for range 3 {
		if err := w.Write(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		exec(t, db, "OPTIMIZE TABLE people FINAL")
		if n := count(t, db, "people WHERE first_name IN ('version 20', 'version 29')"); n != 2 || count(t, db, "people") != 10 {
			t.Fatalf("%d of the newest, %d rows, want 2 and 10", n, count(t, db, "people"))
		}
	}
}

// Rows past their expiry may be gone at any moment, which must not stop a recovery.
func TestRecoverExpiredRows(t *testing.T) {
	t.Parallel()
	db, _ := testDB(t)
	w := NewWriter(db, schemas.TableActivities)
	b := pack(t, schemas.TableActivities, 1, activities(0, 20, day(200))...)
	b.Recover = true
	if err := w.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	exec(t, db, "OPTIMIZE TABLE activities FINAL")
	soon(t, "expired rows are dropped", func() bool { return count(t, db, "activities") == 0 })
	if err := w.Write(t.Context(), b); err != nil {
		t.Error(err)
	}
}

func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	db, _ := testDB(t)
	w := NewWriter(db, schemas.TableActivities)
	good := pack(t, schemas.TableActivities, 5, activities(0, 3, day(1))...)
	bad := good
	bad.Messages = append([]schemas.BlockMessage{}, good.Messages...)
	bad.Messages[1].Data = append(append([]byte{}, bad.Messages[1].Data...), "\n"+`{"account":"acme","activity":7,"text":"jo@x.test"}`+"\n"...)
	outside := good
	outside.To = 6
	for _, c := range []struct {
		name string
		b    schemas.Block
		want string
	}{
		{"row", bad, "table activities: seq 6, row 2: invalid: activity must be a string"},
		{"seq", outside, "seq 7 is outside its block 5-6"},
		{"table", pack(t, schemas.TableNames, 1, schemas.Name{Account: "acme"}), "table activities: block is of another table: names"},
	} {
		err := w.Write(t.Context(), c.b)
		if !errors.Is(err, schemas.ErrInvalid) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "jo@x.test") {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if err := NewWriter(db, "nowhere").Write(t.Context(), schemas.Block{Table: "nowhere"}); !errors.Is(err, schemas.ErrUnavailable) {
		t.Errorf("unknown table: %v", err)
	}
	if n := count(t, db, "activities"); n != 0 {
		t.Errorf("%d rows of refused blocks", n)
	}
	if err := w.Write(t.Context(), good); err != nil {
		t.Error(err)
	}
}

func TestWriteEdgesOfTime(t *testing.T) {
	t.Parallel()
	db, _ := testDB(t)
	w := NewWriter(db, schemas.TableTicketEvents)
	var rows []schemas.TicketEvent
	for i, at := range []time.Time{
		{},
		time.Unix(0, 0), time.Date(1970, 1, 31, 23, 59, 59, 0, time.UTC), time.Date(2099, 12, 31, 23, 59, 59, 0, time.UTC),
		schemas.FarFuture, schemas.FarFuture.AddDate(50, 0, 0),
	} {
		rows = append(rows, schemas.TicketEvent{Account: "acme", Kind: schemas.EventState, At: at, TicketID: int64(i), EventID: "1", Until: schemas.FarFuture})
	}
	if err := w.Write(t.Context(), pack(t, schemas.TableTicketEvents, 1, rows...)); err != nil {
		t.Fatal(err)
	}
	got, err := db.strings(t.Context(), "SELECT toString(at) || ' ' || _partition_id FROM ticket_events WHERE until = toDateTime(4294967295) ORDER BY ticket_id")
	want := "[1970-01-01 00:00:00 197001 1970-01-01 00:00:00 197001 1970-01-31 23:59:59 197001 2099-12-31 23:59:59 209912 2106-02-07 06:28:15 210602 2106-02-07 06:28:15 210602]"
	if err != nil || fmt.Sprint(got) != want {
		t.Errorf("%v, %v, want %s", got, err, want)
	}
}

// A block of 100,000 rows must not take several times its size, and what it took is given back.
// Not parallel, because allocations are counted for the whole process.
func TestWriteMemory(t *testing.T) {
	db, _ := testDB(t)
	w := NewWriter(db, schemas.TableActivities)
	b := pack(t, schemas.TableActivities, 1, activities(0, 100_000, midMonth)...)
	size := 0
	for _, m := range b.Messages {
		size += len(m.Data)
	}
	before := allocated()
	if err := w.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	// Growing the buffers by doubling makes the sum of allocations larger than what is held at once.
	if used := allocated() - before; used > 4*uint64(size) {
		t.Errorf("%d MiB allocated for a block of %d MiB", used>>20, size>>20)
	}
	held := 0
	for _, p := range append(w.parts.used, w.parts.spare...) {
		held += p.size()
	}
	if held > maxKept {
		t.Errorf("%d MiB kept after the block", held>>20)
	}
	if n := count(t, db, "activities"); n != 100_000 {
		t.Errorf("%d rows", n)
	}
	if n := count(t, db, "system.parts WHERE database = currentDatabase() AND table = 'activities' AND active"); n != 1 {
		t.Errorf("%d parts: the insert was not one block", n)
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func TestManySymbols(t *testing.T) {
	t.Parallel()
	db, _ := testDB(t)
	for i, n := range []int{256, 257, math.MaxUint16 + 2} {
		rows := activities(0, n, day(1))
		for j := range rows {
			rows[j].Tags = []string{fmt.Sprint("tag", j)}
			rows[j].Channel = fmt.Sprint("channel", j)
			rows[j].Activity = fmt.Sprint("size", n)
		}
		b := pack(t, schemas.TableActivities, uint64(1+i*1_000_000), rows...)
		if err := NewWriter(db, schemas.TableActivities).Write(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		where := fmt.Sprintf("activities WHERE activity = 'size%d' AND tags = [concat('tag', toString(ticket_id))] AND channel = concat('channel', toString(ticket_id))", n)
		if got := count(t, db, where); got != uint64(n) {
			t.Errorf("%d symbols: %d right rows", n, got)
		}
	}
}
