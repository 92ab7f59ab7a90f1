package schemas

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
)

// DamageError is what ClickHouse says of a table whose files it cannot read any more. It is of the class ErrUnavailable: a repair makes the table again.
type DamageError struct {
	Database, Table string // "" where the server does not name them
	Part            string // of the table; "" where the server does not name it
}

// Error says what is wrong and what to do.
func (d *DamageError) Error() string {
	table, part := "a table", ""
	if d.Table != "" {
		table = "table " + d.Table
	}
	if d.Part != "" {
		part = " (part " + d.Part + ")"
	}
	return fmt.Sprintf("the stored data of %s is damaged%s: `deskstream verify --repair` makes it again, also while the program runs", table, part)
}

// Unwrap gives the class.
func (*DamageError) Unwrap() error { return ErrUnavailable }

// ambiguousCodes come of values and files that are none of a table, too: of damage where the server names the part that was read.
var ambiguousCodes = []int{32, 33, 107, 117, 128, 131}

// damageCodes are the errors of ClickHouse's src/Common/ErrorCodes.cpp that files of a table give which were changed, cut or removed: 32
// ATTEMPT_TO_READ_AFTER_EOF, 33 CANNOT_READ_ALL_DATA, 39 TOO_LARGE_SIZE_COMPRESSED, 40 CHECKSUM_DOESNT_MATCH, 107 FILE_DOESNT_EXIST, 117 INCORRECT_DATA,
// 128 TOO_LARGE_ARRAY_SIZE, 131 TOO_LARGE_STRING_SIZE, 226 NO_FILE_IN_DATA_PART, 228 BAD_SIZE_OF_FILE_IN_DATA_PART, 246 CORRUPTED_DATA, 271
// CANNOT_DECOMPRESS, 432 UNKNOWN_CODEC.
var damageCodes = []int{32, 33, 39, 40, 107, 117, 128, 131, 226, 228, 246, 271, 432}

// codeUnfinished is UNFINISHED, of a mutation of a table; its message has the error that it met.
const codeUnfinished = 341

var (
	damagedMutation = regexp.MustCompile(`with part '([^']+)' reason: 'Code: (\d+)\.`)
	damagedPart     = regexp.MustCompile(`reading from part (?:\S*/)?([^\s/]+)/? in table (\S+)\.(\S+) `)
)

// DamageOf is the damage that an error of ClickHouse tells of, nil when it is about something else.
func DamageOf(code int, message string) *DamageError {
	part := ""
	if m := damagedMutation.FindStringSubmatch(message); code == codeUnfinished && m != nil {
		part = m[1]
		code, _ = strconv.Atoi(m[2])
	}
	if !slices.Contains(damageCodes, code) {
		return nil
	}
	if m := damagedPart.FindStringSubmatch(message); m != nil {
		return &DamageError{Part: m[1], Database: m[2], Table: m[3]}
	}
	if part == "" && slices.Contains(ambiguousCodes, code) {
		return nil
	}
	return &DamageError{Part: part}
}
