package role

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kedge/internal/supervise"
)

func TestWayToADirectory(t *testing.T) {
	closed := filepath.Join(t.TempDir(), "closed")
	dir := filepath.Join(closed, "data")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(closed, 0o750); err != nil {
		t.Fatal(err)
	}
	others := Accounts{"kube-apiserver": supervise.User{UID: 7, GID: 7}}
	if err := others.CheckWay(dir); err == nil || !strings.Contains(err.Error(), "chmod o+x "+closed) {
		t.Errorf("error = %v", err)
	}
	if err := (Accounts{}).CheckWay(dir); err != nil {
		t.Errorf("an ordinary user's components are the same user: %v", err)
	}
	if err := others.CheckWay("/"); err != nil {
		t.Errorf("the root: %v", err)
	}
}
