package sdkkey

import (
	"context"
	"fmt"

	"github.com/soukhq/souk/internal/access"
)

// setLimits is the verb of this package that can loosen what governs: limits are what keeps one client from taking an environment
// from all others.
var setLimits = access.Verb[Limits]{Method: "Keys.SetLimits", Action: "sdk_key.limit", Right: access.KeyMake, Looser: looserLimits}

// limitsChange is what a proposal keeps.
type limitsChange struct {
	ID     string `json:"id"`
	Limits Limits `json:"limits"`
}

// Governing is the rows of this package in the table of verbs that govern.
func (k *Keys) Governing() []access.Governing {
	return []access.Governing{
		access.Row(setLimits, func(ctx context.Context, by access.Actor, c limitsChange, base int64) error {
			_, err := k.SetLimits(ctx, by, c.ID, c.Limits, base)
			return err
		}),
		access.Harmless("Keys.Create", access.KeyMake, "a key lets a program read what is served, which changes for nobody; its app, origins and side never change"),
		access.Harmless("Keys.Rotate", access.KeyMake, "the new key is of the same kind, and of no later end"),
		access.Harmless("Keys.Revoke", access.KeyMake, "it takes a key away"),
	}
}

// looserLimits says what a key may ask more of.
func looserLimits(before, after Limits) (words []string) {
	was, is := before.Effective(), after.Effective()
	if is.RequestsPerSecond > was.RequestsPerSecond {
		words = append(words, fmt.Sprintf("the key may evaluate %d times a second instead of %d", is.RequestsPerSecond, was.RequestsPerSecond))
	}
	if is.MaxStreams > was.MaxStreams {
		words = append(words, fmt.Sprintf("the key may hold %d streams instead of %d", is.MaxStreams, was.MaxStreams))
	}
	return words
}
