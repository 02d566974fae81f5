package serve

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/backup"
	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/signin"
	"github.com/soukhq/souk/internal/store"
)

func (a *App) newAccounts() *signin.Accounts {
	return &signin.Accounts{
		DB: a.db, Now: a.cfg.Now, Log: a.log, Directory: a.Directory, URL: a.url,
		Sessions: &signin.Sessions{DB: a.db, Now: a.cfg.Now, Publishers: access.Publishers(a.cfg.Publishers)},
	}
}

// newGovernors knows, for every kind of change that can wait for a second administrator, the verb that does it.
func (a *App) newGovernors() *access.Governors {
	g := &access.Governors{DB: a.db, Now: a.cfg.Now, Perform: map[string]func(context.Context, access.Actor, json.RawMessage, int64) error{}}
	maps.Copy(g.Perform, a.Directory.Perform())
	maps.Copy(g.Perform, a.accounts.Perform())
	maps.Copy(g.Perform, a.Policies.Perform())
	maps.Copy(g.Perform, a.Library.Perform())
	maps.Copy(g.Perform, a.newBackups().Perform())
	return g
}

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
	link, needed, err := a.accounts.SetUpLink(ctx)
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

// usesOfGroup names what hangs on a group, for whoever wants to delete it.
func usesOfGroup(ctx context.Context, tx *store.Tx, group string) ([]string, error) {
	apps, err := catalog.OwnedBy(ctx, tx, group)
	if err != nil {
		return nil, err
	}
	var uses []string
	for _, slug := range apps {
		uses = append(uses, "the app "+slug)
	}
	segments, err := registry.SegmentsOf(ctx, tx, group)
	if err != nil {
		return nil, err
	}
	for _, name := range segments {
		uses = append(uses, "the audience "+name)
	}
	flags, err := registry.OwnedBy(ctx, tx, group)
	for _, key := range flags {
		uses = append(uses, "the flag "+key)
	}
	return uses, err
}
