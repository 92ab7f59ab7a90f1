package sinks

import (
	"errors"
	"fmt"

	"deskstream/schemas"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
)

// unavailable marks an error as one that may pass by itself. Everything that comes back from ClickHouse or the network is of that
// kind: full disks, limits and missing tables are mended on the server while the stream keeps the rows. Damaged files of a table are told first.
func unavailable(err error) error {
	if err == nil || errors.Is(err, schemas.ErrUnavailable) {
		return err
	}
	if damage := schemas.DamageOf(exception(err)); damage != nil {
		return fmt.Errorf("%w: %w", damage, err)
	}
	return fmt.Errorf("%w: %w", schemas.ErrUnavailable, err)
}

// ClickHouse error codes that are told apart (ErrorCodes.cpp).
const (
	codeUnknownTable    = 60
	codeUnknownDatabase = 81
	codeAuthentication  = 516
)

// codeOf is the ClickHouse error code in err, 0 if there is none.
func codeOf(err error) int {
	code, _ := exception(err)
	return code
}

// exception is the ClickHouse error code in err and its message, 0 if there is none.
func exception(err error) (code int, message string) {
	var ex *proto.Exception
	if errors.As(err, &ex) {
		return int(ex.Code), ex.Message
	}
	if e, ok := ch.AsException(err); ok {
		return int(e.Code), e.Message
	}
	return 0, ""
}
