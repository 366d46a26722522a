package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"kedge/internal/airgap"
	"kedge/internal/imagestore"
	"kedge/internal/role"
	"kedge/internal/wholefile"
)

// bundle is a file in the directory of images, as it was when it was imported; or
// what kedge's own file carries.
type bundle struct {
	Size     int64     `json:"size,omitempty"`
	Modified time.Time `json:"modified,omitzero"`
	// Digest is known of what kedge carries, and nothing else then: a slot's files
	// all have one date, and bundles, which are padded, often one size.
	Digest string `json:"digest,omitempty"`
	// Images are the names by which pods ask for what it brought.
	Images []string `json:"images"`
	// Problem is why it was refused; it is not read again until it changes.
	Problem string `json:"problem,omitempty"`
}

// importer keeps containerd's images in step with the directory of bundles.
type importer struct {
	worker *Worker
	// known is by file name.
	known map[string]bundle
	// seen is what the directory held at the last look: a file is read only
	// when it has stopped growing.
	seen map[string]bundle
	// carried is the bundle in kedge's own file; nil: there is none.
	carried *bundle
}

// embedded is what stands for the bundle in kedge's own file. Names of files end
// otherwise.
const embedded = "kedge"

// importing imports the bundles that are there, and follows the directory. It is
// ready when all have been looked at once.
func (w *Worker) importing() *role.Task {
	done := make(chan struct{})
	made := role.NewTask(bundles, func(ctx context.Context) error {
		i := &importer{worker: w, known: make(map[string]bundle)}
		if err := i.findEmbedded(); err != nil {
			role.LogOf(w.Log, bundles).Error("the bundle in kedge's own file cannot be read", "error", err)
		}
		i.seen = i.list()
		if content, err := os.ReadFile(w.Layout.ImportedImages()); err == nil {
			_ = json.Unmarshal(content, &i.known) // what is lost is imported again
		}
		started := false
		every(ctx, watchPeriod, func() {
			if err := i.step(ctx); err != nil && ctx.Err() == nil {
				role.LogOf(w.Log, bundles).Error("images cannot be imported", "error", err)
			}
			if !started {
				started = true
				close(done)
			}
		})
		return nil
	})
	made.IsReady = func() error {
		select {
		case <-done:
			return nil
		default:
			return errors.New("bundles of images are read")
		}
	}
	return made
}

// findEmbedded looks whether kedge's own file has a bundle behind it.
func (i *importer) findEmbedded() error {
	carried, ok, err := airgap.OpenEmbedded("")
	if err != nil || !ok {
		return err
	}
	i.carried = &bundle{Digest: carried.Digest}
	return carried.Close()
}

// open opens the bundle of that name, with all its parts.
func (i *importer) open(name string) ([]*airgap.Bundle, error) {
	if name != embedded {
		return airgap.OpenAll([]string{filepath.Join(i.worker.Layout.Images(), name)})
	}
	carried, ok, err := airgap.OpenEmbedded("")
	if err != nil || !ok {
		return nil, err
	}
	return []*airgap.Bundle{carried}, nil
}

// list is what there is now: the bundle that kedge carries, those in the
// directory, and the first parts of such that are split.
func (i *importer) list() map[string]bundle {
	found := make(map[string]bundle)
	if i.carried != nil {
		found[embedded] = *i.carried
	}
	directory := i.worker.Layout.Images()
	entries, err := os.ReadDir(directory)
	if err != nil {
		return found
	}
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasSuffix(name, ".tar") && !strings.HasSuffix(name, ".tar.00") {
			continue
		}
		if info, err := os.Stat(filepath.Join(directory, name)); err == nil && info.Mode().IsRegular() {
			found[name] = bundle{Size: info.Size(), Modified: info.ModTime().UTC()}
		}
	}
	return found
}

func (b bundle) isSame(other bundle) bool {
	return b.Size == other.Size && b.Modified.Equal(other.Modified) && b.Digest == other.Digest
}

// step imports what is new and has stopped growing, and unpins what is gone.
func (i *importer) step(ctx context.Context) error {
	now := i.list()
	before := i.seen
	i.seen = now
	var fresh, gone []string
	for name, is := range now {
		if was, known := i.known[name]; !(known && was.isSame(is)) && is.isSame(before[name]) {
			fresh = append(fresh, name)
		}
	}
	for name := range i.known {
		if _, there := now[name]; !there {
			gone = append(gone, name)
		}
	}
	if len(fresh)+len(gone) == 0 {
		return nil
	}
	defer role.Settle() // bundles are decompressed to be proven
	store, err := imagestore.Open(ctx, i.worker.Layout.ContainerdSocket())
	if err != nil {
		return err
	}
	defer store.Close()
	var problems []error
	slices.Sort(fresh)
	for _, name := range fresh {
		is := now[name]
		if err := i.take(ctx, store, name, &is); err != nil {
			is.Problem, is.Images = err.Error(), i.known[name].Images // what an earlier one brought is still there
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
		if ctx.Err() != nil {
			break
		}
		before := i.known[name].Images
		i.known[name] = is
		problems = append(problems, i.release(ctx, store, before))
	}
	for _, name := range gone {
		before := i.known[name].Images
		delete(i.known, name)
		problems = append(problems, i.release(ctx, store, before))
		role.LogOf(i.worker.Log, bundles).Info("unpinned, since the bundle is gone", "bundle", name, "images", len(before))
	}
	return errors.Join(append(problems, i.note())...)
}

// take proves a bundle and imports it.
func (i *importer) take(ctx context.Context, store *imagestore.Store, name string, is *bundle) error {
	wanted, err := i.worker.wanted(ctx)
	if err != nil {
		return err
	}
	opened, err := i.open(name)
	if err != nil {
		return err
	}
	found, err := airgap.Verify(ctx, opened, wanted)
	for _, one := range opened {
		if err == nil {
			err = store.Import(ctx, one.Reader())
		}
	}
	if err := errors.Join(err, airgap.CloseAll(opened)); err != nil {
		return err
	}
	for _, image := range found {
		is.Images = append(is.Images, image.Reference)
	}
	role.LogOf(i.worker.Log, bundles).Info("imported", "bundle", name, "images", len(found))
	return nil
}

// wanted says what bundles must agree with: the images of this release, except
// one in whose place the cluster names another.
func (w *Worker) wanted(ctx context.Context) (airgap.Wanted, error) {
	release, err := w.options.Release(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return airgap.Wanted{}, nil
	}
	if err != nil {
		return airgap.Wanted{}, err
	}
	wanted := airgap.Wanted{Arch: release.Arch, Bound: release.Digests()}
	if w.current().Cluster.Images.Pause != "" {
		delete(wanted.Bound, w.current().Pause)
	}
	return wanted, nil
}

// release unpins those images that no bundle brings any more.
func (i *importer) release(ctx context.Context, store *imagestore.Store, images []string) error {
	for _, image := range images {
		brought := false
		for _, is := range i.known {
			brought = brought || slices.Contains(is.Images, image)
		}
		if brought {
			continue
		}
		if err := store.Unpin(ctx, image); err != nil {
			return fmt.Errorf("unpin %s, which no bundle brings any more: %w", image, err)
		}
	}
	return nil
}

func (i *importer) note() error {
	content, err := json.MarshalIndent(i.known, "", "  ")
	if err != nil {
		return err
	}
	return wholefile.Write(i.worker.Layout.ImportedImages(), content, 0o600)
}
