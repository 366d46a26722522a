// Package bootstrap is what every cluster has before anybody adds to it, as
// stacks of manifests.
package bootstrap

import (
	"embed"
	"io/fs"
)

//go:embed rbac/*.yaml
var files embed.FS

// Stacks are by name. The names begin with "kedge-", to leave others to users.
func Stacks() (map[string]fs.FS, error) {
	rbac, err := fs.Sub(files, "rbac")
	if err != nil {
		return nil, err
	}
	return map[string]fs.FS{"kedge-rbac": rbac}, nil
}
