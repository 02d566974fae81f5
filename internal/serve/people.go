package serve

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/backup"
)

func (a *App) newBackups() *backup.Backups {
	return &backup.Backups{DB: a.db, Audit: a.audit, Now: a.cfg.Now, Version: a.cfg.Version, Dir: a.cfg.Data}
}

// url is where people reach the console: what is configured, else where this process listens or would listen.
func (a *App) url() string {
	if listening := a.address.Load(); listening != nil {
		return *listening
	}
	return a.cfg.URL(a.cfg.Addr)
}

// URL is what to type into a browser for an address that is listened at.
func (c *Config) URL(address string) string {
	if c.PublicURL != "" {
		return strings.TrimRight(c.PublicURL, "/")
	}
	scheme := "http://"
	if c.TLSCert != "" {
		scheme = "https://"
	}
	host, port, err := net.SplitHostPort(address)
	if ip, ipErr := netip.ParseAddr(host); err == nil && (host == "" || ipErr == nil && (ip.IsLoopback() || ip.IsUnspecified())) {
		address = net.JoinHostPort("localhost", port)
	}
	return scheme + address
}

// setUp hands out the link for the first administrator, while there is none. The log learns that there is one, and nothing of
// its secret.
func (a *App) setUp(ctx context.Context) {
	if a.cfg.Mode != api.Serve || a.cfg.SetUp == nil {
		return
	}
	link, needed, err := a.Accounts.SetUpLink(ctx)
	if err != nil {
		a.log.LogAttrs(ctx, slog.LevelError, "no set-up link made", slog.Any("error", err))
		return
	}
	if needed {
		a.log.LogAttrs(ctx, slog.LevelInfo, "set-up link written to standard output", slog.Time("expires_at", link.ExpiresAt))
		a.cfg.SetUp(link.Link)
	}
}

// throughProxy gives the request the address of who sent it, where it came through trusted proxies: the last hop that is
// none of them. What strangers claim to forward is not believed.
func throughProxy(r *http.Request, proxies []netip.Prefix) *http.Request {
	trusted := func(ip netip.Addr) bool {
		return ip.IsLoopback() || slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(ip.Unmap()) })
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !trusted(peer.Addr()) {
		return r
	}
	if hosts := r.Header.Values("X-Forwarded-Host"); len(hosts) == 1 && !strings.Contains(hosts[0], ",") {
		named := *r
		named.Host = hosts[0] // a proxy may put its own name into Host
		r = &named
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		ip, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			return r
		}
		if !trusted(ip) {
			forwarded := *r
			forwarded.RemoteAddr = netip.AddrPortFrom(ip.Unmap(), 0).String()
			return &forwarded
		}
	}
	return r
}
