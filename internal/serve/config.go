package serve

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/fault"
)

// Config is how an installation runs. The zero value is a server on a SQLite file in ./souk-data at loopback.
type Config struct {
	Data               string // directory
	DatabaseURL        string // postgres://…; empty is SQLite in Data
	DatabaseMigrateURL string // PostgreSQL: the role that owns the tables; empty is DatabaseURL
	Addr               string // host:port; without a host it is loopback only
	PublicURL          string // what people type, such as https://souk.example.com
	TrustedProxies     []string
	TLSCert, TLSKey    string // files
	AuditKeyFile       string
	AuditKey           string // the key itself, from SOUK_AUDIT_KEY
	SecretKey          string // base64 of the 32 bytes that secrets are sealed with, from SOUK_SECRET_KEY
	LogLevel           string // debug, info, warn, error
	LogFormat          string // text, json
	MetricsAddr        string // host:port of a listener for metrics alone; empty: they are on the one port
	MetricsToken       string // what Prometheus has to send, from SOUK_METRICS_TOKEN
	Publishers         string // everyone, or role: who may ask for requests
	FlagdAddr          string // host:port for flagd's evaluation; empty: none
	FlagdSyncAddr      string // host:port for flagd's sync; empty: none
	FlagdEnvironment   string // what these two serve to callers without an SDK key, where they may
	FlagdInsecure      bool   // these two serve callers without an SDK key, in plain text, off this machine, too

	mayBeAway bool // set by New: the server may start while its database is away

	// What no file sets.
	Mode           api.Mode
	People         []api.DemoPerson // whom one may sign in as, with Mode api.Demo
	Version        string
	Log            *slog.Logger
	Now            func() time.Time
	Listening      func(addresses []string)      // called by Run once it listens; may be nil
	FlagdListening func(setting, address string) // called by Run for each of flagd's ports; may be nil
	SetUp          func(link string)             // called by Run after Listening, with the link for the first administrator while there is none; may be nil
}

// setting is one member of souk.yaml, with the variable that overrides it.
type setting struct {
	name     string // as in souk.yaml, with dots for nesting; the variable is SOUK_ and this in capitals
	text     *string
	list     *[]string
	yes      *bool
	secret   bool
	variable bool   // comes by its variable only
	words    string // what it is, for the reference
}

func (c *Config) settings() []setting {
	return []setting{
		{name: "data", text: &c.Data, words: "directory for the database, keys and snapshots; `./souk-data`"},
		{name: "database.url", text: &c.DatabaseURL, secret: true, words: "PostgreSQL (`postgres://…`); SQLite in the data directory if absent"},
		{name: "database.migrate_url", text: &c.DatabaseMigrateURL, secret: true, words: "PostgreSQL: the role that owns the tables, if the server's own may only read and write rows"},
		{name: "addr", text: &c.Addr, words: "address to listen at; without a host, as in `:8080`, for this machine only"},
		{name: "public_url", text: &c.PublicURL, words: "what people type into the browser, such as `https://souk.example.com`"},
		{name: "trusted_proxies", list: &c.TrustedProxies, words: "networks of the proxies that end TLS, such as `10.0.0.0/8`"},
		{name: "tls_cert", text: &c.TLSCert, words: "file with the certificate, PEM"},
		{name: "tls_key", text: &c.TLSKey, words: "file with its key, PEM"},
		{name: "audit.key_file", text: &c.AuditKeyFile, words: "file with the key that signs the audit log; `audit.key` in the data directory if absent"},
		{name: "audit.key", text: &c.AuditKey, secret: true, variable: true, words: "that key itself"},
		{name: "secret.key", text: &c.SecretKey, secret: true, variable: true, words: "32 bytes in base64 that secrets in the database are sealed with, the same on every replica; the file `secret.key` in the data directory if absent"},
		{name: "publishers", text: &c.Publishers, words: "who may submit for a team of theirs: `everyone`, or `role`, those with the role publisher"},
		{name: "flagd.addr", text: &c.FlagdAddr, words: "address for flagd's evaluation protocol, such as `:8013`, for providers that take no more than host and port; off if absent"},
		{name: "flagd.sync_addr", text: &c.FlagdSyncAddr, words: "address for flagd's sync protocol, such as `:8015`; off if absent"},
		{name: "flagd.environment", text: &c.FlagdEnvironment, words: "environment that callers without an SDK key see at these two, on this machine only"},
		{name: "flagd.insecure", yes: &c.FlagdInsecure, words: "true: whoever reaches these two sees that environment without a key and in plain text, from other machines, too"},
		{name: "metrics_addr", text: &c.MetricsAddr, words: "address to listen at for Prometheus alone, such as `:9090` for this machine only; if absent, `/metrics` is at `addr`"},
		{name: "metrics.token", text: &c.MetricsToken, secret: true, variable: true, words: "token that `/metrics` wants, as `Authorization: Bearer`; needed where it can be reached from another machine"},
		{name: "log.level", text: &c.LogLevel, words: "debug, info, warn or error"},
		{name: "log.format", text: &c.LogFormat, words: "text or json"},
	}
}

