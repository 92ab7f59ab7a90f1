package sinks

import (
	"context"
	"fmt"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// escaper writes a value as the server reads query parameters: as a field of a tab-separated line. The client sends it unescaped.
var escaper = strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`, "\x00", `\0`, "\b", `\b`, "\f", `\f`)

// arrayLiteral is a parameter that the server reads as a literal of an array; its elements are quoted, and nothing else is escaped.
type arrayLiteral string

// stringArray writes an Array(String).
func stringArray(all []string) arrayLiteral {
	quoted := make([]string, len(all))
	for i, s := range all {
		quoted[i] = quote(s)
	}
	return arrayLiteral("[" + strings.Join(quoted, ",") + "]")
}

// quote writes a string as an element of an array literal.
func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// parameters binds names and values, given in turn, to {name:Type} in the statement.
func parameters(ctx context.Context, pairs ...any) context.Context {
	p := clickhouse.Parameters{}
	for i := 0; i+1 < len(pairs); i += 2 {
		name := fmt.Sprint(pairs[i])
		switch v := pairs[i+1].(type) {
		case arrayLiteral:
			p[name] = string(v)
		default:
			p[name] = escaper.Replace(fmt.Sprint(v))
		}
	}
	return clickhouse.Context(ctx, clickhouse.WithParameters(p))
}
