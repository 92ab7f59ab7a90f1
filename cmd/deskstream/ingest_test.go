package main

import (
	"maps"
	"slices"
	"testing"

	"deskstream/ingest"
	"deskstream/schemas"
)

func TestResourcesAreTheSameOnBothSides(t *testing.T) {
	t.Parallel()
	got := slices.Sorted(maps.Keys(ingest.Intervals()))
	want := slices.Sorted(slices.Values(append(slices.Clone(schemas.Resources), schemas.ResourceTicketCounts)))
	if !slices.Equal(got, want) {
		t.Errorf("ingest polls %v, schemas knows %v: a source would never or too early be called synced", got, want)
	}
}
