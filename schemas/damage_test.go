package schemas

import (
	"errors"
	"testing"
)

// TestDamageNamesTableAndPart: of the errors that damaged files give, the table and the part are read where the server names them.
func TestDamageNamesTableAndPart(t *testing.T) {
	t.Parallel()
	const where = "Checksum doesn't match: corrupted data. Size of compressed block: 195: While reading or decompressing /d/store/c85/c85a/202611-0_1_2_2/data.bin: " +
		"(while reading column url): (while reading from part /d/store/c85/c85a/202611-0_1_2_2/ in table deskstream.tickets (c85a7957-7a51) located on disk default)"
	for _, c := range []struct {
		code    int
		message string
		want    *DamageError
	}{
		{40, where, &DamageError{"deskstream", "tickets", "202611-0_1_2_2"}},
		{33, where, &DamageError{"deskstream", "tickets", "202611-0_1_2_2"}},
		{39, where, &DamageError{"deskstream", "tickets", "202611-0_1_2_2"}},
		{131, where, &DamageError{"deskstream", "tickets", "202611-0_1_2_2"}},
		{131, "Too large string size", nil},
		{271, "Cannot decompress", &DamageError{}},
		{341, "Exception happened during execution of mutation 'mutation_4.txt' with part '1_2' reason: 'Code: 40. DB::Exception: Checksum", &DamageError{Part: "1_2"}},
		{341, "Exception happened during execution of mutation 'mutation_4.txt' with part '1_2' reason: 'Code: 60. DB::Exception: No table", nil},
		{60, where, nil},
		{32, "Attempt to read after eof: while converting '' to UInt64", nil},
		{0, "", nil},
	} {
		got := DamageOf(c.code, c.message)
		if (got == nil) != (c.want == nil) || got != nil && *got != *c.want {
			t.Errorf("code %d, %s: %+v, want %+v", c.code, c.message, got, c.want)
		}
		if got != nil && !errors.Is(got, ErrUnavailable) {
			t.Errorf("%v is of no class", got)
		}
	}
	const want = "the stored data of table tickets is damaged (part p): `deskstream verify --repair` makes it again, also while the program runs"
	if got := (&DamageError{"deskstream", "tickets", "p"}).Error(); got != want {
		t.Errorf("got %s", got)
	}
}