// Setting is one thing that can be configured.
type Setting struct {
	Name         string // as in souk.yaml, with dots for nesting
	Variable     string // SOUK_…
	VariableOnly bool   // souk.yaml has no such member
	Words        string
}

// Settings lists what can be configured, for the reference.
func Settings() []Setting {
	var all []Setting
	for _, s := range new(Config).settings() {
		all = append(all, Setting{Name: s.name, Variable: s.env(), VariableOnly: s.variable, Words: s.words})
	}
	return all
}

func (s setting) env() string { return "SOUK_" + strings.ToUpper(strings.ReplaceAll(s.name, ".", "_")) }

// Defaults are what holds where nothing is said.
func Defaults() Config {
	return Config{Data: "./souk-data", Addr: ":8080", LogLevel: "info", LogFormat: "text", Mode: api.Serve, FlagdEnvironment: "production", Publishers: string(access.PublishersEveryone)}
}

// ReadFile sets what the text of a souk.yaml says. Unknown members are errors that name the nearest known one.
func (c *Config) ReadFile(name string, text []byte) error {
	bad := func(format string, args ...any) *fault.Error {
		return fault.New(fault.Invalid, "bad_config", name+": "+format, args...)
	}
	var document map[string]any
	if err := yaml.Unmarshal(text, &document); err != nil {
		return bad("not YAML").Fix("check indentation and quotes: %s", err.Error())
	}
	values := map[string]any{}
	flatten(document, "", values)
	var known []string
	settings := map[string]setting{}
	for _, s := range c.settings() {
		if !s.variable {
			known = append(known, s.name)
			settings[s.name] = s
		}
	}
	for key, value := range values {
		s, ok := settings[key]
		if !ok {
			return bad("%s is not a setting", key).At(key).Fix("%s", fault.Meant(key, known, "known are: "+strings.Join(known, ", ")))
		}
		if err := s.set(value); err != nil {
			return bad("%s %s", key, err.Error()).At(key).Fix("write it as text")
		}
	}
	return nil
}

func flatten(document map[string]any, path string, into map[string]any) {
	for name, value := range document {
		if inner, ok := value.(map[string]any); ok {
			flatten(inner, path+name+".", into)
			continue
		}
		into[path+name] = value
	}
}

func (s setting) set(value any) error {
	switch value := value.(type) {
	case bool:
		if s.yes == nil {
			return fmt.Errorf("is not text")
		}
		*s.yes = value
		return nil
	case string:
		if s.yes != nil {
			on, err := strconv.ParseBool(value)
			if err != nil {
				return fmt.Errorf("is neither true nor false")
			}
			*s.yes = on
			return nil
		}
		if s.list != nil {
			*s.list = splitList(value)
			return nil
		}
		*s.text = value
		return nil
	case []any:
		if s.list == nil {
			return fmt.Errorf("is a list")
		}
		*s.list = nil
		for _, item := range value {
			*s.list = append(*s.list, fmt.Sprint(item))
		}
		return nil
	}
	return fmt.Errorf("is not text")
}

func splitList(text string) []string {
	var list []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

// ReadEnv sets what SOUK_… variables say, given as NAME=value, and gives the names of those that mean nothing.
func (c *Config) ReadEnv(environ []string) (unknown []string) {
	settings := map[string]setting{}
	for _, s := range c.settings() {
		settings[s.env()] = s
	}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, "SOUK_") || strings.HasPrefix(name, "SOUK_TEST_") || name == "SOUK_REQUIRE_ALL" {
			continue
		}
		s, ok := settings[name]
		if !ok {
			unknown = append(unknown, name)
			continue
		}
		if s.set(value) != nil { // text fits all but a yes or no
			unknown = append(unknown, name+"="+value)
		}
	}
	slices.Sort(unknown)
	return unknown
}

