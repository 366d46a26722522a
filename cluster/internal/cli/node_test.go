//go:build !without_controller && !without_worker

package cli

import (
	"bytes"
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kedge/internal/layout"
	"kedge/internal/pending"
	"kedge/internal/status"
)

// asked is a running controller that these devices ask.
func asked(t *testing.T, devices ...pending.Device) layout.Layout {
	t.Helper()
	places := layout.Layout{DataDir: t.TempDir(), RunDir: t.TempDir()}
	listener, err := net.Listen("unix", places.StatusSocket())
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		done <- status.Serve(ctx, listener, status.Answers{Report: func() status.Report { return status.Report{Pending: devices} }})
	}()
	t.Cleanup(func() { end(); <-done })
	return places
}

func key(digits string) string { return "SHA256:" + digits + strings.Repeat("0", 64-len(digits)) }

func TestADeviceIsChosenByItsFingerprint(t *testing.T) {
	const begins = "0123456789abcdef"
	places := asked(t, pending.Device{Key: key(begins + "1"), Serial: "S1"}, pending.Device{Key: key(begins + "2")}, pending.Device{Key: key("fedcba9876543210")})
	for text, want := range map[string]struct{ key, told string }{
		key(begins + "1"):         {key: key(begins + "1")},
		"SHA256:fedcba9876543210": {key: key("fedcba9876543210")},
		key("77"):                 {key: key("77")}, // it may come later
		"SHA256:" + begins:        {told: "name the whole one"},
		"SHA256:fedcba987654321":  {told: "is no fingerprint"},
		"SHA256:7777777777777777": {told: "asks here"},
		"fedcba9876543210":        {told: "is no fingerprint"},
		key("77") + "0":           {told: "is no fingerprint"},
		"":                        {told: "is no fingerprint"},
	} {
		found, err := chosen(t.Context(), places, text)
		if found.Key != want.key || (err == nil) != (want.told == "") || err != nil && !strings.Contains(err.Error(), want.told) {
			t.Errorf("%q: %q, %v; want %+v", text, found.Key, err, want)
		}
	}
}

func TestNamesOfNodes(t *testing.T) {
	for name, fits := range map[string]bool{
		"field-7": true, "a": true, strings.Repeat("a", 63): true, strings.Repeat("a", 64): false, "": false, "Field": false, "a.b": false, "-a": false,
		"a/b": false, "localhost": false, "system:node:a": false, "a\n": false,
	} {
		if err := checkNodeName(name); (err == nil) != fits {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestDevicesAreListed(t *testing.T) {
	places := asked(t, pending.Device{Key: key("1"), Serial: "S1", MachineID: "m", Address: "192.0.2.9", Since: time.Unix(0, 0).UTC(), Refused: "it is a copy"})
	found, err := devices(t.Context(), places, false)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := writeDevices(&out, found); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"STATE", "refused", key("1"), "S1", "192.0.2.9", "it is a copy"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is missing in\n%s", part, out.String())
		}
	}
	if _, err := devices(t.Context(), layout.Layout{RunDir: filepath.Join(t.TempDir(), "none")}, false); err == nil {
		t.Error("nobody runs")
	}
}
