package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"kedge/internal/argv"
	"kedge/internal/role"
)

// addresses gives this machine the addresses of the services that every node
// serves itself: the API's and that of DNS. Pods then reach them here, whatever
// addresses the controller and other nodes have.
func (w *Worker) addresses() *role.Step {
	return role.NewStep(addresses, func(context.Context) error {
		api, err := w.current().APIAddress()
		if err != nil {
			return fmt.Errorf("the cluster's network of services: %w", err)
		}
		own := []netip.Addr{api}
		if dns := w.current().Cluster.DNSAddress; dns != "" && !w.current().Cluster.DNS.Disabled {
			address, err := netip.ParseAddr(dns)
			if err != nil {
				return fmt.Errorf("the address of the cluster's DNS: %w", err)
			}
			own = append(own, address)
		}
		return setAddresses(own)
	})
}

func setAddresses(own []netip.Addr) error {
	link, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find the loopback interface: %w", err)
	}
	for _, address := range own {
		host := &netlink.Addr{IPNet: &net.IPNet{IP: address.AsSlice(), Mask: net.CIDRMask(address.BitLen(), address.BitLen())}}
		if err := netlink.AddrAdd(link, host); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("give this machine the address %s: %w", address, err)
		}
	}
	return netlink.LinkSetUp(link)
}

// relay passes on what pods say to the API server. Its address may be one that
// their own network has, too.
func (w *Worker) relay() *role.Task {
	return role.NewTask(relay, func(ctx context.Context) error {
		n := w.current()
		if n.Direct {
			<-ctx.Done() // the API server itself listens there, at every address
			return nil
		}
		address, err := n.APIAddress()
		if err != nil {
			return err
		}
		listener, err := net.Listen("tcp", net.JoinHostPort(address.String(), strconv.Itoa(argv.RelayPort)))
		if err != nil {
			return fmt.Errorf("pass on what pods say to the API server: %w", err)
		}
		stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
		defer stop()
		for {
			connection, err := listener.Accept()
			if ctx.Err() != nil {
				return nil
			}
			if err != nil {
				return fmt.Errorf("pass on what pods say to the API server: %w", err)
			}
			go w.pass(ctx, connection)
		}
	})
}

// pass connects one client with the server.
func (w *Worker) pass(ctx context.Context, client net.Conn) {
	defer client.Close()
	server := w.current().Server
	port := server.Port()
	if port == "" {
		port = "443"
	}
	const patience = 10 * time.Second
	dialer := net.Dialer{Timeout: patience}
	upstream, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(server.Hostname(), port))
	if err != nil {
		role.LogOf(w.Log, relay).Debug("the API server does not answer", "error", err)
		return
	}
	defer upstream.Close()
	stop := context.AfterFunc(ctx, func() { _ = errors.Join(client.Close(), upstream.Close()) })
	defer stop()
	var both sync.WaitGroup
	both.Go(func() { forward(upstream, client) })
	both.Go(func() { forward(client, upstream) })
	both.Wait()
}

// forward copies until there is no more, and says so to the other end.
func forward(to, from net.Conn) {
	_, _ = io.Copy(to, from) // how it ended, both ends see
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}
