package osupdate

import (
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

func TestNothingMayBeWorseThanBefore(t *testing.T) {
	link := Link{Hardware: "52:54:00:00:00:01", Families: []string{ipv4}}
	before := Condition{Kedge: "worker", Ready: true, Contact: true, Failed: []string{"old.service"}, Links: []Link{link}, Routes: []string{ipv4}}
	as := func(change func(*Condition)) Condition {
		now := before
		now.Settled = true
		change(&now)
		return now
	}
	for name, test := range map[string]struct {
		before, now Condition
		want        []string
	}{
		"the same":   {before, as(func(*Condition) {}), nil},
		"better":     {Condition{}, as(func(c *Condition) { c.Failed = nil }), nil},
		"not so far": {before, before, []string{"the system has not started all of its units"}},
		"no kedge":   {before, as(func(c *Condition) { c.Kedge = "" }), []string{"kedge worker does not run"}},
		"not ready":  {before, as(func(c *Condition) { c.Ready, c.Problem = false, "; kubelet: late" }), []string{"kedge worker is not ready; kubelet: late"}},
		"no contact": {before, as(func(c *Condition) { c.Contact = false }), []string{"kedge does not reach its controller"}},
		"a unit":     {before, as(func(c *Condition) { c.Failed = []string{"new.service", "old.service"} }), []string{"new.service failed"}},
		"no link":    {before, as(func(c *Condition) { c.Links = nil }), []string{"the network interface 52:54:00:00:00:01 is not up"}},
		"no address": {before, as(func(c *Condition) { c.Links = []Link{{Hardware: link.Hardware}} }), []string{"the network interface 52:54:00:00:00:01 has no address of IPv4"}},
		"no route":   {before, as(func(c *Condition) { c.Routes = nil }), []string{"there is no default route for IPv4"}},
		// What was not there before the update is not asked for after it.
		"a controller that is away before and after": {
			as(func(c *Condition) { c.Contact = false }), as(func(c *Condition) { c.Contact = false }), nil,
		},
		"a network that is away before and after": {
			as(func(c *Condition) { c.Links, c.Routes, c.Contact = nil, nil, false }), as(func(c *Condition) { c.Links, c.Routes, c.Contact = nil, nil, false }), nil,
		},
		"a kedge that was not ready": {as(func(c *Condition) { c.Ready = false }), as(func(c *Condition) { c.Ready = false }), nil},
	} {
		if problems := test.now.worse(test.before); !slices.Equal(problems, test.want) {
			t.Errorf("%s: %q", name, problems)
		}
	}
}

func TestAddressesThatOthersReach(t *testing.T) {
	var addresses []net.Addr
	for _, text := range []string{"fe80::1/64", "10.0.2.15/24", "10.0.2.16/24", "2001:db8::1/64", "127.0.0.1/8"} {
		address, network, err := net.ParseCIDR(text)
		if err != nil {
			t.Fatal(err)
		}
		addresses = append(addresses, &net.IPNet{IP: address, Mask: network.Mask})
	}
	if found := families(addresses); !reflect.DeepEqual(found, []string{ipv4, ipv6}) {
		t.Errorf("%v", found)
	}
	if found := families(addresses[:1]); found != nil {
		t.Errorf("an address of a link alone: %v", found)
	}
}

func TestWaysToEverywhere(t *testing.T) {
	const (
		head   = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
		local  = "ens3\t0002000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
		way    = "ens3\t00000000\t0202000A\t0003\t0\t0\t1024\t00000000\t0\t0\t0\n"
		local6 = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo\n"
		way6   = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000002 00000400 00000001 00000000 00450003     ens3\n"
	)
	for name, test := range map[string]struct {
		v4, v6 string
		want   []string
	}{
		"none": {head + local, local6, nil},
		"both": {head + local + way, local6 + way6, []string{ipv4, ipv6}},
	} {
		proc := t.TempDir()
		for file, content := range map[string]string{"route": test.v4, "ipv6_route": test.v6} {
			if err := os.WriteFile(filepath.Join(proc, file), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if found := routes(proc); !slices.Equal(found, test.want) {
			t.Errorf("%s: %v", name, found)
		}
	}
}
