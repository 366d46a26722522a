//go:build agnhost

// Package sampleimages keeps in go.mod what images of recipes/images need and
// kedge does not link: upstream's agnhost is a program, which nothing can import.
package sampleimages

import _ "k8s.io/kubernetes/test/images/agnhost/connect"
