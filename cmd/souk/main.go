// Command souk is the whole product: server, console and command line.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/soukhq/souk/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, cli.Console{Args: os.Args[1:], Environ: os.Environ(), In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(code)
}
