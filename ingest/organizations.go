package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"deskstream/schemas"
)

// withMerges asks of each deleted organization which other one absorbed it, and puts that into it: the export only tells that it is gone.
func withMerges(ctx context.Context, client *Client, rows []json.RawMessage) ([]json.RawMessage, error) {
	out := make([]json.RawMessage, 0, len(rows))
	for _, row := range rows {
		var gone struct {
			ID        schemas.ZID `json:"id"`
			DeletedAt *time.Time  `json:"deleted_at"`
		}
		if err := json.Unmarshal(row, &gone); err == nil && gone.ID > 0 && gone.DeletedAt != nil {
			winner, err := client.absorbing(ctx, gone.ID)
			if err != nil {
				return nil, err
			}
			if winner > 0 {
				row = withMember(row, "merged_into", json.RawMessage(winner.String()))
			}
		}
		out = append(out, row)
	}
	return out, nil
}

// absorbing gives the organization that absorbed another one; 0 if none did.
func (c *Client) absorbing(ctx context.Context, id schemas.ZID) (schemas.ZID, error) {
	merges, err := c.list(ctx, "/api/v2/organizations/"+id.String()+"/merges.json", "organization_merges")
	if errors.Is(err, schemas.ErrNotFound) || errors.Is(err, schemas.ErrDenied) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("merges of organization %d: %w", id, err)
	}
	for _, merge := range merges {
		var m struct {
			Loser  schemas.ZID `json:"loser_id"`
			Winner schemas.ZID `json:"winner_id"`
			Status string      `json:"status"`
		}
		if json.Unmarshal(merge, &m) == nil && m.Loser == id && m.Status != "error" {
			return m.Winner, nil
		}
	}
	return 0, nil
}
