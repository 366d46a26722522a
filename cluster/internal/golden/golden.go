// Package golden compares what tests get with files that people have read.
package golden

import (
	"os"
	"testing"
)

// Compare fails the test where got is not the content of file. With
// UPDATE_GOLDEN set it writes the file instead.
func Compare(t *testing.T, file, got string) {
	t.Helper()
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; UPDATE_GOLDEN=1 makes it", err)
	}
	if got != string(want) {
		t.Errorf("not as in %s; UPDATE_GOLDEN=1 writes it anew. Now it is:\n%s", file, got)
	}
}
