package device

import "strings"

// Nearest returns the ID of the device that is most likely meant: the one with
// the fewest letters to change, "" if none is near.
func Nearest(input string) string {
	near, least := "", 0
	input = strings.ToLower(input)
	if len(input) > 64 { // no ID is as long, and the distance takes time
		return ""
	}
	for _, id := range IDs() {
		d := distance(input, id)
		if strings.HasPrefix(id, input) && len(input) >= 2 || strings.HasPrefix(input, id) {
			d = 1 // "canon" for canon-printer
		}
		if d <= max(1, len(id)/3) && (near == "" || d < least) {
			near, least = id, d
		}
	}
	return near
}

// distance is how many letters must be inserted, deleted, replaced, or
// exchanged with their neighbour to make b of a (optimal string alignment).
func distance(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	before, last, row := rows[0], rows[1], rows[2]
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
