// Package imagestore puts the images of proven bundles into a containerd, under
// the names by which the kubelet asks for them.
package imagestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
)

const (
	// namespace is the one that the kubelet's containerd plugin uses.
	namespace = "k8s.io"
	// pinned is the label that keeps an image.
	pinned = "io.cri-containerd.pinned"
	// answerTime is how long a containerd that just started may take to answer.
	answerTime = 10 * time.Second
)

// Store is the images of a containerd.
type Store struct{ client *client.Client }

// Open connects to the containerd that listens on socket. The caller closes the store.
func Open(ctx context.Context, socket string) (*Store, error) {
	hint := "\nstart the worker first, or name another socket with --containerd-socket"
	if _, err := os.Stat(socket); err != nil {
		return nil, fmt.Errorf("no containerd listens there: %w%s", err, hint)
	}
	connected, err := client.New(socket, client.WithDefaultNamespace(namespace), client.WithTimeout(answerTime))
	if err != nil {
		return nil, fmt.Errorf("connect to containerd at %s: %w%s", socket, err, hint)
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	if _, err := connected.Version(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("containerd at %s does not answer: %w%s", socket, err, hint), connected.Close())
	}
	return &Store{connected}, nil
}

// Close ends the connection.
func (s *Store) Close() error { return s.client.Close() }

// Has tells whether an image of this name is there.
func (s *Store) Has(ctx context.Context, name string) (bool, error) {
	_, err := s.client.ImageService().Get(ctx, name)
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// Import takes all images of a bundle that was proven before, and pins them: the
// kubelet must not remove what no registry could bring back. Blobs come before
// names, so an import that fails leaves no image that lacks something.
func (s *Store) Import(ctx context.Context, bundle io.Reader) error {
	imported, err := s.client.Import(ctx, bundle, client.WithAllPlatforms(true), client.WithImageLabels(labels()))
	if err != nil {
		return err
	}
	for _, image := range imported {
		if err := s.nameByDigest(ctx, image); err != nil {
			return err
		}
	}
	return nil
}

// Unpin lets an image be removed to make room, under all its names.
func (s *Store) Unpin(ctx context.Context, name string) error {
	service := s.client.ImageService()
	image, err := service.Get(ctx, name)
	if errdefs.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	byDigest, err := DigestName(name, image.Target.Digest)
	if err != nil {
		return err
	}
	for _, each := range []string{name, byDigest} {
		_, err := service.Update(ctx, images.Image{Name: each, Target: image.Target, Labels: map[string]string{pinned: ""}}, "labels."+pinned)
		if err != nil && !errdefs.IsNotFound(err) {
			return err
		}
	}
	return nil
}

// nameByDigest adds the name that a pod uses which names its image by digest.
func (s *Store) nameByDigest(ctx context.Context, image images.Image) error {
	name, err := DigestName(image.Name, image.Target.Digest)
	if err != nil {
		return err
	}
	image.Name = name
	service := s.client.ImageService()
	_, err = service.Create(ctx, image)
	if errdefs.IsAlreadyExists(err) {
		_, err = service.Update(ctx, image, "target", "labels")
	}
	return err
}

// DigestName is REPOSITORY@DIGEST.
func DigestName(name string, of digest.Digest) (string, error) {
	parsed, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return "", fmt.Errorf("the image %q: %w", name, err)
	}
	full, err := reference.WithDigest(reference.TrimNamed(parsed), of)
	if err != nil {
		return "", fmt.Errorf("the image %q: %w", name, err)
	}
	return full.String(), nil
}

// labels are those by which containerd's CRI plugin knows its images, and those
// that are never removed to make room.
func labels() map[string]string {
	return map[string]string{"io.cri-containerd.image": "managed", pinned: "pinned"}
}
