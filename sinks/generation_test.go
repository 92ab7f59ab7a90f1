package sinks

import (
	"testing"

	"deskstream/local/localtest"
	"deskstream/schemas"
)

func TestDropOlderKeepsTheNewGeneration(t *testing.T) {
	t.Parallel()
	dsn := localtest.TestDatabase(t)
	if err := Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), dsn, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	w := NewWriter(db, schemas.TableNames)
	for gen := range uint64(3) {
		line := []byte(`{"account":"acme","kind":"group","id":` + string('1'+rune(gen)) + `,"name":"n","key":"","type":"","is_deleted":0}`)
		b := schemas.Block{Table: schemas.TableNames, From: 7, To: 7, Epoch: "e", Gen: gen, Messages: []schemas.BlockMessage{{Seq: 7, Data: line}}}
		b.Epoch += string('0' + rune(gen))
		if err := w.Write(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.DropOlder(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	var n, gen uint64
	if err := db.queries.QueryRow(t.Context(), "SELECT count(), min(bitShiftRight(_ver, 48)) FROM names").Scan(&n, &gen); err != nil {
		t.Fatal(err)
	}
	if n != 1 || gen != 2 {
		t.Errorf("%d rows are left, the oldest of generation %d; want 1 of generation 2", n, gen)
	}
}
