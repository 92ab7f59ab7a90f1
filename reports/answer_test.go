package reports

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestRowsHaveOneOrder: the same keys are put in the same order however they come, numbers by size and before words, none last.
func TestRowsHaveOneOrder(t *testing.T) {
	t.Parallel()
	one := rapid.SampledFrom([]string{"", "0", "-0", "-1", "01", "1", "+1", "1a", "9", "10", "a", "a1", "9223372036854775807", "9223372036854775808", "vip"})
	key := rapid.OneOf(one, rapid.StringMatching("[0-9a]{0,3}"))
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfDistinct(rapid.SliceOfN(key, 2, 2), func(k []string) [2]string { return [2]string{k[0], k[1]} }).Draw(t, "keys")
		want := slices.SortedFunc(slices.Values(keys), compareKeys)
		if got := slices.SortedFunc(slices.Values(rapid.Permutation(keys).Draw(t, "in another order")), compareKeys); !slices.EqualFunc(got, want, slices.Equal) {
			t.Fatalf("%q, in another order %q", want, got)
		}
	})
	want := []string{"-1", "01", "1", "9", "10", "1a", "a", ""}
	if got := slices.SortedFunc(slices.Values([]string{"a", "10", "", "1a", "1", "9", "01", "-1"}), compareKey); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
