package airgap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
)

const (
	// containerdName is what containerd prefers to the reference.
	containerdName = "io.containerd.image.name"
	// Each layer that is read keeps a decoder's window in memory.
	readers = 2
)

// Wanted is what bundles must agree with.
type Wanted struct {
	Arch string // armv7, arm64 or amd64
	// Bound are digests by reference: images that nobody may replace.
	Bound map[string]string
	// Needed are references without which no pod starts.
	Needed []string
}

// Image is one of a bundle.
type Image struct {
	Reference string
	Digest    string
}

// Verify reads bundles to their last byte and returns the images of all of them
// that are in order together. Everything that is wrong is one error, of type Problems.
func Verify(ctx context.Context, bundles []*Bundle, wanted Wanted) ([]Image, error) {
	machine, err := machineOf(wanted.Arch)
	if err != nil {
		return nil, err
	}
	all := verification{wanted: wanted, machine: machine, named: map[string]string{}}
	for _, bundle := range bundles {
		if err := all.bundle(ctx, bundle); err != nil {
			return nil, fmt.Errorf("read %s: %w", bundle.Name, err)
		}
	}
	for _, needed := range wanted.Needed {
		if _, ok := all.named[needed]; !ok {
			all.tell("the cluster", fmt.Sprintf("no pod starts without %s, and it is not there", needed))
		}
	}
	if len(all.problems) > 0 {
		return nil, all.problems
	}
	var found []Image
	for name, digest := range all.named {
		found = append(found, Image{Reference: name, Digest: digest})
	}
	slices.SortFunc(found, func(a, b Image) int { return strings.Compare(a.Reference, b.Reference) })
	return found, nil
}

// verification is one reading of several bundles.
type verification struct {
	wanted   Wanted
	machine  machine
	named    map[string]string // digests by reference
	problems Problems

	// Of the bundle that is read.
	name   string
	layout layout
	used   map[string]bool
	layers map[string][]layerUse
	mutex  sync.Mutex
}

// layerUse is an image that has a layer, and what its config calls it.
type layerUse struct{ image, diffID string }

func (v *verification) tell(subject, what string) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.problems = append(v.problems, Problem{Bundle: v.name, Subject: subject, What: what})
}

func (v *verification) bundle(ctx context.Context, bundle *Bundle) error {
	v.name, v.used, v.layers = bundle.Name, map[string]bool{}, map[string][]layerUse{}
	archive := func(what string) { v.tell("the archive", what) }
	var err error
	if v.layout, err = readLayout(ctx, bundle, archive); err != nil {
		archive(err.Error())
		return ctx.Err()
	}
	var version ocispec.ImageLayout
	var index ocispec.Index
	if err := errors.Join(v.layout.decode(layoutFile, &version), v.layout.decode(indexFile, &index)); err != nil {
		archive(err.Error())
		return nil
	}
	if version.Version != ocispec.ImageLayoutVersion {
		v.tell(layoutFile, "it is not of version "+ocispec.ImageLayoutVersion)
	}
	for _, entry := range index.Manifests {
		v.entry(entry)
	}
	for name := range v.layout.files {
		if digest, ok := strings.CutPrefix(name, blobs); ok && !v.used["sha256:"+digest] {
			v.tell("sha256:"+digest, "no image of the bundle has this blob")
		}
	}
	return v.readLayers(ctx)
}

func (v *verification) entry(entry ocispec.Descriptor) {
	name, digest := entry.Annotations[ocispec.AnnotationRefName], entry.Digest.String()
	subject := name
	if !isWhole(name) {
		subject = digest
		v.tell(subject, fmt.Sprintf("the index gives it no whole reference, but %q", name))
	} else if known, twice := v.named[name]; twice && known != digest {
		v.tell(subject, fmt.Sprintf("two images have this reference: %s and %s", known, digest))
	} else {
		v.named[name] = digest
	}
	if other := entry.Annotations[containerdName]; other != "" && other != name {
		v.tell(subject, fmt.Sprintf("%s says otherwise: %s", containerdName, other))
	}
	if bound, ok := v.wanted.Bound[name]; ok && bound != digest {
		v.tell(subject, fmt.Sprintf("it is %s, and this kedge was released with %s; name an image of your own in spec.images", digest, bound))
	}
	if entry.Platform == nil {
		entry.Platform = &ocispec.Platform{}
	}
	v.platform(subject, "the index", *entry.Platform)
	v.image(subject, entry)
}

