package binding

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// refusals is the ConfigMap of the devices that were refused: when, by fingerprint.
const refusals = "kedge-refused-devices"

// mostRefusals keeps the ConfigMap far below what the API server takes; the oldest go.
const mostRefusals = 4096

// keyOf is a fingerprint as the key of a ConfigMap.
func keyOf(fingerprint string) string { return strings.Replace(fingerprint, ":", ".", 1) }

// IsRefusals says whether a ConfigMap is the one of refusals.
func IsRefusals(kept *core.ConfigMap) bool { return kept.Labels[Label] == refusedLabel }

// Refusals are when devices were refused, by fingerprint.
func Refusals(kept *core.ConfigMap) map[string]string {
	found := make(map[string]string, len(kept.Data))
	for key, when := range kept.Data {
		found[strings.Replace(key, ".", ":", 1)] = when
	}
	return found
}

// Refuse keeps that a device must not be a node.
func (s Store) Refuse(ctx context.Context, fingerprint string, now time.Time) error {
	known, err := s.All(ctx)
	if err != nil {
		return err
	}
	if at := slices.IndexFunc(known, func(one Binding) bool { return one.Key == fingerprint }); at >= 0 {
		node := known[at].Node
		return &RefusedError{fmt.Sprintf("this device is the node %s: 'builder cluster revoke CLUSTER %s --fingerprint %s' takes that back", node, node, fingerprint)}
	}
	return s.changeRefusals(ctx, func(data map[string]string) {
		data[keyOf(fingerprint)] = now.UTC().Format(date)
		for len(data) > mostRefusals {
			delete(data, oldest(data))
		}
	})
}

func oldest(data map[string]string) string {
	var found string
	for key, when := range data {
		if found == "" || when < data[found] {
			found = key
		}
	}
	return found
}

// Forgive takes back that a device was refused.
func (s Store) Forgive(ctx context.Context, fingerprint string) error {
	return s.changeRefusals(ctx, func(data map[string]string) { delete(data, keyOf(fingerprint)) })
}

// attempts are enough where two people decide at once.
const attempts = 5

func (s Store) changeRefusals(ctx context.Context, change func(map[string]string)) error {
	var err error
	for range attempts {
		if err = s.tryRefusals(ctx, change); !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("keep which devices are refused: %w", err)
	}
	return nil
}

func (s Store) tryRefusals(ctx context.Context, change func(map[string]string)) error {
	kept, err := s.maps().Get(ctx, refusals, meta.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	isMissing := err != nil
	if isMissing {
		kept = &core.ConfigMap{ObjectMeta: meta.ObjectMeta{Namespace: Namespace, Name: refusals, Labels: map[string]string{Label: refusedLabel}}}
	}
	before := len(kept.Data)
	data := make(map[string]string, before+1)
	for key, value := range kept.Data {
		data[key] = value
	}
	change(data)
	kept.Data = data
	switch {
	case isMissing && len(data) == 0:
		return nil
	case isMissing:
		_, err = s.maps().Create(ctx, kept, meta.CreateOptions{})
	default:
		_, err = s.maps().Update(ctx, kept, meta.UpdateOptions{})
	}
	return err
}

// IsRefused says whether an error is a refusal.
func IsRefused(err error) bool {
	var refused *RefusedError
	return errors.As(err, &refused)
}
