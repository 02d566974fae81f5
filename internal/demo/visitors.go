package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"
)

// visitors are colleagues who open the company's apps, each of which asks for all flags over OFREP, as an SDK does.
type visitors struct {
	base string
	keys map[string]string // by environment
	log  *slog.Logger
}

// crowd is who visits, with the groups that matter to audiences.
var crowd = []struct {
	name   string
	groups []string
}{
	{"alice", []string{"team-lunch", "pilot"}},
	{"bob", []string{"team-lunch", "pilot"}},
	{"chen", []string{"team-fraud", "pilot"}},
	{"dana", []string{"team-fraud", "beta"}},
	{"emil", []string{"team-branch"}},
	{"fatima", []string{"team-branch", "pilot"}},
	{"gita", []string{"team-cards", "beta"}},
	{"hugo", []string{"team-cards"}},
	{"ines", []string{"product", "pilot"}},
	{"kira", []string{"platform", "on-call", "beta"}},
	{"liam", []string{"beta"}},
	{"mei", []string{"pilot", "beta"}},
	{"noor", []string{"pilot"}},
}

// run lets somebody visit every half second or so until ctx ends.
func (v *visitors) run(ctx context.Context) {
	client := &http.Client{Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(300*time.Millisecond + rand.N(400*time.Millisecond)):
		}
		environment := environments[0]
		if rand.N(5) == 0 {
			environment = environments[1]
		}
		if err := v.visit(ctx, client, environment); err != nil && ctx.Err() == nil {
			v.log.Debug("demo visitor turned away", slog.Any("error", err))
		}
	}
}

func (v *visitors) visit(ctx context.Context, client *http.Client, environment string) error {
	who := crowd[rand.N(len(crowd))]
	body, err := json.Marshal(map[string]any{"context": map[string]any{"targetingKey": who.name + domain, "groups": who.groups}})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, v.base+"/ofrep/v1/evaluate/flags", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+v.keys[environment])
	request.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}
