package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/dataplane"
	"github.com/soukhq/souk/internal/fault"
)

// Limits of a connection. Whoever sends headers or a body slowly holds one connection for seconds, not for ever.
const (
	headerTime = 5 * time.Second
	readTime   = 30 * time.Second
	idleTime   = 2 * time.Minute
	maxHeaders = 64 << 10
	drainTime  = 10 * time.Second
)

// socketName is the file in the data directory through which the command line speaks to a running server.
const socketName = "souk.sock"

// Socket is the path of the local socket of a data directory.
func Socket(data string) string { return filepath.Join(data, socketName) }

// Run starts the installation and listens until ctx ends; then it takes no new connections, lets running requests finish
// for at most 10 seconds, and closes everything.
func (a *App) Run(ctx context.Context) error {
	listeners, err := a.listen(ctx)
	if err != nil {
		return errors.Join(err, a.Close())
	}
	a.Start(ctx)
	failed := make(chan error, len(listeners))
	var servers []*http.Server
	var addresses []string
	for _, l := range listeners {
		server := a.server(ctx, l)
		server.RegisterOnShutdown(a.drain)
		servers = append(servers, server)
		if l.Addr().Network() != "unix" {
			addresses = append(addresses, l.Addr().String())
		}
		go func() { failed <- server.Serve(l) }()
	}
	if len(addresses) > 0 {
		url := a.cfg.URL(addresses[0])
		a.address.Store(&url)
	}
	if a.cfg.Listening != nil {
		a.cfg.Listening(addresses)
	}
	if a.connected.Load() {
		a.setUp(ctx)
	}
	select {
	case <-ctx.Done():
	case err = <-failed:
		err = fmt.Errorf("serve: %w", err)
	case err = <-a.failed:
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	for _, server := range servers {
		if shutdown := server.Shutdown(drain); shutdown != nil {
			a.log.LogAttrs(ctx, slog.LevelWarn, "requests cut off at shutdown", slog.Any("error", shutdown))
			_ = server.Close()
		}
	}
	return errors.Join(err, a.Close())
}

// listen opens the port and the local socket.
func (a *App) listen(ctx context.Context) (all []net.Listener, err error) {
	defer func() {
		if err != nil {
			for _, l := range all {
				_ = l.Close()
			}
		}
	}()
	var config net.ListenConfig
	addresses := listenAt(a.cfg.Addr)
	for i, addr := range addresses {
		l, err := config.Listen(ctx, "tcp", addr)
		if err != nil && i > 0 {
			continue // a machine without IPv6
		}
		if err != nil {
			return all, fault.New(fault.Unavailable, "cannot_listen", "cannot listen at %s", addr).At("addr").
				Fix("choose another port with --addr, or stop what listens there").Because(err)
		}
		if i == 0 && len(addresses) > 1 { // with port 0, the second family takes the port that the first was given
			_, port, _ := net.SplitHostPort(l.Addr().String())
			addresses[1] = net.JoinHostPort("::1", port)
		}
		if a.cfg.TLSCert != "" {
			certificate, err := tls.LoadX509KeyPair(a.cfg.TLSCert, a.cfg.TLSKey)
			if err != nil {
				return append(all, l), fault.New(fault.Invalid, "bad_certificate", "the TLS certificate cannot be used").At("tls_cert").
					Fix("give a certificate and its key as PEM files").Because(err)
			}
			l = tls.NewListener(l, &tls.Config{
				Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
			})
		}
		all = append(all, l)
	}
	local, err := a.listenLocal(ctx)
	if err != nil {
		return all, err
	}
	return append(all, local), nil
}

// listenLocal opens the local socket for its owner only. The database's lock is held by now, or the database is shared, so
// that a socket which nobody answers at is left over from a process that died.
func (a *App) listenLocal(ctx context.Context) (net.Listener, error) {
	path := Socket(a.cfg.Data)
	if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
		_ = conn.Close()
		return nil, fault.New(fault.Conflict, "already_running", "a server already runs on the data directory %s", a.cfg.Data).
			Fix("stop it first, or give another directory with --data")
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("replace stale socket: %w", err)
	}
	// Made under another name, so that nobody can open it before its mode is set.
	fresh := path + ".new"
	_ = os.Remove(fresh)
	var config net.ListenConfig
	l, err := config.Listen(ctx, "unix", fresh)
	if err != nil {
		return nil, fault.New(fault.Invalid, "no_socket", "the local socket %s cannot be made", path).At("data").
			Fix("use a data directory with a shorter path, on a file system with sockets").Because(err)
	}
	if unix, ok := l.(*net.UnixListener); ok {
		unix.SetUnlinkOnClose(false)
	}
	if err := errors.Join(os.Chmod(fresh, 0o600), os.Rename(fresh, path)); err != nil {
		return nil, errors.Join(fmt.Errorf("make local socket: %w", err), l.Close())
	}
	return &localListener{Listener: l, path: path}, nil
}

// localListener removes its socket when it is closed.
type localListener struct {
	net.Listener
	path string
}

// Close ends the listener.
func (l *localListener) Close() error {
	_ = os.Remove(l.path)
	return l.Listener.Close()
}

func (a *App) server(ctx context.Context, l net.Listener) *http.Server {
	base := context.WithoutCancel(ctx)
	if l.Addr().Network() == "unix" {
		base = api.WithLocal(base, access.Local(osUser()))
	}
	return &http.Server{
		Handler: a.Handler(), ReadHeaderTimeout: headerTime, ReadTimeout: readTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeaders,
		BaseContext: func(net.Listener) context.Context { return base }, ConnContext: dataplane.WithConn,
		ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
}

// osUser names the user of this process. Only that user and root can open the local socket, so whoever speaks through it is
// one of the two.
func osUser() string {
	if who, err := user.Current(); err == nil {
		return who.Username
	}
	return strconv.Itoa(os.Getuid())
}

// Local marks a request's context as one of the local user, for a caller in this process.
func Local(ctx context.Context) context.Context { return api.WithLocal(ctx, access.Local(osUser())) }

// peers refuses, where a proxy ends TLS, requests that do not come from it: they would carry secrets in plain text.
func (a *App) peers(next http.Handler) (http.Handler, error) {
	host, _, _ := net.SplitHostPort(a.cfg.Addr)
	proxies, err := a.cfg.proxies()
	if err != nil || loopback(host) || a.cfg.TLSCert != "" {
		if err == nil && len(proxies) > 0 {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, throughProxy(r, proxies)) }), nil
		}
		return next, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, err := netip.ParseAddrPort(r.RemoteAddr)
		trusted := err != nil || // the local socket has no address
			from.Addr().IsLoopback() ||
			slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(from.Addr().Unmap()) })
		if !trusted {
			http.Error(w, "this server is reached through its proxy only", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, throughProxy(r, proxies))
	}), nil
}

// own lets answers of the data plane be taken for nothing but what they are, and refuses, in a demo, hosts that it does not
// answer to, as the API does for itself.
func (a *App) own(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["X-Content-Type-Options"] = nosniff
		if a.cfg.Mode == api.Demo && r.Host != "" && !api.Local(r.Host) {
			http.Error(w, "the demo answers to localhost only", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

var nosniff = []string{"nosniff"}
