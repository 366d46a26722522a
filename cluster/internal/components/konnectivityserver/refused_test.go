//go:build !unpatched

package konnectivityserver

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestRefusedNodesAreNamedWhole(t *testing.T) {
	file := filepath.Join(t.TempDir(), "refused")
	nodes := &refused{file}
	if err := nodes.judge("edge-1"); err != nil {
		t.Errorf("without a file: %v", err)
	}
	if err := os.WriteFile(file, []byte("edge-1\nedge-22\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]codes.Code{"edge-1": codes.PermissionDenied, "edge-22": codes.PermissionDenied, "edge-2": codes.OK, "": codes.OK} {
		if err := nodes.judge(name); status.Code(err) != want {
			t.Errorf("%q: %v; want %s", name, err, want)
		}
	}
	if err := (&refused{t.TempDir()}).judge("edge-2"); status.Code(err) != codes.Unavailable {
		t.Errorf("nobody knows who is refused: %v", err)
	}
}

func TestStreamsEndWhenTheirNodeIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "refused")
	synctest.Test(t, func(t *testing.T) {
		forever, began := make(chan struct{}), time.Now()
		defer close(forever)
		go func() {
			time.Sleep(time.Minute)
			if err := os.WriteFile(file, []byte("edge-1\n"), 0o600); err != nil {
				t.Error(err)
			}
		}()
		err := identity{name: "edge-1", expires: began.Add(time.Hour)}.serveUntilExpiry(&refused{file}, func() error { <-forever; return nil })
		if status.Code(err) != codes.PermissionDenied || time.Since(began) > time.Minute+2*lookPeriod {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
}
