package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/serve"
)

// client calls the API of an installation.
type client struct {
	http  *http.Client
	close func() error
}

// connect finds the installation: the server that runs on the data directory, or else one in this process. A database that
// is named on the command line is opened, whoever else uses it.
func (p *program) connect(ctx context.Context) (*client, error) {
	cfg, err := p.config("")
	if err != nil {
		return nil, err
	}
	return p.connectTo(ctx, cfg)
}

// connectTo is connect with a configuration that is read already.
func (p *program) connectTo(ctx context.Context, cfg serve.Config) (*client, error) {
	if p.database == "" {
		if c, err := dialSocket(cfg.Data); err == nil {
			return c, nil
		}
	}
	app, err := serve.New(ctx, cfg)
	if err != nil {
		return nil, err
	}
	app.Start(ctx)
	return &client{http: &http.Client{Transport: inProcess{app.Handler()}}, close: app.Close}, nil
}

// dialSocket calls the server that runs on a data directory.
func dialSocket(data string) (*client, error) {
	socket := serve.Socket(data)
	conn, err := net.DialTimeout("unix", socket, time.Second)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "no_server", "no server runs on the data directory %s", data).
			Fix("name its data directory with --data, or start it").Because(err)
	}
	_ = conn.Close()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, "unix", socket)
	}}
	return &client{http: &http.Client{Transport: transport}, close: func() error {
		transport.CloseIdleConnections()
		return nil
	}}, nil
}

// with connects, calls do, and closes.
func (p *program) with(ctx context.Context, do func(*client) error) error {
	c, err := p.connect(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(c), c.close())
}

// post sends in and reads the answer into out. What the API refuses is an *api.Problem.
func (c *client) post(ctx context.Context, path string, in, out any) error {
	return c.postTo(ctx, "/api/v1"+path, in, out)
}

func (c *client) postTo(ctx context.Context, path string, in, out any) error {
	text, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	answer, err := c.send(ctx, http.MethodPost, path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	return decode(answer, out)
}

// get reads the answer to a question into out.
func (c *client) get(ctx context.Context, path string, out any) error {
	answer, err := c.send(ctx, http.MethodGet, "/api/v1"+path, nil)
	if err != nil {
		return err
	}
	return decode(answer, out)
}

// decode reads an answer and closes it; out is nil where nothing is to be read.
func decode(answer *http.Response, out any) error {
	defer answer.Body.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(answer.Body).Decode(out); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	return nil
}

// send gives the answer to a request; the caller closes its body.
func (c *client) send(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://localhost"+path, body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "no_answer", "the server does not answer").Fix("see whether it still runs").Because(err)
	}
	if answer.StatusCode < http.StatusBadRequest {
		return answer, nil
	}
	defer answer.Body.Close()
	problem := &api.Problem{}
	if err := json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(problem); err != nil || problem.Detail == "" {
		return nil, fmt.Errorf("the server answered %s", answer.Status)
	}
	return nil, problem
}

func pathf(format string, parts ...string) string {
	escaped := make([]any, len(parts))
	for i, part := range parts {
		escaped[i] = url.PathEscape(part)
	}
	return fmt.Sprintf(format, escaped...)
}

// inProcess carries requests to a handler of this process, as the local user.
type inProcess struct{ handler http.Handler }

// RoundTrip gives the answer as soon as the handler begins it; the body follows as the handler writes it.
func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	reader, writer := io.Pipe()
	w := &pipeWriter{header: http.Header{}, body: writer, begun: make(chan struct{})}
	inner := r.Clone(serve.Local(r.Context()))
	inner.RequestURI, inner.RemoteAddr = r.URL.RequestURI(), "@"
	if inner.Body == nil {
		inner.Body = http.NoBody
	}
	go func() {
		defer func() {
			var err error
			if cause := recover(); cause != nil {
				err = errors.New("the answer was broken off")
			}
			w.begin(http.StatusOK)
			_ = writer.CloseWithError(err)
		}()
		t.handler.ServeHTTP(w, inner)
	}()
	select {
	case <-w.begun:
	case <-r.Context().Done():
		_ = reader.CloseWithError(r.Context().Err())
		return nil, r.Context().Err()
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1,
		ProtoMinor: 1, Header: w.sent, Body: reader, ContentLength: -1, Request: r,
	}, nil
}

// pipeWriter is the answer of a handler on its way through a pipe. status and sent are written before begun is closed.
type pipeWriter struct {
	header http.Header
	body   *io.PipeWriter
	begun  chan struct{}
	done   bool
	status int
	sent   http.Header
}

func (w *pipeWriter) begin(status int) {
	if w.done {
		return
	}
	w.done, w.status, w.sent = true, status, w.header.Clone()
	close(w.begun)
}

// Header gives the headers to be sent.
func (w *pipeWriter) Header() http.Header { return w.header }

// WriteHeader begins the answer.
func (w *pipeWriter) WriteHeader(status int) {
	if status >= http.StatusOK {
		w.begin(status)
	}
}

// Write writes a part of the body.
func (w *pipeWriter) Write(p []byte) (int, error) {
	w.begin(http.StatusOK)
	return w.body.Write(p)
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, strings.TrimSuffix(one, "s"))
}
