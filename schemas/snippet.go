package schemas

import "time"

// Snippet is a piece of template that templates put into their text by its name.
type Snippet struct {
	Name      string    `json:"name"`
	Source    string    `json:"source"` // Liquid
	UpdatedAt time.Time `json:"updated_at"`
	Revision  uint64    `json:"-"` // stream sequence of the record, for compare-and-set
}
