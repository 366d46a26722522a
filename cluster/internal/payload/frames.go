package payload

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// checkFrames sees to it that the frames lie side by side, from behind the
// executable to the index, and that only equal contents share one.
func (i Index) checkFrames(start, end int64) error {
	frames, err := i.frames()
	if err != nil {
		return err
	}
	at := start
	for n, frame := range frames {
		first := frame.files[0]
		if first.Length <= 0 || first.Length > end || first.Offset < start || first.Offset > end-first.Length {
			return fmt.Errorf("%q lies at %d with %d bytes, outside of the payload (%d to %d)", first.Path, first.Offset, first.Length, start, end)
		}
		if n > 0 && first.Offset < at {
			return fmt.Errorf("%q at %d overlaps what ends at %d", first.Path, first.Offset, at)
		}
		if n > 0 && first.Offset > at {
			return fmt.Errorf("nothing is known of the bytes from %d to %d, before %q", at, first.Offset, first.Path)
		}
		at = first.Offset + first.Length
	}
	if len(frames) > 0 && at != end {
		return fmt.Errorf("nothing is known of the bytes from %d to %d, before the index", at, end)
	}
	return nil
}

// frame is one compressed content with the files that have it.
type frame struct {
	files []File // at least one
}

// frames groups the files by content, in the order in which contents are stored.
func (i Index) frames() ([]frame, error) {
	byDigest := make(map[string]*frame)
	for _, file := range i.Files {
		if file.IsLink() {
			continue
		}
		known := byDigest[file.SHA256]
		if known == nil {
			byDigest[file.SHA256] = &frame{files: []File{file}}
			continue
		}
		first := known.files[0]
		if first.Size != file.Size || first.FrameSHA256 != file.FrameSHA256 || first.Offset != file.Offset || first.Length != file.Length {
			return nil, fmt.Errorf("%q and %q have one SHA-256, but are not one content", first.Path, file.Path)
		}
		known.files = append(known.files, file)
	}
	frames := make([]frame, 0, len(byDigest))
	for _, one := range byDigest {
		frames = append(frames, *one)
	}
	slices.SortFunc(frames, func(a, b frame) int {
		return cmp.Or(cmp.Compare(a.files[0].Offset, b.files[0].Offset), strings.Compare(a.files[0].Path, b.files[0].Path))
	})
	return frames, nil
}
