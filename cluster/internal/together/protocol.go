// Package together runs several components in one process.
//
// A Group is kedge's side: it knows which components shall run. The process
// dials the group's socket, is told all of them anew whenever one changes, and
// tells in return how each fares. A process that ends takes its components with
// it; the next one is told the same again.
package together

// wanted is the whole of what shall run. What is not in it shall not.
type wanted struct {
	Parts []part `json:"parts"`
}

// part is one component.
type part struct {
	Name string   `json:"name"`
	Args []string `json:"args"`
	// Start counts: a part with another number is another one, though all else
	// be as before, and takes the place of the one that runs.
	Start int `json:"start"`
}

// told is one message of the process.
type told struct {
	Name string `json:"name"`
	// Start is the part's.
	Start int `json:"start"`
	// Problem is why the part has ended; empty: it has begun.
	Problem string `json:"problem,omitempty"`
}
