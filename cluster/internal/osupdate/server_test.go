package osupdate

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kedge/internal/fetch"
	"kedge/internal/slots"
)

// TestUpdatesComeFromAnyServer has servers that do more and less than an update needs.
func TestUpdatesComeFromAnyServer(t *testing.T) {
	next := bytes.Clone(system(2, 40))
	copy(next[10*block:20*block], system(1, 40)[block:]) // which this device has
	for name, test := range map[string]struct {
		change func(*http.Request, *bench)
		want   string // empty: it is installed
	}{
		"one that sends parts": {func(*http.Request, *bench) {}, ""},
		"one that does not":    {func(r *http.Request, _ *bench) { r.Header.Del("Range") }, ""},
		"one that has another file": {func(r *http.Request, b *bench) {
			if strings.HasSuffix(r.URL.Path, "squashfs") {
				b.put(b.published, "system.squashfs", system(3, 40))
			}
		}, "is not the file that was signed: it differs at byte 0"},
		"one that loses it": {func(r *http.Request, b *bench) {
			if strings.Contains(r.Header.Get("Range"), "bytes=81920-") {
				_ = os.Remove(filepath.Join(b.published, "system.squashfs"))
			}
		}, "404 Not Found"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.publish(next, version("0.2.0"))
			files := http.FileServer(http.Dir(b.published))
			served := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				test.change(r, b)
				files.ServeHTTP(w, r)
			}))
			defer served.Close()
			figures, err := b.install(fetch.Source{Where: served.URL + "/system.update"})
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) || b.grub().IsOK(slots.B) {
					t.Errorf("%v does not tell %q", err, test.want)
				}
				return
			}
			if err != nil || !bytes.HasPrefix(b.partition(slots.B), next) || b.grub().First() != slots.B {
				t.Errorf("%+v, %v", figures, err)
			}
		})
	}
}
