package liquid

// FilterArguments gives the least and the most number of arguments of every filter, for tests that go through all of them.
func FilterArguments() map[string][2]int {
	all := map[string][2]int{}
	for name, f := range filters {
		all[name] = [2]int{f.least, min(f.most, 3)}
	}
	return all
}
