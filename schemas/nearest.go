package schemas

import "strings"

// Nearest gives the known word that was probably meant by word, "" when none is near: one that differs in case or in - and _ only, or by a
// few letters.
func Nearest(word string, known []string) string {
	if len(word) > longestWord {
		return ""
	}
	folded := fold(word)
	best, least := "", 1+max(1, len(word)/3)
	for _, k := range known {
		if k == word || len(k) > longestWord {
			continue
		}
		if d := editDistance(folded, fold(k), least); d < least {
			best, least = k, d
		}
	}
	return best
}

// longestWord bounds the work of a comparison.
const longestWord = 100

func fold(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "_") }

// editDistance counts the letters to insert, drop, replace or swap with their neighbour to get from a to b; most or more is given as most.
func editDistance(a, b string, most int) int {
	if len(a)-len(b) >= most || len(b)-len(a) >= most {
		return most
	}
	var before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return min(row[len(b)], most)
}
