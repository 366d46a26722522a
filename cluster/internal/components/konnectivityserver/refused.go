//go:build !unpatched

package konnectivityserver

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// lookPeriod is how long an agent may go on after its node was refused.
const lookPeriod = 2 * time.Second

// refused are the nodes whose certificates are good, and count no longer.
type refused struct{ file string }

func (r *refused) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&r.file, "refused-nodes", "", "The file with the names of nodes, one in each line, whose agents are refused. It is read whenever an agent connects, and every two seconds.")
}

// judge reads the names anew: there are few, and they change seldom. While
// nobody knows them nobody is let in.
func (r *refused) judge(name string) error {
	if r.file == "" || name == "" {
		return nil
	}
	content, err := os.ReadFile(r.file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return status.Error(codes.Unavailable, "it is not known which nodes are refused: "+err.Error())
	case slices.Contains(strings.Split(string(content), "\n"), name):
		return status.Errorf(codes.PermissionDenied, "the node %q was revoked", name)
	}
	return nil
}
