package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"kedge/internal/nodecert"
	"kedge/internal/role"
)

const (
	// refusalPeriod lies between two looks whether the controller takes the node's
	// certificate, once there is a reason to doubt it.
	refusalPeriod = 20 * time.Second
	// maxRefusalPeriod is what it grows to for a node that is not let in, such as one
	// that was revoked: what it logs is written to a card.
	maxRefusalPeriod = 10 * time.Minute
)

// readmitted is who the machine is after a controller that did not take its
// certificate (why) has let it in once more.
func (w *Worker) readmitted(ctx context.Context, why error, tell func(error)) (identity, error) {
	if is, err := nodecert.Load(w.Layout.NodeCertificate(nodecert.Client)); err == nil {
		if err := nodecert.CheckTime(is, time.Now()); err != nil {
			why = err
		}
	}
	right, err := w.right(ctx, false)
	if errors.Is(err, errNoRight) {
		return identity{}, why
	}
	if err != nil {
		return identity{}, fmt.Errorf("%w (%w)", why, err)
	}
	role.LogOf(w.Log, join).Warn("the controller does not take the node's certificate any more; asking for another one", "problem", why)
	is, err := w.joined(ctx, right, tell)
	if err == nil {
		is, err = is.shown()
	}
	if err != nil {
		return identity{}, err
	}
	return is, nodecert.Discard(time.Now(), w.Layout.NodeCertificate(nodecert.Serving), w.Layout.NodeCertificate(nodecert.Tunnel))
}

// untilReadmitted returns when the controller, which did not take the node's
// certificate any more, has let the node in again: its clock has jumped, or it
// heard nothing of its controller for a month.
func (w *Worker) untilReadmitted(ctx context.Context, known identity) {
	log := role.LogOf(w.Log, certificates)
	for period := refusalPeriod; ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(period):
		}
		if !w.mayBeRefused() || !isRefused(ctx, known) {
			continue
		}
		_, err := w.readmitted(ctx, &unknownError{}, func(error) {})
		if err == nil {
			log.Info("the controller has let this node in again")
			return
		}
		period = min(2*period, maxRefusalPeriod)
		log.Warn("the controller does not let this node in again", "problem", err, "again in", period)
	}
}

// mayBeRefused says whether it is worth asking.
func (w *Worker) mayBeRefused() bool {
	is, err := nodecert.Load(w.Layout.NodeCertificate(nodecert.Client))
	return err != nil || nodecert.CheckTime(is, time.Now()) != nil || !w.contactNow().Contact
}

// isRefused tells whether the controller does not know the node by its certificate.
func isRefused(ctx context.Context, known identity) bool {
	now, err := known.shown()
	if err != nil {
		return false
	}
	asking, cancel := context.WithTimeout(ctx, patienceWithOne)
	defer cancel()
	return apierrors.IsUnauthorized(introduce(asking, now.config))
}

// shown is the identity with the certificate that there is now: connections that
// follow a file look for another one every few minutes only.
func (i identity) shown() (identity, error) {
	i.config = rest.CopyConfig(i.config)
	return i, rest.LoadTLSFiles(i.config)
}
