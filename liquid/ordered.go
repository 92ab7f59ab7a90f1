package liquid

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"slices"
)

// Ordered is a map whose keys keep the order in which they were written. Loops and filters go through it in that order, while a
// map[string]any is gone through in the order of its keys, so that equal data give equal texts. It is not changed once it is made.
type Ordered struct {
	keys   []string
	values map[string]any
}

// asMap gives the entries of either kind of map.
func asMap(v any) (map[string]any, bool) {
	switch v := v.(type) {
	case map[string]any:
		return v, true
	case *Ordered:
		if v != nil {
			return v.values, true
		}
	}
	return nil, false
}

// keysOf gives the keys of either kind of map in its order.
func keysOf(st *state, v any) ([]string, error) {
	m, _ := asMap(v)
	if err := st.items(int64(len(m))); err != nil {
		return nil, err
	}
	if err := st.step(int64(len(m))); err != nil {
		return nil, err
	}
	if o, ok := v.(*Ordered); ok {
		return o.keys, nil
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys, nil
}

// DecodeData reads a JSON object into data a Request accepts: numbers without point and exponent become int64 (plain decoding would make
// every number a float, and 3 would print as 3.0), other numbers float64, objects inside keep the order of their keys. Whole numbers beyond
// int64 stay json.Number, which a Request accepts too. The error is an *Error of kind limit for what is nested too deep to be decoded.
func DecodeData(text []byte) (map[string]any, error) {
	o, err := DecodeObject(text)
	if err != nil {
		return nil, err
	}
	return o.values, nil
}

// DecodeObject is DecodeData for one value of the data: the order of its own keys is kept too.
func DecodeObject(text []byte) (*Ordered, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	v, err := decodeValue(d, 0)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("data: only one JSON object is accepted")
	}
	o, ok := v.(*Ordered)
	if !ok {
		return nil, fmt.Errorf("data: a JSON object is needed")
	}
	return o, nil
}

// deepestJSON bounds the depth of what is decoded; Limits.DataDepth is for what is rendered.
const deepestJSON = 1000

func decodeValue(d *json.Decoder, depth int) (any, error) {
	if depth > deepestJSON {
		return nil, limitf("nested deeper than %d levels", deepestJSON)
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '{' {
			return decodeObject(d, depth)
		}
		return decodeList(d, depth)
	case json.Number:
		if n := fromJSONNumber(t); n != nil {
			if _, big := n.(*big.Int); !big {
				return n, nil
			}
		}
	}
	return t, nil
}

func decodeObject(d *json.Decoder, depth int) (*Ordered, error) {
	o := &Ordered{values: map[string]any{}}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, _ := t.(string) // the decoder lets nothing else pass
		v, err := decodeValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		if _, again := o.values[key]; !again {
			o.keys = append(o.keys, key)
		}
		o.values[key] = v
	}
	_, err := d.Token()
	return o, err
}

func decodeList(d *json.Decoder, depth int) ([]any, error) {
	list := []any{}
	for d.More() {
		v, err := decodeValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := d.Token()
	return list, err
}
