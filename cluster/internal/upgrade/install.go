package upgrade

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"aead.dev/minisign"

	"kedge/internal/fetch"
	"kedge/internal/versions"
)

// Installation is an executable that becomes one of this machine's versions, when it
// may run here.
type Installation struct {
	Store  versions.Store
	Source fetch.Source
	// Keys are whose signatures count; none: anything is taken.
	Keys []minisign.PublicKey
	// Version and SHA256 (in hexadecimal) are what is expected; empty: anything.
	Version, SHA256 string
	// Machine is what it is to run on; nobody is asked before it has arrived.
	Machine func(context.Context) Machine
	// Older takes a version before the one that runs.
	Older bool
}

// Run receives the executable, judges it and keeps it.
func (i Installation) Run(ctx context.Context) (Candidate, error) {
	var candidate Candidate
	if err := i.Store.Prune(); err != nil {
		return candidate, err
	}
	staged, err := i.Store.Stage()
	if err != nil {
		return candidate, err
	}
	defer staged.Discard()
	digest := sha256.New()
	if err := Receive(ctx, i.Source, io.MultiWriter(staged, digest), i.Keys); err != nil {
		return candidate, err
	}
	if err := staged.Close(); err != nil {
		return candidate, err
	}
	if found := hex.EncodeToString(digest.Sum(nil)); i.SHA256 != "" && found != i.SHA256 {
		return candidate, fmt.Errorf("%s has the SHA-256 %s, not %s", i.Source.Where, found, i.SHA256)
	}
	if candidate, err = Describe(ctx, staged.Path(), "/proc/self/exe"); err != nil {
		return candidate, err
	}
	if i.Version != "" && candidate.Version != i.Version {
		return candidate, fmt.Errorf("%s is version %s, not %s", i.Source.Where, candidate.Version, i.Version)
	}
	if err := Judge(candidate, i.Machine(ctx), i.Older); err != nil {
		return candidate, err
	}
	return candidate, staged.Keep(candidate.Version)
}
