package fetch

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestALineIsReadNoFasterThanItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := func(ctx context.Context) *throttled {
			return &throttled{ReadCloser: io.NopCloser(strings.NewReader(strings.Repeat("x", 1000))), ctx: ctx, perSecond: 100}
		}
		began := time.Now() // of the bubble's clock
		content, err := io.ReadAll(line(t.Context()))
		if took := time.Since(began); err != nil || len(content) != 1000 || took != 10*time.Second {
			t.Errorf("%d bytes in %s: %v", len(content), took, err)
		}
		ctx, stop := context.WithCancel(t.Context())
		stop()
		if _, err := io.ReadAll(line(ctx)); !errors.Is(err, context.Canceled) {
			t.Errorf("after it was stopped: %v", err)
		}
	})
}
