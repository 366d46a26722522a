// Package e2e pins what upstream's hollow node and end-to-end tests are built of, at the
// versions that kedge is built of.
package e2e

import (
	_ "k8s.io/kubernetes/cmd/kubemark/app"
	_ "k8s.io/kubernetes/test/e2e"
	_ "kedge/internal/version"
)
