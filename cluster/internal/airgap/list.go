package airgap

import (
	"context"
	"fmt"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// List is the images that the index of a bundle names; nothing is proven.
func List(ctx context.Context, bundle *Bundle) ([]Image, error) {
	found, err := readLayout(ctx, bundle, func(string) {})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", bundle.Name, err)
	}
	var index ocispec.Index
	if err := found.decode(indexFile, &index); err != nil {
		return nil, fmt.Errorf("read %s: %w", bundle.Name, err)
	}
	images := make([]Image, 0, len(index.Manifests))
	for _, entry := range index.Manifests {
		images = append(images, Image{Reference: entry.Annotations[ocispec.AnnotationRefName], Digest: entry.Digest.String()})
	}
	return images, nil
}
