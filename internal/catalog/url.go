package catalog

import (
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/soukhq/souk/internal/fault"
)

var (
	hostLabel = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$`)
	// A host whose last label is a number is an IPv4 address to browsers, whatever its shape
	// (https://url.spec.whatwg.org/#ends-in-a-number-checker).
	numeric = regexp.MustCompile(`^([0-9]+|0x[0-9a-f]*)$`)
)

// CheckURL judges the web address of an app by its text alone, as browsers would read it; no name is looked up. Every
// finding is an error at app.url. An empty address has no findings here: Check asks for it.
func CheckURL(raw string) []fault.Finding {
	wrong := func(code, message, remediation string) []fault.Finding {
		return []fault.Finding{finding("url", code, message, remediation)}
	}
	const example = "give an address such as https://where2eat.example.com"
	if raw == "" {
		return nil
	}
	if len(raw) > urlMax {
		return wrong("url_too_long", "the web address is too long", "give an address of at most "+strconv.Itoa(urlMax)+" characters")
	}
	if strings.ContainsAny(raw, " \\\"<>^`{|}") || strings.ContainsFunc(raw, func(r rune) bool { return r < 0x20 || r == 0x7f }) ||
		!utf8.ValidString(raw) {
		return wrong("url_shape", "the web address holds characters that no web address may hold", example)
	}
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || u.Host == "" {
		return wrong("url_shape", "this is not a web address", example)
	}
	var found []fault.Finding
	if u.Scheme != "https" {
		f := finding("url", "url_not_https", "the web address is not encrypted: it does not begin with https://", "give an address that begins with https://")
		if u.Scheme == "http" && u.Port() == "" {
			f = mend(f, "https"+raw[len(u.Scheme):])
		}
		found = append(found, f)
	}
	if u.User != nil {
		found = append(found, wrong("url_userinfo", "the web address holds a user name or password before an @",
			"leave out everything before the @ and the @ itself")...)
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			found = append(found, wrong("url_port", "the web address names a port that does not exist", "leave the port out")...)
		}
	}
	return append(found, checkHost(strings.ToLower(u.Hostname()))...)
}

func checkHost(host string) []fault.Finding {
	wrong := func(code, message string) []fault.Finding {
		return []fault.Finding{finding("url", code, message, "give the full name of the server, such as where2eat.example.com")}
	}
	host = strings.TrimSuffix(host, ".")
	labels := strings.Split(host, ".")
	last := labels[len(labels)-1]
	if _, err := netip.ParseAddr(host); err == nil || strings.Contains(host, ":") || numeric.MatchString(last) {
		return wrong("url_ip_address", "the web address names a number instead of a server name")
	}
	if last == "localhost" || last == "localdomain" {
		return wrong("url_localhost", "the web address leads to the reader's own computer")
	}
	for _, label := range labels {
		if !hostLabel.MatchString(label) {
			return wrong("url_host", "the server name in the web address may hold only the letters a to z, digits, hyphens and dots")
		}
	}
	if len(labels) < 2 {
		return wrong("url_single_label", "the server name in the web address is not complete")
	}
	return nil
}
