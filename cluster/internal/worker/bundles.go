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
)

// bundle is a file in the directory of images, as it was when it was imported.
type bundle struct {
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
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
}

// importing imports the bundles that are there, and follows the directory. It is
// ready when all have been looked at once.
func (w *Worker) importing() *role.Task {
	done := make(chan struct{})
	made := role.NewTask(bundles, func(ctx context.Context) error {
		i := &importer{worker: w, known: make(map[string]bundle), seen: w.listBundles()}
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

// listBundles is what lies in the directory now: bundles, and the first parts of
// such that are split.
func (w *Worker) listBundles() map[string]bundle {
	found := make(map[string]bundle)
	entries, err := os.ReadDir(w.Layout.Images())
	if err != nil {
		return found
	}
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasSuffix(name, ".tar") && !strings.HasSuffix(name, ".tar.00") {
			continue
		}
		if info, err := os.Stat(filepath.Join(w.Layout.Images(), name)); err == nil && info.Mode().IsRegular() {
			found[name] = bundle{Size: info.Size(), Modified: info.ModTime().UTC()}
		}
	}
	return found
}

func (b bundle) isSame(other bundle) bool {
	return b.Size == other.Size && b.Modified.Equal(other.Modified)
}

// step imports what is new and has stopped growing, and unpins what is gone.
func (i *importer) step(ctx context.Context) error {
	now := i.worker.listBundles()
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
			is.Problem = err.Error()
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
		if ctx.Err() == nil {
			i.known[name] = is
		}
	}
	for _, name := range gone {
		problems = append(problems, i.release(ctx, store, name))
	}
	return errors.Join(append(problems, i.note())...)
}

// take proves a bundle and imports it.
func (i *importer) take(ctx context.Context, store *imagestore.Store, name string, is *bundle) error {
	wanted, err := i.worker.wanted(ctx)
	if err != nil {
		return err
	}
	opened, err := airgap.OpenAll([]string{filepath.Join(i.worker.Layout.Images(), name)})
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

// release unpins the images that only this bundle brought.
func (i *importer) release(ctx context.Context, store *imagestore.Store, name string) error {
	gone := i.known[name]
	others := make(map[string]bool)
	for other, is := range i.known {
		if other != name {
			for _, image := range is.Images {
				others[image] = true
			}
		}
	}
	for _, image := range gone.Images {
		if others[image] {
			continue
		}
		if err := store.Unpin(ctx, image); err != nil {
			return fmt.Errorf("unpin %s, since %s is gone: %w", image, name, err)
		}
	}
	delete(i.known, name)
	role.LogOf(i.worker.Log, bundles).Info("unpinned, since the bundle is gone", "bundle", name, "images", len(gone.Images))
	return nil
}

func (i *importer) note() error {
	content, err := json.MarshalIndent(i.known, "", "  ")
	if err != nil {
		return err
	}
	return replace(i.worker.Layout.ImportedImages(), content)
}
