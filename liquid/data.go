package liquid

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// dataFault is a value in the data that is not accepted, with the way to it from the inside out.
type dataFault struct {
	path    []string
	kind    string
	message string
}

func (f *dataFault) toError(field string) *Error {
	slices.Reverse(f.path)
	if len(f.path) > 10 {
		f.path = append(f.path[:10:10], "...")
	}
	return &Error{Kind: f.kind, Message: field + "." + strings.Join(f.path, ".") + ": " + f.message}
}

// checkData refuses what templates must not see: anything but maps, lists and scalars (methods of bound structs could be called, pointers
// can form rings), and data deeper or bigger than the limits. A ring of maps always runs into the depth.
func checkData(field string, data map[string]any, limits *Limits) error {
	c := dataCheck{limits: limits}
	for k, v := range data {
		if f := c.value(v, 1); f != nil {
			f.path = append(f.path, k)
			return f.toError(field)
		}
	}
	return nil
}

type dataCheck struct {
	limits *Limits
	values int
}

func (c *dataCheck) value(v any, depth int) *dataFault {
	c.values++
	if c.values > c.limits.DataValues {
		return &dataFault{kind: KindLimit, message: fmt.Sprintf("more than %d values", c.limits.DataValues)}
	}
	switch v := v.(type) {
	case nil, bool, string, int, int64, time.Time, int8, int16, int32, uint, uint8, uint16, uint32, uint64:
		return nil
	case float64:
		return checkFloat(v)
	case float32:
		return checkFloat(float64(v))
	case json.Number:
		if len(v) > c.limits.IntegerBits/3 || fromJSONNumber(v) == nil {
			return &dataFault{kind: KindType, message: "not a number"}
		}
		return nil
	case map[string]any:
		return c.entries(v, depth)
	case *Ordered:
		if v != nil {
			return c.entries(v.values, depth)
		}
		return nil
	case []any:
		return c.elements(v, depth)
	default:
		return &dataFault{kind: KindType, message: fmt.Sprintf(
			"%T is not accepted; data is made of map[string]any, *Ordered, []any, text, numbers, booleans, times and nil", v)}
	}
}

func (c *dataCheck) entries(m map[string]any, depth int) *dataFault {
	if depth > c.limits.DataDepth {
		return c.tooDeep()
	}
	for k, v := range m {
		if f := c.value(v, depth+1); f != nil {
			f.path = append(f.path, k)
			return f
		}
	}
	return nil
}

func (c *dataCheck) elements(list []any, depth int) *dataFault {
	if depth > c.limits.DataDepth {
		return c.tooDeep()
	}
	for i, v := range list {
		if f := c.value(v, depth+1); f != nil {
			f.path = append(f.path, fmt.Sprint(i))
			return f
		}
	}
	return nil
}

func (c *dataCheck) tooDeep() *dataFault {
	return &dataFault{kind: KindLimit, message: fmt.Sprintf("nested deeper than %d levels, or containing itself", c.limits.DataDepth)}
}

func checkFloat(f float64) *dataFault {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return &dataFault{kind: KindType, message: "not a finite number"}
	}
	return nil
}
