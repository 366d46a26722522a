// Package words finds what somebody meant who misspelt a word.
package words

import "strings"

// Nearest finds the known word that was most likely meant: one that is a few
// slips of the finger away, or else the only one that contains what was typed
// ("apiserver" for "kube-apiserver").
func Nearest(word string, known []string) (string, bool) {
	word = strings.ToLower(word)
	best, bestDistance := "", tolerance(word)+1
	for _, candidate := range known {
		if d := distance(word, strings.ToLower(candidate)); d < bestDistance {
			best, bestDistance = candidate, d
		}
	}
	if best != "" {
		return best, true
	}
	return onlyContaining(word, known)
}

// tolerance is how many slips still count as the same word: one in three
// letters, so that a short word does not resemble everything.
func tolerance(word string) int {
	return len([]rune(word)) / 3
}

func onlyContaining(word string, known []string) (string, bool) {
	const shortestPart = 3 // "be" would be found in half of the table
	if len(word) < shortestPart {
		return "", false
	}
	found := ""
	for _, candidate := range known {
		if !strings.Contains(strings.ToLower(candidate), word) {
			continue
		}
		if found != "" {
			return "", false
		}
		found = candidate
	}
	return found, found != ""
}

// distance counts the single-letter insertions, deletions, replacements and
// swaps of neighbours between two words (optimal string alignment).
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	rows := make([][]int, len(from)+1)
	for i := range rows {
		rows[i] = make([]int, len(to)+1)
		rows[i][0] = i
	}
	for j := range to {
		rows[0][j+1] = j + 1
	}
	for i := 1; i <= len(from); i++ {
		for j := 1; j <= len(to); j++ {
			replace := rows[i-1][j-1]
			if from[i-1] != to[j-1] {
				replace++
			}
			rows[i][j] = min(replace, rows[i-1][j]+1, rows[i][j-1]+1)
			if i > 1 && j > 1 && from[i-1] == to[j-2] && from[i-2] == to[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(from)][len(to)]
}
