package config

import "strings"

// Reference is where an image is pulled from: the repository replaces the
// registry in its name, and keeps the path.
func (i Images) Reference(image string) string {
	if i.Repository == "" {
		return image
	}
	registry, path, found := strings.Cut(image, "/")
	if !found || !strings.ContainsAny(registry, ".:") && registry != "localhost" {
		path = image // the name has no registry
	}
	return i.Repository + "/" + path
}

// PauseReference is the image that holds pods' namespaces; released is the one
// that kedge was released with.
func (i Images) PauseReference(released string) string {
	if i.Pause.Image != "" {
		released = i.Pause.Image + ":" + i.Pause.Version
	}
	return i.Reference(released)
}
