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
	got, want := slices.Sorted(maps.Keys(ingest.Intervals())), slices.Sorted(slices.Values(schemas.Resources))
	if !slices.Equal(got, want) {
		t.Errorf("ingest polls %v, schemas knows %v: a source would never or too early be called synced", got, want)
	}
}
