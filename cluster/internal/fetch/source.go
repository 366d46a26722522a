package fetch

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Source is a file or a URL.
type Source struct {
	Where string
	// Client asks servers; nil: the usual one.
	Client *http.Client
	// BytesPerSecond is how fast a server is read at most; 0: as fast as it sends.
	BytesPerSecond int64
}

func (s Source) client() *http.Client {
	if s.Client == nil {
		return http.DefaultClient
	}
	return s.Client
}

// Open begins to read it, or what is beside it under its name and a suffix.
func (s Source) Open(ctx context.Context, suffix string) (io.ReadCloser, error) {
	if remote, ok := s.url(suffix); ok {
		fetched, err := fetch(ctx, s.client(), remote)
		if err != nil || s.BytesPerSecond == 0 {
			return fetched, err
		}
		return &throttled{ReadCloser: fetched, ctx: ctx, perSecond: s.BytesPerSecond}, nil
	}
	file, err := os.Open(s.Where + suffix)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file", file.Name())
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// url is where to fetch from; the signature is beside the file, not behind a query.
func (s Source) url(suffix string) (string, bool) {
	if !strings.HasPrefix(s.Where, "http://") && !strings.HasPrefix(s.Where, "https://") {
		return "", false
	}
	parsed, err := url.Parse(s.Where)
	if err != nil {
		return s.Where + suffix, true // which fetching refuses
	}
	parsed.Path += suffix
	return parsed.String(), true
}

// Beside is the file called name in the same place.
func (s Source) Beside(name string) (Source, error) {
	if _, remote := s.url(""); !remote {
		s.Where = filepath.Join(filepath.Dir(s.Where), name)
		return s, nil
	}
	parsed, err := url.Parse(s.Where)
	if err != nil {
		return s, err
	}
	parsed.Path = path.Join(path.Dir(parsed.Path), name)
	parsed.RawPath = ""
	s.Where = parsed.String()
	return s, nil
}