// Print gives the configuration as souk.yaml, with secrets masked.
func (c *Config) Print() string {
	nested := map[string]any{}
	for _, s := range c.settings() {
		var value any
		switch {
		case s.list != nil:
			value = *s.list
		case s.yes != nil:
			value = *s.yes
		case s.secret && *s.text != "":
			value = mask(*s.text)
		default:
			value = *s.text
		}
		into, name := nested, s.name
		if group, member, ok := strings.Cut(s.name, "."); ok {
			inner, _ := nested[group].(map[string]any)
			if inner == nil {
				inner = map[string]any{}
				nested[group] = inner
			}
			into, name = inner, member
		}
		into[name] = value
	}
	text, err := yaml.Marshal(nested)
	if err != nil {
		panic(fmt.Sprintf("print configuration: %v", err)) // maps of text always have a form
	}
	return string(text)
}

// mask hides a secret: of a URL the password and the query, of all else everything.
func mask(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return "***"
	}
	if u.RawQuery != "" {
		u.RawQuery = "***"
	}
	return u.Redacted()
}

// Check tells what contradicts itself.
func (c *Config) Check() error {
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return fault.New(fault.Invalid, "bad_addr", "%q is not an address to listen at", c.Addr).At("addr").
			Fix("write it like :8080 for this machine only, or like 0.0.0.0:8080")
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return fault.New(fault.Invalid, "half_tls", "tls_cert and tls_key go together").At("tls_cert").Fix("give both or neither")
	}
	if c.DatabaseURL != "" && !strings.HasPrefix(c.DatabaseURL, "postgres://") && !strings.HasPrefix(c.DatabaseURL, "postgresql://") {
		return fault.New(fault.Invalid, "bad_database", "the database URL is not one of PostgreSQL").At("database.url").
			Fix("write it like postgres://user@host/souk, or leave it out for SQLite")
	}
	if _, err := c.proxies(); err != nil {
		return err
	}
	if _, err := c.Level(); err != nil {
		return err
	}
	if c.LogFormat != "text" && c.LogFormat != "json" {
		return fault.New(fault.Invalid, "bad_log_format", "the log format %q is not known", c.LogFormat).At("log.format").Fix("use text or json")
	}
	if err := c.checkMetrics(); err != nil {
		return err
	}
	if p := access.Publishers(c.Publishers); p != "" && p != access.PublishersEveryone && p != access.PublishersByRole {
		return fault.New(fault.Invalid, "bad_publishers", "publishers is %q", c.Publishers).At("publishers").
			Fix("use everyone, or role for members of groups with the role publisher only")
	}
	if err := c.checkFlagd(); err != nil {
		return err
	}
	if loopback(host) {
		return nil
	}
	if c.Mode == api.Demo {
		return fault.New(fault.Invalid, "demo_off_loopback", "the demo is for this machine only, not for %s", host).At("addr").
			Fix("use :PORT, or run souk serve")
	}
	if c.TLSCert == "" && (!strings.HasPrefix(c.PublicURL, "https://") || len(c.TrustedProxies) == 0) {
		return fault.New(fault.Invalid, "plain_http", "sessions and tokens would cross the network in plain text at %s", c.Addr).At("addr").
			Fix("give tls_cert and tls_key; or public_url (https) and trusted_proxies, if a proxy ends TLS; or listen at :PORT, this machine only")
	}
	return nil
}

// Level is the least level that is logged.
func (c *Config) Level() (level slog.Level, err error) {
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return level, fault.New(fault.Invalid, "bad_log_level", "the log level %q is not known", c.LogLevel).At("log.level").
			Fix("use debug, info, warn or error")
	}
	return level, nil
}

// proxies gives the networks that requests may come from where a proxy ends TLS.
func (c *Config) proxies() ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range c.TrustedProxies {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			ip, ipErr := netip.ParseAddr(text)
			if ipErr != nil {
				return nil, fault.New(fault.Invalid, "bad_proxy", "%q is neither an IP address nor a network", text).At("trusted_proxies").
					Fix("write it like 10.0.0.0/8")
			}
			prefix = netip.PrefixFrom(ip, ip.BitLen())
		}
		all = append(all, prefix)
	}
	return all, nil
}

// loopback tells whether a host to listen at means this machine only; none does.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && ip.IsLoopback()
}

// listenAt gives the addresses to listen at: without a host, or for localhost, loopback in both families.
func listenAt(addr string) []string {
	host, port, _ := net.SplitHostPort(addr)
	if host != "" && host != "localhost" {
		return []string{addr}
	}
	return []string{net.JoinHostPort("127.0.0.1", port), net.JoinHostPort("::1", port)}
}
