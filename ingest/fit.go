package ingest

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/rs/zerolog"

	"deskstream/schemas"
)

// fitSize is what every broker takes: the usual limit of 1 MiB a message, less room for the headers.
const fitSize = 1<<20 - 16<<10

// fitted calls store, and again with smaller events when they are too large for it: one huge comment must not keep a whole stream from
// moving on. Rows over fitSize lose the HTML form of their texts, which is there in plain form too; what is still too large is left out
// and reported.
func fitted(log zerolog.Logger, m *Metrics, events []schemas.Event, store func([]schemas.Event) error) error {
	err := store(events)
	if !errors.Is(err, schemas.ErrTooLarge) {
		return err
	}
	small := make([]schemas.Event, 0, len(events))
	for _, e := range events {
		if len(e.Data) > fitSize {
			e.Data = withoutHTML(e.Data)
		}
		if len(e.Data) > fitSize {
			m.oversized.WithLabelValues(string(e.Kind)).Inc()
			log.Error().Str("event", e.ID).Int("bytes", len(e.Data)).Msg("object too large to be stored, left out")
			continue
		}
		small = append(small, e)
	}
	return store(small)
}

// withoutHTML removes every html_body from a JSON document; one that cannot be read stays as it is.
func withoutHTML(data []byte) []byte {
	var doc any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber() // Ids have more digits than a float64.
	if d.Decode(&doc) != nil {
		return data
	}
	dropKey(doc, "html_body")
	out, err := json.Marshal(doc)
	if err != nil {
		return data
	}
	return out
}

func dropKey(doc any, key string) {
	switch v := doc.(type) {
	case map[string]any:
		delete(v, key)
		for _, child := range v {
			dropKey(child, key)
		}
	case []any:
		for _, child := range v {
			dropKey(child, key)
		}
	}
}
