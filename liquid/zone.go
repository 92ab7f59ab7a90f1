package liquid

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"
	_ "time/tzdata" // zones must be known on machines without a zone database
)

// zones keeps the zones that were loaded. Only names that exist get in, and only so many.
var (
	zones     sync.Map // name to *time.Location
	zoneCount atomic.Int64
)

const mostZones = 2000

// What looking a zone up costs when it is not kept: the search goes through the zone database.
const (
	zoneSteps = 200
	zoneBytes = 48 << 10
)

// namedZone is loadZone, paid for.
func (st *state) namedZone(name string) (*time.Location, bool, error) {
	if z, ok := zones.Load(name); ok {
		return z.(*time.Location), true, st.step(1)
	}
	if err := st.step(zoneSteps); err != nil {
		return nil, false, err
	}
	if err := st.alloc(zoneBytes); err != nil {
		return nil, false, err
	}
	z, ok := loadZone(name)
	return z, ok, nil
}

// loadZone gives the IANA zone of that name. "Local" is refused: a text must not depend on the machine it is made on.
func loadZone(name string) (*time.Location, bool) {
	if z, ok := zones.Load(name); ok {
		return z.(*time.Location), true
	}
	if !isZoneName(name) {
		return nil, false
	}
	z, err := time.LoadLocation(name)
	if err != nil {
		return nil, false
	}
	if zoneCount.Add(1) <= mostZones {
		zones.Store(name, z)
	}
	return z, true
}

// IsZone says whether a request may name a time zone so.
func IsZone(name string) bool {
	_, ok := loadZone(name)
	return ok
}

// isZoneName keeps names out that could lead outside of the zone database.
func isZoneName(name string) bool {
	if name == "" || name == "Local" || len(name) > 40 || name[0] == '/' {
		return false
	}
	for i := range len(name) {
		if !isWord(name[i]) && strings.IndexByte("+-/", name[i]) < 0 {
			return false
		}
	}
	return true
}

// personZone gives the zone of the person in the data, nil when there is none.
func personZone(data map[string]any) *time.Location {
	for _, root := range rootNames["person"].keys {
		person, ok := asMap(data[root])
		if !ok {
			continue
		}
		for _, key := range []string{"time_zone", "time-zone"} {
			if name, ok := person[key].(string); ok {
				if z, ok := loadZone(name); ok {
					return z
				}
			}
		}
	}
	return nil
}
