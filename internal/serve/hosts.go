package serve

import (
	"net"
	"net/url"
	"strings"

	"github.com/soukhq/souk/internal/api"
)

// answers tells whether the console and the API answer to a host, as a request names it: to the host of public_url; to this
// machine's names; and, where neither says which name it is reached by, to every name that is one. So no page reaches a server on
// somebody's machine by a name of its own that leads there.
func (c *Config) answers(host string) bool {
	if !wellFormed(host) {
		return false
	}
	if api.Local(host) {
		return true
	}
	public, err := url.Parse(c.PublicURL)
	if c.PublicURL != "" && err == nil {
		return canonicalHost(public.Scheme, host) == canonicalHost(public.Scheme, public.Host)
	}
	at, _, _ := net.SplitHostPort(c.Addr)
	return !loopback(at)
}

// origin is that of public_url, as browsers send it.
func (c *Config) origin() string {
	public, err := url.Parse(c.PublicURL)
	if c.PublicURL == "" || err != nil || public.Host == "" {
		return ""
	}
	return public.Scheme + "://" + canonicalHost(public.Scheme, public.Host)
}

// canonicalHost is a host in lower case, without a port that goes without saying.
func canonicalHost(scheme, host string) string {
	host = strings.ToLower(host)
	if name, port, err := net.SplitHostPort(host); err == nil && port == map[string]string{"https": "443", "http": "80"}[scheme] {
		if strings.Contains(name, ":") {
			name = "[" + name + "]"
		}
		return name
	}
	return host
}

// wellFormed tells whether a host is a name or an address with or without a port, and nothing that different readers read in
// different ways.
func wellFormed(host string) bool {
	name := host
	if before, port, err := net.SplitHostPort(host); err == nil {
		if port == "" || strings.Trim(port, "0123456789") != "" {
			return false
		}
		name = before
	} else if inner, ok := strings.CutPrefix(host, "["); ok {
		if name, ok = strings.CutSuffix(inner, "]"); !ok {
			return false
		}
	}
	if net.ParseIP(name) != nil {
		return true
	}
	return name != "" && len(name) <= 253 && !strings.HasPrefix(name, ".") && !strings.HasSuffix(name, ".") && !strings.Contains(name, "..") &&
		strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-._") == ""
}
