package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/demo"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/serve"
	"github.com/soukhq/souk/internal/telemetry"
)

// defaultFile is read if it is there and no other is named.
const defaultFile = "souk.yaml"

func readConfigFile(cfg *serve.Config, file string) error {
	named := file != ""
	if !named {
		file = defaultFile
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return nil
	}
	if err != nil {
		return fault.New(fault.Invalid, "no_config", "the configuration %s cannot be read", file).Fix("check its name and who may read it").Because(err)
	}
	return cfg.ReadFile(file, text)
}

func (p *program) serveCommand() *cobra.Command {
	var file string
	var show bool
	given := serve.Config{}
	cmd := &cobra.Command{
		Use: "serve", Short: "Run a server", Args: cobra.NoArgs,
		Long: `Run a server: console, API and flag evaluation on one port. It migrates its database at the start.

An address without a host, such as :8080, is for this machine only. Off this machine it wants tls_cert and tls_key, or a
proxy that ends TLS (public_url and trusted_proxies).

Stock flagd providers and daemons, which can be told no more than host and port, reach it at --flagd-addr and
--flagd-sync-addr.`,
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.config(file)
			if err != nil {
				return err
			}
			for into, text := range map[*string]string{
				&cfg.Addr: given.Addr, &cfg.FlagdAddr: given.FlagdAddr, &cfg.FlagdSyncAddr: given.FlagdSyncAddr, &cfg.FlagdEnvironment: given.FlagdEnvironment,
			} {
				if text != "" {
					*into = text
				}
			}
			cfg.FlagdInsecure = cfg.FlagdInsecure || given.FlagdInsecure
			if show {
				fmt.Fprint(p.Out, cfg.Print())
				return nil
			}
			if err := cfg.Check(); err != nil {
				return err
			}
			cfg.Version = telemetry.Version
			level, err := cfg.Level()
			if err != nil {
				return err
			}
			cfg.Log = telemetry.Logger(p.Err, telemetry.Format(cfg.LogFormat), level)
			cfg.Listening = func(addresses []string) { fmt.Fprintf(p.Out, "souk serves %s\n", cfg.URL(addresses[0])) }
			cfg.FlagdListening = func(setting, address string) { fmt.Fprintf(p.Out, "%s: %s\n", setting, address) }
			cfg.SetUp = func(link string) {
				fmt.Fprintf(p.Out, "nobody administers it yet; open this link within 24 hours to become the first administrator, it works once:\n%s\n", link)
			}
			app, err := serve.New(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			return app.Run(cmd.Context())
		}),
	}
	cmd.Flags().StringVar(&file, "config", "", "configuration file (default ./souk.yaml if it is there)")
	cmd.Flags().StringVar(&given.Addr, "addr", "", "address to listen at (default :8080, this machine only)")
	cmd.Flags().StringVar(&given.FlagdAddr, "flagd-addr", "", "address for flagd's evaluation protocol, such as :8013 (default none)")
	cmd.Flags().StringVar(&given.FlagdSyncAddr, "flagd-sync-addr", "", "address for flagd's sync protocol, such as :8015 (default none)")
	cmd.Flags().StringVar(&given.FlagdEnvironment, "flagd-environment", "", "environment that these two serve without an SDK key, on this machine (default production)")
	cmd.Flags().BoolVar(&given.FlagdInsecure, "flagd-insecure", false, "serve it without a key and in plain text to other machines, too")
	cmd.Flags().BoolVar(&show, "print-config", false, "show the configuration that holds, secrets masked, and stop")
	p.installation(cmd)
	return cmd
}

func (p *program) demoCommand() *cobra.Command {
	var addr, data string
	cmd := &cobra.Command{
		Use: "demo", Short: "Run a made-up company to play with, on this machine", Args: cobra.NoArgs,
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			cfg := serve.Defaults()
			cfg.Addr, cfg.Mode, cfg.LogFormat = addr, api.Demo, "text"
			if err := cfg.Check(); err != nil {
				return err
			}
			return demo.Run(cmd.Context(), demo.Config{
				Addr: addr, Data: data, Version: telemetry.Version, Log: telemetry.Logger(p.Err, telemetry.Text, slog.LevelWarn), Out: p.Out, Now: time.Now,
			})
		}),
	}
	cmd.Flags().StringVar(&addr, "addr", ":8080", "address to listen at, on this machine")
	cmd.Flags().StringVar(&data, "data", "", "directory that keeps the demo (default a throwaway one)")
	return cmd
}

func (p *program) migrateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "migrate", Short: "Bring the database to this version, and do only that", Args: cobra.NoArgs,
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.config("")
			if err != nil {
				return err
			}
			if err := serve.Migrate(cmd.Context(), cfg); err != nil {
				return err
			}
			return p.write(map[string]string{"status": "current"}, func(w io.Writer) {
				fmt.Fprintln(w, "the database is at the version of this program")
			})
		}),
	}
	p.installation(cmd)
	p.outputFlag(cmd)
	return cmd
}

func (p *program) versionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "version", Short: "Tell the version", Args: cobra.NoArgs,
		RunE: run(func(*cobra.Command, []string) error {
			return p.write(map[string]string{"version": telemetry.Version, "go": runtime.Version()}, func(w io.Writer) {
				fmt.Fprintf(w, "souk %s (%s)\n", telemetry.Version, runtime.Version())
			})
		}),
	}
	p.outputFlag(cmd)
	return cmd
}
