// Package tunnel knows the names in the tunnel that are not nodes'.
package tunnel

import "strings"

// Metrics is the metrics API's name, under which the API server reaches it.
const Metrics = "metrics" + domain

// domain ends the names of what runs on controllers. No node may have such a one.
const domain = ".kedge.internal"

// IsControllers says that a name is kept for what runs on controllers.
func IsControllers(name string) bool { return strings.HasSuffix(strings.ToLower(name), domain) }
