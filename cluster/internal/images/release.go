// Package images knows which container images this release of kedge was made
// with. The builder writes the list into the payload; see schemas/images.schema.json.
package images

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// File is the list's name in the payload.
const File = "images.json"

// format is the number of the format that this package reads.
const format = 1

// Image is one that kedge needs itself.
type Image struct {
	Digest    string `json:"digest"` // of its manifest, for the release's architecture
	Name      string `json:"name"`   // what it is for, such as pause
	Reference string `json:"reference"`
}

// Release is the list of all of them, by name. The order of fields is that of
// canonical JSON.
type Release struct {
	Arch   string  `json:"arch"`
	Format int     `json:"format"`
	Images []Image `json:"images"`
}

var (
	nameForm      = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	referenceForm = regexp.MustCompile(`^[a-z0-9.-]+(:[0-9]{1,5})?(/[a-z0-9._-]+)+:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
	digestForm    = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	archs         = []string{"armv7", "arm64", "amd64"}
)

// Parse reads the list. It takes nothing but what the builder writes, to the
// byte: a list that anybody else changed is no list of this release.
func Parse(raw []byte) (Release, error) {
	var release Release
	if err := json.Unmarshal(raw, &release); err != nil {
		return Release{}, fmt.Errorf("read the list of system images: %w", err)
	}
	if release.Format != format {
		return Release{}, fmt.Errorf("the list of system images has format %d; this kedge reads format %d", release.Format, format)
	}
	if err := release.check(); err != nil {
		return Release{}, fmt.Errorf("the list of system images is damaged: %w", err)
	}
	same, err := release.canonical()
	if err != nil {
		return Release{}, fmt.Errorf("write the list of system images: %w", err)
	}
	if !bytes.Equal(same, raw) {
		return Release{}, errors.New("the list of system images is damaged: it is not written as the builder does")
	}
	return release, nil
}

// Image is the image called name.
func (r Release) Image(name string) (Image, bool) {
	at := slices.IndexFunc(r.Images, func(image Image) bool { return image.Name == name })
	if at < 0 {
		return Image{}, false
	}
	return r.Images[at], true
}

// Digests are those of all system images, by reference.
func (r Release) Digests() map[string]string {
	found := make(map[string]string, len(r.Images))
	for _, image := range r.Images {
		found[image.Reference] = image.Digest
	}
	return found
}

func (r Release) check() error {
	if !slices.Contains(archs, r.Arch) {
		return fmt.Errorf("unknown architecture %q", r.Arch)
	}
	if r.Images == nil {
		return errors.New("it has no images")
	}
	seen := map[string]bool{}
	for index, image := range r.Images {
		switch {
		case !nameForm.MatchString(image.Name):
			return fmt.Errorf("image %d has the name %q", index, image.Name)
		case !referenceForm.MatchString(image.Reference):
			return fmt.Errorf("%s has the reference %q", image.Name, image.Reference)
		case !digestForm.MatchString(image.Digest):
			return fmt.Errorf("%s has the digest %q", image.Name, image.Digest)
		case index > 0 && r.Images[index-1].Name >= image.Name:
			return fmt.Errorf("%s does not stand in order", image.Name)
		case seen[image.Reference]:
			return fmt.Errorf("two images have the reference %s", image.Reference)
		}
		seen[image.Reference] = true
	}
	return nil
}

// canonical is JSON without escapes that JSON does not ask for.
func (r Release) canonical() ([]byte, error) {
	var target bytes.Buffer
	encoder := json.NewEncoder(&target)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(r); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(target.Bytes(), []byte("\n")), nil
}