func (v *verification) image(subject string, entry ocispec.Descriptor) {
	var manifest ocispec.Manifest
	var config ocispec.Image
	if err := v.document(entry, manifestTypes(), &manifest); err != nil {
		v.tell(subject, err.Error())
		return
	}
	for _, layer := range manifest.Layers {
		v.use(subject, layer)
	}
	if err := v.document(manifest.Config, configTypes(), &config); err != nil {
		v.tell(subject, err.Error())
		return
	}
	v.platform(subject, "its config", config.Platform)
	if len(config.RootFS.DiffIDs) != len(manifest.Layers) {
		v.tell(subject, fmt.Sprintf("its config does not name each of its %d layers", len(manifest.Layers)))
		return
	}
	for index, layer := range manifest.Layers {
		if strings.Contains(layer.MediaType, "foreign") || strings.Contains(layer.MediaType, "nondistributable") {
			v.tell(subject, fmt.Sprintf("the layer %s is to be fetched from elsewhere: %s", layer.Digest, layer.MediaType))
		}
		digest := layer.Digest.String()
		v.layers[digest] = append(v.layers[digest], layerUse{subject, config.RootFS.DiffIDs[index].String()})
	}
}

func (v *verification) document(described ocispec.Descriptor, types []string, target any) error {
	digest := described.Digest.String()
	if !slices.Contains(types, described.MediaType) {
		return fmt.Errorf("%s is of the type %s, not %s", digest, described.MediaType, types[0])
	}
	v.used[digest] = true
	if err := v.layout.decodeBlob(digest, target); err != nil {
		return err
	}
	if where, _ := v.layout.blob(digest); where.size != described.Size {
		return fmt.Errorf("%s has %d bytes, not %d", digest, where.size, described.Size)
	}
	return nil
}

func (v *verification) use(subject string, described ocispec.Descriptor) {
	digest := described.Digest.String()
	v.used[digest] = true
	if where, ok := v.layout.blob(digest); !ok {
		v.tell(subject, fmt.Sprintf("the blob %s is missing", digest))
	} else if where.size != described.Size {
		v.tell(subject, fmt.Sprintf("the blob %s has %d bytes, not %d", digest, where.size, described.Size))
	}
}

func (v *verification) platform(subject, where string, found ocispec.Platform) {
	if !v.machine.runs(found) {
		v.tell(subject, fmt.Sprintf("%s says that it is for %s, not for %s", where, describe(found), describe(v.machine.platform)))
	}
}

// readLayers reads every layer once, several at a time.
func (v *verification) readLayers(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	for digest, uses := range v.layers {
		where, ok := v.layout.blob(digest)
		if !ok {
			continue // told already
		}
		group.Go(func() error {
			found, err := readLayer(ctx, v.layout.open(where), v.machine)
			if err != nil {
				return err
			}
			v.judge(digest, found, uses)
			return nil
		})
	}
	return group.Wait()
}

func (v *verification) judge(digest string, found contents, uses []layerUse) {
	for _, use := range uses {
		if found.digest != digest {
			v.tell(use.image, fmt.Sprintf("the blob %s is damaged: its content is %s", digest, found.digest))
			continue
		}
		for _, problem := range found.problems {
			v.tell(use.image, fmt.Sprintf("in the layer %s: %s", digest, problem))
		}
		if found.diffID != "" && found.diffID != use.diffID {
			v.tell(use.image, fmt.Sprintf("the layer %s is %s inside, not %s as the config says", digest, found.diffID, use.diffID))
		}
	}
}

// isWhole is whether nothing of a reference is left to be guessed.
func isWhole(name string) bool {
	parsed, err := reference.ParseNormalizedNamed(name)
	return err == nil && parsed.String() == name && !reference.IsNameOnly(parsed)
}

func manifestTypes() []string {
	return []string{ocispec.MediaTypeImageManifest, "application/vnd.docker.distribution.manifest.v2+json"}
}

func configTypes() []string {
	return []string{ocispec.MediaTypeImageConfig, "application/vnd.docker.container.image.v1+json"}
}
