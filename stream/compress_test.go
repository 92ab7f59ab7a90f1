package stream

import (
	"bytes"
	"errors"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
)

func TestCompress(t *testing.T) {
	t.Parallel()
	noise := make([]byte, 4<<10)
	for i := range noise {
		noise[i] = byte(rand.IntN(256))
	}
	for name, tc := range map[string]struct {
		data  []byte
		small bool
	}{
		"rows that repeat themselves": {bytes.Repeat([]byte(`{"account":"acme","ticket_id":1}`+"\n"), 100), true},
		"a short row":                 {[]byte(strings.Repeat("a", compressFrom-1)), false},
		"what cannot get smaller":     {noise, false},
		"nothing":                     {nil, false},
	} {
		m := &nats.Msg{Data: tc.data}
		compress([]*nats.Msg{m})
		if small := m.Header.Get(headerEncoding) != ""; small != tc.small || small && len(m.Data) > len(tc.data)/4 {
			t.Errorf("%s: %d bytes became %d, %v", name, len(tc.data), len(m.Data), m.Header)
		}
		torn := storedMessage{header: maps.Clone(m.Header), data: m.Data[:len(m.Data)/2]}
		if err := torn.expand(); tc.small && !errors.Is(err, errTorn) {
			t.Errorf("%s: half of it is %v", name, err)
		}
		whole := storedMessage{header: m.Header, data: m.Data}
		for range 2 { // what is expanded stays as it is
			if err := whole.expand(); err != nil || !bytes.Equal(whole.data, tc.data) {
				t.Errorf("%s: came back as %d bytes of %d: %v", name, len(whole.data), len(tc.data), err)
			}
		}
	}
	if err := (&storedMessage{header: nats.Header{headerEncoding: {"zip"}}}).expand(); err == nil {
		t.Error("an unknown encoding is read")
	}
}
