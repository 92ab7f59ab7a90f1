package reports

import (
	"context"
	"strconv"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// label puts names beside the keys of a report's rows. A key without a name is its own label.
func (s *server) label(ctx context.Context, q *question, a *reportAnswer) error {
	offset := len(a.GroupBy) - len(q.groupBy)
	for level, d := range q.groupBy {
		names, err := s.names(ctx, d.labels, q.accounts, distinctKeys(a.Rows, offset+level))
		if err != nil {
			return err
		}
		for i := range a.Rows {
			if name := names[a.Rows[i].Key[offset+level]]; name != "" {
				a.Rows[i].Label[offset+level] = name
			}
		}
	}
	return nil
}

func distinctKeys(rows []reportRow, level int) []string {
	seen := map[string]bool{noneKey: true}
	var keys []string
	for _, r := range rows {
		if !seen[r.Key[level]] {
			seen[r.Key[level]] = true
			keys = append(keys, r.Key[level])
		}
	}
	return keys
}

// names gives the names of ids of a kind: agent, organization, group, brand, ticket_form, or activity.
func (s *server) names(ctx context.Context, kind string, accounts, keys []string) (map[string]string, error) {
	names := make(map[string]string, len(keys))
	switch {
	case kind == "" || len(keys) == 0:
		return names, nil
	case kind == "activity":
		for _, k := range keys {
			names[k] = activityName(k)
		}
		return names, nil
	}
	var ids []int64
	for _, k := range keys {
		if id, err := strconv.ParseInt(k, 10, 64); err == nil {
			ids = append(ids, id)
		}
	}
	p := params{}
	p.texts("accounts", accounts)
	p.text("kind", kind)
	p.ints("ids", ids)
	err := s.query(ctx, "names", namesStatement(kind), p, func(rows driver.Rows) error {
		var id int64
		var name string
		if err := rows.Scan(&id, &name); err != nil {
			return err
		}
		names[strconv.FormatInt(id, 10)] = name
		return nil
	})
	return names, err
}

// namesStatement reads the one table that has the names of a kind.
func namesStatement(kind string) string {
	pieces := namePieces{Table: "names", ID: "id", Name: "name", OfKind: true}
	switch kind {
	case kindAgent:
		pieces = namePieces{Table: "agents", ID: "user_id", Name: "name"}
	case kindAgentEmail:
		pieces = namePieces{Table: "agents", ID: "user_id", Name: "email"}
	case kindOrganization:
		pieces = namePieces{Table: "organizations", ID: "organization_id", Name: "name"}
	}
	return sqlWith("names", pieces)
}
