//go:build !unpatched

package konnectivityserver

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

func TestAgentDeclaresItsOwnNameAlone(t *testing.T) {
	for name, test := range map[string]struct {
		certified string
		declared  []string
		refused   string // part of the error; empty: permitted
	}{
		"its own name":             {"edge-1", []string{"host=edge-1"}, ""},
		"nothing":                  {"edge-1", nil, ""},
		"an empty list":            {"edge-1", []string{""}, ""},
		"another's name":           {"edge-1", []string{"host=edge-2"}, `declares the name ["edge-2"], and its certificate is for "edge-1"`},
		"another's name besides":   {"edge-1", []string{"host=edge-1&host=edge-2"}, "declares the name"},
		"another's in a second":    {"edge-1", []string{"host=edge-1", "host=edge-2"}, "declares the name"},
		"an empty name":            {"edge-1", []string{"host="}, "declares the name"},
		"other letters":            {"edge-1", []string{"host=EDGE-1"}, "declares the name"},
		"an address":               {"edge-1", []string{"ipv4=10.96.0.1"}, "declares ipv4=[10.96.0.1]"},
		"an address of IPv6":       {"edge-1", []string{"ipv6=::1"}, "declares ipv6="},
		"a network":                {"edge-1", []string{"host=edge-1&cidr=0.0.0.0/0"}, "declares cidr="},
		"everything":               {"edge-1", []string{"default-route=true"}, "declares default-route="},
		"what upstream may invent": {"edge-1", []string{"zone=a"}, "declares zone="},
		"nonsense":                 {"edge-1", []string{"host=%zz"}, "read the identifiers"},
		"without a certificate":    {"", []string{"host=edge-1"}, `its certificate is for ""`},
		"no name, no certificate":  {"", []string{"host="}, "declares the name"},
	} {
		t.Run(name, func(t *testing.T) {
			err := identity{name: test.certified}.judge(test.declared)
			if test.refused == "" && err != nil || test.refused != "" && (err == nil || !strings.Contains(err.Error(), test.refused)) {
				t.Errorf("error = %v; want %q", err, test.refused)
			}
		})
	}
}

func TestAgentsOfTwoNodesNeverHaveOneID(t *testing.T) {
	ids := make(map[string]bool)
	for _, name := range []string{"edge-1", "edge-2"} {
		said := metadata.Pairs("agentID", "the-same")
		identity{name: name}.prefix(said)
		ids[strings.Join(said.Get("agentID"), " ")] = true
	}
	if len(ids) != 2 {
		t.Errorf("IDs = %v", ids)
	}
}

func TestStreamEndsWithTheCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, forever := time.Now(), make(chan struct{})
		err := identity{name: "edge-1", expires: began.Add(time.Hour)}.serveUntilExpiry(&refused{}, func() error { <-forever; return nil })
		if status.Code(err) != codes.Unauthenticated || time.Since(began) != time.Hour {
			t.Errorf("ended with %v after %s", err, time.Since(began))
		}
		close(forever)
		broken := errors.New("broken")
		err = identity{name: "edge-1", expires: time.Now().Add(time.Hour)}.serveUntilExpiry(&refused{}, func() error { return broken })
		if !errors.Is(err, broken) {
			t.Errorf("error = %v; want the stream's own", err)
		}
	})
}
