package sinks

import (
	"context"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// escaper writes a value as the server reads query parameters: as a field of a tab-separated line. The client sends it unescaped.
var escaper = strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`, "\x00", `\0`, "\b", `\b`, "\f", `\f`)

// parameters binds names and values, given in turn, to {name:Type} in the statement.
func parameters(ctx context.Context, pairs ...string) context.Context {
	p := clickhouse.Parameters{}
	for i := 0; i+1 < len(pairs); i += 2 {
		p[pairs[i]] = escaper.Replace(pairs[i+1])
	}
	return clickhouse.Context(ctx, clickhouse.WithParameters(p))
}
